"""Inputs and -o go in; a checked list of jobs comes out, and one line for each that was done."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.errors import LicodecError, ModelError
from licodec.files import check_target, make_folder, write_file

if TYPE_CHECKING:
    from licodec.codec.codec import Codec

PIPE = "-"
JSON_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One input with its output; either may be `PIPE`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job did; the fields are those of a JSON line."""

    width: int  # pixels
    height: int  # pixels
    num_bytes: int  # of the .lic file
    bpp: float
    quality: float
    profile: str
    seconds: float  # coding alone
    model_seconds: float  # loading weights, 0 if that had been done
    stages_s: dict[str, float]  # seconds of the stages of coding
    notes: tuple[str, ...]


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

    Raises:
        click.UsageError: the combination makes no sense, or two inputs have one output.
        LicodecError: a folder cannot be listed or has nothing to do.
    """
    has_folder = any(os.path.isdir(name) for name in inputs)
    if PIPE in inputs:
        jobs = [_plan_pipe(inputs, output)]
    elif output is None:
        if has_folder:
            raise click.UsageError("a folder as INPUT needs -o with a folder for the results")
        jobs = [Job(name, str(naming.rename(Path(name)))) for name in inputs]
    elif has_folder or len(inputs) > 1 or os.path.isdir(output) or output.endswith(("/", os.sep)):
        jobs = _plan_folder(inputs, output, naming)
    else:
        jobs = [Job(inputs[0], output)]
    _refuse_shared_outputs(jobs)
    to_stdout = any(job.target == PIPE for job in jobs)
    if to_stdout and is_json:
        raise click.UsageError("--json needs stdout for itself; name a file with -o")
    if to_stdout and sys.stdout.isatty():
        raise click.UsageError("stdout is a terminal; name a file with -o or redirect the output")
    return jobs


def run_jobs(
    jobs: Iterable[Job],
    work: Callable[[Job], Result],
    *,
    command: str,
    is_json: bool,
    is_quiet: bool,
    is_verbose: bool,
) -> int:
    """Do one job after the other and report each; a bad input does not stop the rest.

    Returns:
        The number of jobs that failed.

    Raises:
        FatalModelError: no job can succeed.
    """
    num_failed = 0
    for job in jobs:
        try:
            result = work(job)
        except FatalModelError:
            raise
        except LicodecError as error:
            num_failed += 1
            click.echo(f"licodec: {_shown(job.source)}: {error}", err=True)
            if is_json:
                _print_json(command, job, None, str(error))
            continue
        if is_json:
            _print_json(command, job, result, None)
        if not is_quiet:
            _print_lines(job, result, is_verbose=is_verbose)
    return num_failed


class FatalModelError(ModelError):
    """Weights that every job needs cannot be loaded."""


def load_codec(profile: str, device: str, max_pixels: int) -> "tuple[Codec, float]":
    """A codec, and the seconds that loading it took, torch included.

    Raises:
        ModelError: unknown profile, or unusable weights.
        FatalModelError: unusable device.
    """
    started = time.perf_counter()
    from licodec.codec.codec import Codec

    try:
        codec = Codec(profile, device, max_pixels=max_pixels)
    except ValueError as error:
        raise FatalModelError(str(error)) from error
    return codec, time.perf_counter() - started


def check_job(job: Job, *, force: bool) -> None:
    """Refuse a job's output before work is spent on it; see `licodec.files.check_target`."""
    if job.target != PIPE:
        source = None if job.source == PIPE else Path(job.source)
        check_target(Path(job.target), source, force=force)


def read_bytes(source: str) -> bytes:
    """All bytes of a file or of stdin.

    Raises:
        LicodecError: the system refuses.
    """
    try:
        if source == PIPE:
            return sys.stdin.buffer.read()
        return Path(source).read_bytes()
    except OSError as error:
        raise LicodecError(f"cannot be read: {error.strerror or error}") from error


def write_bytes(target: str, data: bytes, *, force: bool) -> None:
    """Write a file whole or not at all, or all of it to stdout.

    Raises:
        LicodecError: the file exists and `force` is not set, or the system refuses.
    """
    if target != PIPE:
        make_folder(Path(target).parent)
        write_file(Path(target), data, replace=force)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise LicodecError(f"stdout cannot be written: {error.strerror or error}") from error


def _plan_pipe(inputs: tuple[str, ...], output: str | None) -> Job:
    if len(inputs) > 1:
        raise click.UsageError("- as INPUT stands alone; give other inputs in a call of their own")
    if output is not None and os.path.isdir(output):
        raise click.UsageError("input from stdin needs the name of a file with -o")
    if sys.stdin.isatty():
        raise click.UsageError("stdin is a terminal; name a file or redirect the input")
    return Job(PIPE, PIPE if output is None else output)


def _plan_folder(inputs: tuple[str, ...], output: str, naming: Naming) -> list[Job]:
    if output == PIPE:
        raise click.UsageError("-o - takes one file, not several inputs or a folder")
    if os.path.exists(output) and not os.path.isdir(output):
        raise click.UsageError(f"-o {output} is a file; several inputs need a folder")
    jobs = []
    for name in inputs:
        if not os.path.isdir(name):
            jobs.append(Job(name, str(Path(output) / naming.rename(Path(name)).name)))
            continue
        found = [path for path in _walk(Path(name)) if naming.is_input(path)]
        if not found:
            raise LicodecError(f"{_shown(name)}: no {naming.what} in this folder")
        for path in found:
            inside = naming.rename(path).relative_to(name)
            jobs.append(Job(str(path), str(Path(output) / inside)))
    return jobs


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
                f"{_shown(seen[key])} and {_shown(job.source)} would both be written to "
                f"{_shown(job.target)}; give them in separate calls, with -o"
            )
        seen[key] = job.source


def _shown(name: str) -> str:
    return {PIPE: "stdin"}.get(name, click.format_filename(name))


def _print_lines(job: Job, result: Result, *, is_verbose: bool) -> None:
    target = "stdout" if job.target == PIPE else click.format_filename(job.target)
    parts = [
        f"{_shown(job.source)} -> {target}",
        f"{result.width}x{result.height}",
        f"{result.num_bytes:,} B",
        f"{result.bpp:.3f} bpp",
        f"{result.seconds:.1f} s",
    ]
    if is_verbose:
        parts += [f"profile {result.profile}", f"quality {result.quality:g}"]
        parts += [f"model {result.model_seconds:.1f} s"] if result.model_seconds else []
        parts += [f"{stage} {seconds:.2f} s" for stage, seconds in result.stages_s.items()]
    click.echo("  ".join(parts), err=True)
    for note in result.notes:
        click.echo(f"licodec: {_shown(job.source)}: note: {note}", err=True)


def _print_json(command: str, job: Job, result: Result | None, error: str | None) -> None:
    """One line; keys are the same for success and failure."""
    line = {
        "schema": JSON_SCHEMA,
        "command": command,
        "input": job.source,
        "output": job.target,
        "ok": error is None,
        "error": error,
    }
    names = Result.__dataclass_fields__
    line |= asdict(result) if result is not None else dict.fromkeys(names)
    click.echo(json.dumps(line))
