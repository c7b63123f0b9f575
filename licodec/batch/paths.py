"""Which output each input gets: files, folders and patterns become a checked list of jobs."""

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from licodec.batch.jobs import Job
from licodec.errors import LicodecError
from licodec.names import PIPE, shown

# Folders of systems and programs beside pictures: macOS, Synology, QNAP, Picasa, thumbnailers.
_SIDE_FOLDERS = frozenset(
    (
        "@eadir", "__macosx", ".appledouble", ".thumbnails", ".thumbs", ".@__thumb", "@recycle",
        "#recycle", ".trashes", ".trash", ".spotlight-v100", ".fseventsd", ".picasaoriginals",
        "$recycle.bin",
    )
)  # fmt: skip
_SIDE_PREFIX = "._"  # what macOS writes beside a file where it has no place in it


class PathError(LicodecError):
    """Inputs and output make no sense together, whatever the files are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run has to do, and what it leaves."""

    jobs: list[Job]
    unread: tuple[str, ...] = ()  # files of folders that are pictures to other programs alone
    empty: tuple[str, ...] = ()  # folders with nothing to do, among several inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRules:
    """How a command names outputs and finds inputs."""

    rename: Callable[[Path], Path]  # input to output of the same place
    beside: Callable[[Path], Path] | None = None  # where there is no -o; None: the same
    keeps_folders: bool = False  # the whole path of an input is kept below -o
    is_input: Callable[[Path], bool]  # which files of a folder are taken
    is_unread: Callable[[Path], bool] = lambda path: False  # named in the summary
    what: str  # "pictures", for messages
    advice: str = ""  # options that keep outputs apart


def plan_files(inputs: Sequence[str], output: str | None, rules: PathRules) -> Plan:
    """Pair inputs with outputs.

    Args:
        inputs: files, folders, and patterns that no shell has expanded; or `PIPE` for stdin.
        output: a file for one input, `PIPE` for stdout, a folder (which exists, or ends in a
            slash); None writes beside the inputs, and to stdout what comes from stdin.
        rules: how outputs are named.

    Raises:
        PathError: a name is empty, or the combination makes no sense.
        LicodecError: a folder cannot be listed, or a folder or pattern has nothing to do.
    """
    if not inputs or "" in inputs:
        raise PathError("an INPUT is empty; name a file or a folder")
    if output == "":
        raise PathError("-o is empty; name a file or a folder")
    plan = _plan_files(list(inputs), output, rules)
    return replace(plan, jobs=_apart(plan.jobs, rules))


def _plan_files(inputs: list[str], output: str | None, rules: PathRules) -> Plan:
    # There already, or to be made.
    to_folder = output is not None and (os.path.isdir(output) or output.endswith(("/", os.sep)))
    if PIPE in inputs:
        if len(inputs) > 1:
            raise PathError("- as INPUT stands alone; give other inputs in a call of their own")
        if to_folder:
            raise PathError("input from stdin needs the name of a file with -o")
        return Plan(jobs=[Job(PIPE, output or PIPE)])
    named = [pair for name in inputs for pair in _expand(name, rules)]
    names = [name for name, _ in named]
    has_folder = any(os.path.isdir(name) for name in names)
    if output is None:
        if has_folder:
            raise PathError("a folder as INPUT needs -o with a folder for the results")
        beside = rules.beside or rules.rename
        return Plan(jobs=[Job(name, str(beside(Path(name)))) for name in names])
    if not to_folder and not has_folder and len(names) == 1 and names == inputs:
        return Plan(jobs=[Job(names[0], output)])
    if output == PIPE:
        raise PathError("-o - takes one file, not several inputs, a pattern or a folder")
    if os.path.exists(output) and not os.path.isdir(output):
        raise PathError(f"-o {shown(output)} is a file; several inputs need a folder")
    return _plan_folder(named, Path(output), rules)


def _plan_folder(named: list[tuple[str, Path | None]], output: Path, rules: PathRules) -> Plan:
    """Jobs that write below a folder."""
    jobs, unread, empty = [], list[str](), list[str]()
    for name, pattern_base in named:
        path = Path(name)
        files, base, foreign = [path], pattern_base or path.parent, list[str]()
        if os.path.isdir(name):
            found = _walk(path)
            files, base = [file for file in found if rules.is_input(file)], path
            foreign = [str(file) for file in found if rules.is_unread(file)]
        unread += foreign
        empty += [] if files or foreign else [name]
        for file in files:
            renamed = rules.rename(file)
            kept = _whole_path(renamed) if rules.keeps_folders else renamed.relative_to(base)
            jobs.append(Job(str(file), str(output / kept)))
    if not jobs:
        names = ", ".join(shown(name) for name in empty or unread)
        what = "pictures to other programs alone" if unread and not empty else "in this folder"
        raise LicodecError(f"{names}: no {rules.what} {what}" if empty else f"{names}: {what}")
    return Plan(jobs=jobs, unread=tuple(unread), empty=tuple(empty))


def _whole_path(path: Path) -> Path:
    return Path(*(part for part in path.parts if part not in (path.anchor, "..", ".")))


def _expand(name: str, rules: PathRules) -> list[tuple[str, Path | None]]:
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
    files = [n for n in found if _is_taken(Path(n), fixed) and rules.is_input(Path(n))]
    if not files:
        raise LicodecError(f"{name}: no {rules.what} match this pattern")
    return [(match, base) for match in files]


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


def _apart(jobs: list[Job], rules: PathRules) -> list[Job]:
    """The jobs, each once; those that would share an output have a problem."""
    jobs = list(dict.fromkeys(jobs))
    by_output: dict[str, list[Job]] = {}
    for job in jobs:
        by_output.setdefault(os.path.normcase(os.path.realpath(job.target)), []).append(job)
    problems = {
        job: f"would be written to {shown(job.target)}, as would "
        f"{shown(next(other for other in group if other != job).source)}; "
        f"{rules.advice}give them in separate calls, with -o"
        for group in by_output.values()
        if len(group) > 1
        for job in group
    }
    return [replace(job, problem=problems.get(job, "")) for job in jobs]
