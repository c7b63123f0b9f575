"""Inputs and -o go in; a checked list of jobs comes out."""

import glob
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from licodec.cli.streams import is_closed
from licodec.errors import LicodecError

PIPE = "-"


@dataclass(frozen=True, slots=True)
class Job:
    """One input with its output; either may be `PIPE`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How a command names outputs and finds inputs."""

    rename: Callable[[Path], Path]  # input to output beside it
    is_input: Callable[[Path], bool]  # which files of a folder are taken
    what: str  # "pictures", for messages


def plan_jobs(
    inputs: tuple[str, ...], output: str | None, naming: Naming, *, is_json: bool = False
) -> list[Job]:
    """Pair inputs with outputs; `is_json` says that stdout is taken.

    An input is a file, a folder, `PIPE`, or a pattern that no shell has expanded.

    Raises:
        click.UsageError: an input is empty, the combination makes no sense, or two inputs have one
            output.
        LicodecError: a folder cannot be listed, or a folder or pattern has nothing to do.
    """
    if "" in inputs:
        raise click.UsageError("an INPUT is empty; name a file or a folder")
    if output == "":
        raise click.UsageError("-o is empty; name a file or a folder")
    plan = _plan_pipe if PIPE in inputs else _plan_files
    jobs = plan(inputs, output, naming)
    _refuse_shared_outputs(jobs)
    to_stdout = any(job.target == PIPE for job in jobs)
    if to_stdout and is_json:
        raise click.UsageError("--json needs stdout for itself; name a file with -o")
    if to_stdout and is_closed(sys.stdout):
        raise click.UsageError("stdout is closed; name a file with -o or redirect the output")
    if to_stdout and sys.stdout.isatty():
        raise click.UsageError("stdout is a terminal; name a file with -o or redirect the output")
    return jobs


def shown(name: str) -> str:
    """A job's input or output as messages name it."""
    return {PIPE: "stdin"}.get(name, click.format_filename(name))


def check_stdin() -> None:
    """Refuse to read a stdin that is closed.

    Raises:
        click.UsageError: it is.
    """
    if is_closed(sys.stdin):
        raise click.UsageError("stdin is closed; name a file or redirect the input")


def _plan_pipe(inputs: tuple[str, ...], output: str | None, naming: Naming) -> list[Job]:
    if len(inputs) > 1:
        raise click.UsageError("- as INPUT stands alone; give other inputs in a call of their own")
    if output is not None and _is_folder(output):
        raise click.UsageError("input from stdin needs the name of a file with -o")
    check_stdin()
    if sys.stdin.isatty():
        raise click.UsageError("stdin is a terminal; name a file or redirect the input")
    return [Job(PIPE, PIPE if output is None else output)]


def _plan_files(inputs: tuple[str, ...], output: str | None, naming: Naming) -> list[Job]:
    groups = [_expand(name, naming) for name in inputs]
    names = [name for group in groups for name, _ in group]
    has_folder = any(os.path.isdir(name) for name in names)
    if output is None:
        if has_folder:
            raise click.UsageError("a folder as INPUT needs -o with a folder for the results")
        return [Job(name, str(naming.rename(Path(name)))) for name in names]
    to_folder = _is_folder(output)
    if not to_folder and not has_folder and len(names) == 1 and names == list(inputs):
        return [Job(names[0], output)]
    if output == PIPE:
        raise click.UsageError("-o - takes one file, not several inputs, a pattern or a folder")
    if os.path.exists(output) and not os.path.isdir(output):
        raise click.UsageError(f"-o {output} is a file; several inputs need a folder")
    return [
        Job(str(path), str(Path(output) / naming.rename(path).relative_to(base)))
        for group in groups
        for name, pattern_base in group
        for path, base in _files_of(name, pattern_base, naming)
    ]


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
        return [(match, None) for match in found] or [(name, None)]
    parts = Path(name).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    files = [n for n in found if os.path.isfile(n) and naming.is_input(Path(n))]
    if not files:
        raise LicodecError(f"{name}: no {naming.what} match this pattern")
    return [(match, base) for match in files]


def _files_of(name: str, base: Path | None, naming: Naming) -> list[tuple[Path, Path]]:
    """The files that an input stands for, each with the folder below which its place is kept."""
    path = Path(name)
    if not os.path.isdir(name):
        return [(path, path.parent if base is None else base)]
    found = [file for file in _walk(path) if naming.is_input(file)]
    if not found:
        raise LicodecError(f"{shown(name)}: no {naming.what} in this folder")
    return [(file, path) for file in found]


def _walk(folder: Path) -> list[Path]:
    """All files below a folder, in order of their names."""

    def refuse(error: OSError) -> None:
        raise LicodecError(f"{error.filename}: cannot be listed: {error.strerror}") from error

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(place) / name for place, _, names in walk for name in names)


def _refuse_shared_outputs(jobs: list[Job]) -> None:
    seen: dict[str, str] = {}
    for job in jobs:
        key = os.path.normcase(os.path.realpath(job.target))
        if key in seen:
            raise click.UsageError(
                f"{shown(seen[key])} and {shown(job.source)} would both be written to "
                f"{shown(job.target)}; give them in separate calls, with -o"
            )
        seen[key] = job.source
