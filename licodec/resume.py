"""An output that exists and its input go in; whether the work has been done comes out."""

from collections.abc import Mapping
from pathlib import Path

from licodec.errors import BitstreamError, LicodecError
from licodec.inspect import Info, read_info_from


def is_finished(target: Path, source: Path) -> bool:
    """Whether an output exists; since outputs take their name when they are complete, it is.

    Raises:
        LicodecError: it is older than its input, or the system refuses to tell.
    """
    try:
        if not target.is_file():
            return False
        if target.stat().st_mtime_ns < source.stat().st_mtime_ns:
            raise LicodecError(f"output {target} is older than its input; replace it with --force")
    except OSError as error:
        raise LicodecError(f"{error.filename}: {error.strerror or error}") from error
    return True


def read_finished(target: Path, source: Path, settings: Mapping[str, object]) -> Info | None:
    """Description of a .lic file that need not be made again.

    Args:
        target: the .lic file.
        source: the picture.
        settings: what it must have been made with, by the names of `Info`'s fields.

    Returns:
        None if there is no file.

    Raises:
        LicodecError: the file is older than the picture, is no complete .lic file, or was made with
            other settings.
    """
    if not is_finished(target, source):
        return None
    try:
        with target.open("rb") as stream:
            info = read_info_from(stream, target.stat().st_size)
    except BitstreamError as error:
        raise LicodecError(f"output {target} {error}; replace it with --force") from error
    except OSError as error:
        raise LicodecError(f"output {target} cannot be read: {error.strerror or error}") from error
    for name, wanted in settings.items():
        found = getattr(info, name)
        if found != wanted:
            raise LicodecError(
                f"output {target} was made with {name} {found}, not {wanted}; "
                "replace it with --force"
            )
    return info
