"""Reads inputs and writes outputs: refused before work is spent on them, complete or absent."""

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from licodec.errors import LicodecError
from licodec.names import PIPE


@contextlib.contextmanager
def system_errors(what: str = "") -> Iterator[None]:
    """Make one line of what the system refuses in a `with` block.

    Args:
        what: stands before the system's reason; if empty, the file's name that it gives.

    Raises:
        LicodecError: the system refuses.
    """
    try:
        yield
    except OSError as error:
        raise LicodecError(f"{what or error.filename}: {error.strerror or error}") from error


def check_target(target: Path, source: Path | None = None, *, force: bool = False) -> None:
    """Refuse an output early, before work is spent on it.

    Raises:
        LicodecError: the target is the source, a folder, exists and `force` is not set, or the
            system refuses its name.
    """
    if source is not None and _is_same(source, target):
        raise LicodecError(f"output {target} is the input itself; choose another name")
    with system_errors(f"output {target} cannot be written"):
        is_folder = target.is_dir()
    if is_folder:
        raise LicodecError(f"output {target} is a folder; name a file in it")
    if not force and _is_regular(target):
        raise LicodecError(f"output {target} exists; replace it with --force")


def check_output(target: Path, source: Path | None = None, *, force: bool) -> None:
    """Refuse an output before work is spent on it.

    Raises:
        LicodecError: as `check_target` and, but for a device or pipe, `check_folder`.
    """
    check_target(target, source, force=force)
    if target.is_file() or not target.exists():
        check_folder(Path(os.path.realpath(target)).parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, or be created; nothing is created here.

    Raises:
        LicodecError: so it is.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise LicodecError(f"folder {folder} cannot be created: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise LicodecError(f"folder {place} cannot be written; choose another one")


def read_bytes(source: str) -> bytes:
    """All bytes of a file, a pipe or stdin.

    Raises:
        LicodecError: as `open_input`.
    """
    if source == PIPE:
        with system_errors("cannot be read"):
            return sys.stdin.buffer.read()
    with open_input(source) as stream:
        return stream.read()


@contextlib.contextmanager
def open_input(source: str) -> Iterator[io.BufferedReader]:
    """A file or a pipe to read from.

    Raises:
        LicodecError: the system refuses, also in the block, or it is a device, which may never end.
    """
    with system_errors("cannot be read"), open(source, "rb") as stream:
        if is_device(os.fstat(stream.fileno())):
            raise LicodecError("is a device; name a file, or - for stdin")
        yield stream


def is_device(status: os.stat_result) -> bool:
    """Whether a file is a device, pipes apart."""
    return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)


def write_file(target: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file so that no reader ever sees a part of it.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the
    target's name in one step; whatever fails leaves what was there and no temporary file. A
    device or pipe is written directly. A replaced file keeps its permissions, a symbolic link
    its place.

    Raises:
        LicodecError: the target exists and `replace` is not set, or the system refuses.
    """
    if not replace:
        check_target(target)
    with system_errors(f"output {target} cannot be written"):
        # Before links are followed: those to a pipe (/dev/stdout) lead to a name of no file.
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
            return
        _write_beside(Path(os.path.realpath(target)), data)


def make_folder(folder: Path) -> None:
    """Create a folder with its parents; one that exists is fine.

    Raises:
        LicodecError: the system refuses, or a file of that name is there.
    """
    with system_errors(f"folder {folder} cannot be created"):
        folder.mkdir(parents=True, exist_ok=True)


def _write_beside(target: Path, data: bytes) -> None:
    # Not tempfile: its files are readable by their owner only, whatever the umask says.
    temporary = target.with_name(f".licodec-{os.urandom(6).hex()}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            with contextlib.suppress(OSError):  # another owner's file: the content still counts
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:  # an interrupt too must leave nothing behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _is_same(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:
        return False


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return path.is_symlink()
