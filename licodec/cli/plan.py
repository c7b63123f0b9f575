"""Inputs and -o become a checked list of jobs."""

import glob
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from licodec.cli.names import shown as shown_name
from licodec.cli.streams import is_closed
from licodec.errors import LicodecError

PIPE = "-"
# Folders of systems and programs beside pictures: macOS, Synology, QNAP, Picasa, thumbnailers.
_SIDE_FOLDERS = frozenset(
    (
        "@eadir", "__macosx", ".appledouble", ".thumbnails", ".thumbs", ".@__thumb", "@recycle",
        "#recycle", ".trashes", ".trash", ".spotlight-v100", ".fseventsd", ".picasaoriginals",
        "$recycle.bin",
    )
)  # fmt: skip
_SIDE_PREFIX = "._"  # what macOS writes beside a file where it has no place in it


@dataclass(frozen=True, slots=True)
class Job:
    """One input with its output; either may be `PIPE`."""

    source: str
    target: str
    problem: str = ""  # why it cannot be done, known before


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run has to do, and what it leaves."""

    jobs: list[Job]
    unread: tuple[str, ...] = ()  # files of folders that are pictures to other programs alone
    empty: tuple[str, ...] = ()  # folders with nothing to do, among several inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a command names outputs and finds inputs."""

    rename: Callable[[Path], Path]  # input to output of the same place
    beside: Callable[[Path], Path] | None = None  # where there is no -o; None: the same
    keeps_folders: bool = False  # the whole path of an input is kept below -o
    is_input: Callable[[Path], bool]  # which files of a folder are taken
    is_unread: Callable[[Path], bool] = lambda path: False  # named in the summary
    what: str  # "pictures", for messages
    advice: str = ""  # options that keep outputs apart


def plan_jobs(
    inputs: tuple[str, ...], output: str | None, naming: Naming, *, is_json: bool = False
) -> Plan:
    """Pair inputs with outputs; `is_json` says that stdout is taken.

    An input is a file, a folder, `PIPE`, or a pattern that no shell has expanded.

    Raises:
        click.UsageError: an input is empty, or the combination makes no sense.
        LicodecError: a folder cannot be listed, or a folder or pattern has nothing to do.
    """
    if "" in inputs:
        raise click.UsageError("an INPUT is empty; name a file or a folder")
    if output == "":
        raise click.UsageError("-o is empty; name a file or a folder")
    way = _plan_pipe if PIPE in inputs else _plan_files
    plan = way(inputs, output, naming)
    jobs = _apart(plan.jobs, naming)
    to_stdout = any(job.target == PIPE for job in jobs)
    if to_stdout and is_json:
        raise click.UsageError("--json needs stdout for itself; name a file with -o")
    if to_stdout and is_closed(sys.stdout):
        raise click.UsageError("stdout is closed; name a file with -o or redirect the output")
    if to_stdout and sys.stdout.isatty():
        raise click.UsageError("stdout is a terminal; name a file with -o or redirect the output")
    return replace(plan, jobs=jobs)


def shown(name: str) -> str:
    """A job's input or output as messages name it."""
    return "stdin" if name == PIPE else shown_name(name)


def check_stdin() -> None:
    """Refuse to read a stdin that is closed.

    Raises:
        click.UsageError: it is.
    """
    if is_closed(sys.stdin):
        raise click.UsageError("stdin is closed; name a file or redirect the input")


def _plan_pipe(inputs: tuple[str, ...], output: str | None, naming: Naming) -> Plan:
    if len(inputs) > 1:
        raise click.UsageError("- as INPUT stands alone; give other inputs in a call of their own")
    if output is not None and _is_folder(output):
        raise click.UsageError("input from stdin needs the name of a file with -o")
    check_stdin()
    if sys.stdin.isatty():
        raise click.UsageError("stdin is a terminal; name a file or redirect the input")
    return Plan(jobs=[Job(PIPE, PIPE if output is None else output)])


def _plan_files(inputs: tuple[str, ...], output: str | None, naming: Naming) -> Plan:
    groups = [_expand(name, naming) for name in inputs]
    names = [name for group in groups for name, _ in group]
    has_folder = any(os.path.isdir(name) for name in names)
    if output is None:
        if has_folder:
            raise click.UsageError("a folder as INPUT needs -o with a folder for the results")
        beside = naming.beside or naming.rename
        return Plan(jobs=[Job(name, str(beside(Path(name)))) for name in names])
    to_folder = _is_folder(output)
    if not to_folder and not has_folder and len(names) == 1 and names == list(inputs):
        return Plan(jobs=[Job(names[0], output)])
    if output == PIPE:
        raise click.UsageError("-o - takes one file, not several inputs, a pattern or a folder")
    if os.path.exists(output) and not os.path.isdir(output):
        raise click.UsageError(f"-o {shown(output)} is a file; several inputs need a folder")
    return _plan_folder([pair for group in groups for pair in group], Path(output), naming)


def _plan_folder(named: list[tuple[str, Path | None]], output: Path, naming: Naming) -> Plan:
    """Jobs that write below a folder."""
    jobs, unread, empty = [], list[str](), list[str]()
    for name, pattern_base in named:
        found = _files_of(name, pattern_base, naming)
        unread += found.unread
        empty += [] if found.files or found.unread else [name]
        for path in found.files:
            renamed = naming.rename(path)
            kept = _whole_path(renamed) if naming.keeps_folders else renamed.relative_to(found.base)
            jobs.append(Job(str(path), str(output / kept)))
    if not jobs:
        names = ", ".join(shown(name) for name in empty or unread)
        what = "pictures to other programs alone" if unread and not empty else "in this folder"
        raise LicodecError(f"{names}: no {naming.what} {what}" if empty else f"{names}: {what}")
    return Plan(jobs=jobs, unread=tuple(unread), empty=tuple(empty))


def _whole_path(path: Path) -> Path:
    return Path(*(part for part in path.parts if part not in (path.anchor, "..", ".")))


def _is_folder(output: str) -> bool:
    """Whether -o names a folder, there already or to be made."""
    return os.path.isdir(output) or output.endswith(("/", os.sep))


def _expand(name: str, naming: Naming) -> list[tuple[str, Path | None]]:
    """What a pattern stands for, sorted; anything else, and a pattern without a match, is itself.

    Returns:
        Each name with the folder below which its place is kept: for a pattern with ** the part in
        front of the first wildcard, else None.
    """
    if os.path.lexists(name) or not glob.has_magic(name):
        return [(name, None)]
    found = sorted(glob.glob(name, recursive=True))
    if "**" not in name:
        found = [match for match in found if os.path.isfile(match) or os.path.isdir(match)]
        return [(match, None) for match in found] or [(name, None)]
    parts = Path(name).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    files = [n for n in found if _is_taken(Path(n), fixed) and naming.is_input(Path(n))]
    if not files:
        raise LicodecError(f"{name}: no {naming.what} match this pattern")
    return [(match, base) for match in files]


@dataclass(frozen=True, slots=True)
class _Found:
    """What an input stands for."""

    files: list[Path]
    base: Path  # the folder below which their places are kept
    unread: list[str]


def _files_of(name: str, base: Path | None, naming: Naming) -> _Found:
    path = Path(name)
    if not os.path.isdir(name):
        return _Found([path], path.parent if base is None else base, [])
    files = _walk(path)
    unread = [str(file) for file in files if naming.is_unread(file)]
    return _Found([file for file in files if naming.is_input(file)], path, unread)


def _walk(folder: Path) -> list[Path]:
    """All files below a folder, in order of their names; no pipes, devices and side files."""

    def refuse(error: OSError) -> None:
        raise LicodecError(f"{error.filename}: cannot be listed: {error.strerror}") from error

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name.lower() not in _SIDE_FOLDERS]
        found += [Path(place) / name for name in names]
    return sorted(path for path in found if _is_taken(path, len(path.parts) - 1))


def _is_taken(path: Path, num_given: int) -> bool:
    """Whether a file is one that a batch takes; its first parts were named by the user."""
    parts = path.parts[num_given:]
    is_side = path.name.startswith(_SIDE_PREFIX)
    return not is_side and not _SIDE_FOLDERS & {p.lower() for p in parts} and path.is_file()


def _apart(jobs: list[Job], naming: Naming) -> list[Job]:
    """The jobs, each once; those that would share an output have a problem."""
    by_output: dict[str, list[Job]] = {}
    for job in dict.fromkeys(jobs):
        key = job.target
        if key != PIPE:
            key = os.path.normcase(os.path.realpath(key))
        by_output.setdefault(key, []).append(job)
    problems = {
        job: f"would be written to {shown(job.target)}, as would "
        f"{shown(next(other for other in group if other != job).source)}; "
        f"{naming.advice}give them in separate calls, with -o"
        for group in by_output.values()
        if len(group) > 1
        for job in group
    }
    return [replace(job, problem=problems.get(job, "")) for job in dict.fromkeys(jobs)]
