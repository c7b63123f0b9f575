"""Which output each input gets: files, folders and patterns become a checked list of jobs."""

import glob
import os
import stat
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from licodec.batch.jobs import Job
from licodec.errors import LicodecError
from licodec.files import is_device
from licodec.names import PIPE, shown

# Folders of systems and programs beside pictures: macOS, Synology, QNAP, Picasa, thumbnailers.
_SIDE_FOLDERS = frozenset(
    (
        "@eadir", "__macosx", ".appledouble", ".thumbnails", ".thumbs", ".@__thumb", "@recycle",
        "#recycle", ".trashes", ".trash", ".spotlight-v100", ".fseventsd", ".picasaoriginals",
        "$recycle.bin",
    )
)  # fmt: skip
_SIDE_FOLDER_PREFIX = ".trash-"  # of drives under Linux, with the user's number
_SIDE_PREFIX = "._"  # what macOS writes beside a file where it has no place in it


class PathError(LicodecError):
    """Inputs and output make no sense together, whatever the files are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run has to do, and what it leaves."""

    jobs: list[Job]
    # Files of folders and of patterns with ** that are pictures to other programs alone.
    unread: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()  # inputs without a job, among several, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRules:
    """How a command names outputs and finds inputs."""

    rename: Callable[[Path], Path]  # input to output of the same place
    beside: Callable[[Path], Path] | None = None  # where there is no -o; None: the same
    keeps_folders: bool = False  # the whole path of an input is kept below -o
    is_input: Callable[[Path], bool]  # which files of a folder are taken
    is_unread: Callable[[Path], bool] = lambda path: False  # named in the summary
    what: str  # "pictures", for messages
    apart_by_name: str = ""  # option that keeps outputs of a.png and a.jpg apart


def plan_files(inputs: Sequence[str], output: str | None, rules: PathRules) -> Plan:
    """Pair inputs with outputs.

    Args:
        inputs: files, folders, and patterns that no shell has expanded; or `PIPE` for stdin.
        output: a file for one input, `PIPE` for stdout, a folder (which exists, or ends in a
            slash); None writes beside the inputs, and to stdout what comes from stdin.
        rules: how outputs are named.

    Raises:
        PathError: a name is empty, or the combination makes no sense.
        LicodecError: a folder or pattern has nothing to do.
    """
    if not inputs or "" in inputs:
        raise PathError("an INPUT is empty; name a file or a folder")
    if output == "":
        raise PathError("-o is empty; name a file or a folder")
    plan = _plan_files(list(inputs), output, rules)
    return replace(plan, jobs=_without_pipes(_apart(plan.jobs, rules)))


def _plan_files(inputs: list[str], output: str | None, rules: PathRules) -> Plan:
    to_folder = output is not None and is_folder_name(output)
    if PIPE in inputs:
        if len(inputs) > 1:
            raise PathError("- as INPUT stands alone; give other inputs in a call of their own")
        if to_folder:
            raise PathError("input from stdin needs the name of a file with -o")
        return Plan(jobs=[Job(PIPE, output or PIPE)])
    found = [pair for name in inputs for pair in _expand(name, rules)]
    named, passed = _without_sides(found)
    names = [name for name, _ in named]
    foreign = [name for name, base in named if base is not None and rules.is_unread(Path(name))]
    unread = dict.fromkeys(foreign)
    named = [pair for pair in named if pair[0] not in unread]
    has_folder = any(os.path.isdir(name) for name in names)
    if output is None:
        if has_folder:
            raise PathError("a folder as INPUT needs -o with a folder for the results")
        beside = rules.beside or rules.rename
        jobs = [Job(name, str(beside(Path(name)))) for name, _ in named]
        return Plan(jobs=jobs, unread=tuple(unread), passed=passed)
    if not to_folder and not has_folder and len(names) == 1 and names == inputs:
        return Plan(jobs=[Job(names[0], output)])
    if output == PIPE:
        raise PathError("-o - takes one file, not several inputs, a pattern or a folder")
    if os.path.exists(output) and not os.path.isdir(output):
        raise PathError(f"-o {shown(output)} is a file; several inputs need a folder")
    plan = _plan_folder(named, Path(output), rules)
    if not plan.jobs and not plan.unread and not unread:
        names = [name for name, _ in plan.passed]
        raise LicodecError(f"{', '.join(map(shown, names))}: no {rules.what} in this folder")
    unread |= dict.fromkeys(plan.unread)
    return replace(plan, unread=tuple(unread), passed=passed + plan.passed)


def is_folder_name(name: str) -> bool:
    """Whether a name is that of a folder, which is there already, or is to be made."""
    return os.path.isdir(name) or name.endswith(("/", os.sep))


def _plan_folder(named: list[tuple[str, Path | None]], output: Path, rules: PathRules) -> Plan:
    """Jobs that write below a folder."""
    jobs, unread, passed = [], list[str](), list[tuple[str, str]]()
    for name, pattern_base in named:
        path = Path(name)
        files, base, foreign, closed = [path], pattern_base or path.parent, list[str](), list[Job]()
        if os.path.isdir(name):
            found, refused = _walk(path)
            files, base = [file for file in found if rules.is_input(file)], path
            foreign = [str(file) for file in found if rules.is_unread(file)]
            closed = [Job(str(place), str(output), problem) for place, problem in refused]
        unread += foreign
        if not (files or foreign or closed):
            passed.append((name, "nothing to do in this folder"))
        jobs += closed
        for file in files:
            renamed = rules.rename(file)
            kept = _whole_path(renamed) if rules.keeps_folders else renamed.relative_to(base)
            target = output / kept
            if rules.beside is not None and _is_same_place(target.parent, file.parent):
                target = target.parent / rules.beside(file).name
            jobs.append(Job(str(file), str(target)))
    return Plan(jobs=jobs, unread=tuple(unread), passed=tuple(passed))


def _is_same_place(folder: Path, other: Path) -> bool:
    return os.path.realpath(folder) == os.path.realpath(other)


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
    taken = [name for name in found if _is_taken(Path(name), fixed)]
    files = [n for n in taken if rules.is_input(Path(n)) or rules.is_unread(Path(n))]
    if not files:
        raise LicodecError(f"{name}: no {rules.what} match this pattern")
    return [(match, base) for match in files]


def _without_sides(
    named: list[tuple[str, Path | None]],
) -> tuple[list[tuple[str, Path | None]], tuple[tuple[str, str], ...]]:
    """Inputs that are no side files and folders, which a shell's * brings along; and the others,
    with the reason. Where there is nothing else, they are meant."""
    kept = [(name, base) for name, base in named if not _is_side(Path(name))]
    if not kept:
        return named, ()
    left = [name for name, _ in named if _is_side(Path(name))]
    return kept, tuple((name, "left out: what other programs write beside files") for name in left)


def _is_side(path: Path) -> bool:
    """Whether the last part of a path is the name of a side file or folder."""
    return path.name.startswith(_SIDE_PREFIX) or _is_side_folder(path.name)


def _is_side_folder(name: str) -> bool:
    return name.lower() in _SIDE_FOLDERS or name.lower().startswith(_SIDE_FOLDER_PREFIX)


def _walk(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """All files below a folder, in order of their names; no pipes, devices and side files.

    Returns:
        The files, and folders that the system does not list, with the reason.
    """
    found, refused = list[Path](), list[tuple[Path, str]]()

    def refuse(error: OSError) -> None:
        refused.append((Path(error.filename), f"cannot be listed: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _is_side_folder(name)]
        found += [Path(place) / name for name in names]
    return sorted(p for p in found if _is_taken(p, len(p.parts) - 1)), sorted(refused)


def _is_taken(path: Path, num_given: int) -> bool:
    """Whether a file is one that a batch takes; its first parts were named by the user.

    A link that leads nowhere is taken, so that it is told.
    """
    if path.name.startswith(_SIDE_PREFIX) or any(map(_is_side_folder, path.parts[num_given:])):
        return False
    return path.is_file() or (path.is_symlink() and not path.exists())


def _apart(jobs: list[Job], rules: PathRules) -> list[Job]:
    """The jobs, each once; those that would share an output have a problem.

    Where one of them alone is a picture by its name (IMG_1.jpg beside IMG_1.mov), it is done.
    """
    once: dict[tuple[str, str], Job] = {}
    for job in jobs:
        once.setdefault((os.path.realpath(job.source), os.path.realpath(job.target)), job)
    by_output: dict[str, list[Job]] = {}
    for job in once.values():
        by_output.setdefault(_as_system_tells_apart(job.target), []).append(job)
    problems = {}
    for group in by_output.values():
        chosen = [job for job in group if rules.is_input(Path(job.source))]
        for job in group if len(group) > 1 else ():
            if chosen != [job]:
                other = next(other for other in chosen or group if other != job)
                problems[job] = _problem(job, other, rules)
    return [replace(job, problem=job.problem or problems.get(job, "")) for job in once.values()]


def _as_system_tells_apart(name: str) -> str:
    """A path that is equal for names of one file: macOS and Windows pass over case, and macOS over
    how accents are written."""
    path = os.path.normcase(os.path.realpath(name))
    is_folded = sys.platform == "darwin"
    return unicodedata.normalize("NFC", path).casefold() if is_folded else path


def _problem(job: Job, other: Job, rules: PathRules) -> str:
    """What is told of a job that another one keeps from its output."""
    is_one_name = Path(job.source).name == Path(other.source).name
    option = "--keep-folders" if is_one_name else rules.apart_by_name
    advice = f"use {option}, or " if option and not (is_one_name and rules.keeps_folders) else ""
    return (
        f"would be written to {shown(job.target)}, as would {shown(other.source)}; "
        f"{advice}give them in separate calls, with -o"
    )


def _without_pipes(jobs: list[Job]) -> list[Job]:
    """The jobs; among several, pipes and devices have a problem, since they may never end."""
    if len(jobs) < 2:
        return jobs
    problem = "is a pipe or a device; give it alone"
    return [replace(job, problem=problem) if _is_endless(job.source) else job for job in jobs]


def _is_endless(name: str) -> bool:
    """Whether a file is a pipe or a device with a name of its own, none of a shell (/dev/fd/63)."""
    try:
        status = os.stat(name)
    except OSError:
        return False
    is_endless = stat.S_ISFIFO(status.st_mode) or is_device(status)
    return is_endless and not name.startswith("/dev/")
