"""What a run says: a line or an object per file, a bar on a terminal, a table at the end."""

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import click

from licodec.cli.names import printable
from licodec.cli.plan import PIPE, Job, shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from licodec.inspect import Info

JSON_SCHEMA = 1
_NOT_READ = "not read: of a format that licodec does not read; convert it to PNG first"
_MAX_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job did; the fields are those of a JSON line."""

    width: int  # pixels
    height: int  # pixels
    num_bytes: int  # of the .lic file
    bpp: float
    quality: float | None  # None of a lossless file
    profile: str | None  # None of a file without weights
    seconds: float = 0.0  # coding alone
    model_seconds: float = 0.0  # loading weights, 0 if that had been done
    stages_s: dict[str, float] = field(default_factory=dict)  # seconds of the stages of coding
    notes: tuple[str, ...] = ()
    skipped: bool = False  # finished by an earlier run; nothing was coded

    @classmethod
    def of_finished(cls, info: "Info") -> "Result":
        """The result of an earlier run."""
        return cls(
            width=info.width,
            height=info.height,
            num_bytes=info.num_bytes,
            bpp=info.bpp,
            quality=info.quality,
            profile=info.profile,
            skipped=True,
        )


@dataclass
class Totals:
    """Sums over the files of a run."""

    num_done: int = 0
    num_skipped: int = 0
    num_failed: int = 0
    num_pixels: int = 0  # of the files that were done
    num_bytes: int = 0  # of their .lic files
    num_coded_pixels: float = 0  # of the whole pictures in these

    @property
    def bpp(self) -> float:
        return 8 * self.num_bytes / max(1, self.num_coded_pixels)

    def add(self, result: Result | None) -> None:
        """Count a file; None is one that failed."""
        if result is None:
            self.num_failed += 1
        elif result.skipped:
            self.num_skipped += 1
        else:
            self.num_done += 1
            self.num_pixels += result.width * result.height
            self.num_bytes += result.num_bytes
            self.num_coded_pixels += 8 * result.num_bytes / result.bpp


class Report:
    """Tells of one run; used in a `with` block, which shows and removes the progress bar.

    A bar appears if there are several files, stderr is a terminal and neither --quiet nor --json
    on that terminal is in the way; lines of files are then left to -v.
    """

    def __init__(
        self, command: str, num_files: int, is_json: bool, is_quiet: bool, is_verbose: bool
    ) -> None:
        self.totals = Totals()
        self._command = command
        self._num_files = num_files
        self._is_json = is_json
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._lock = threading.Lock()
        self._bytes_read = 0
        self._bytes_written = 0
        self._started = time.perf_counter()
        shares_terminal = is_json and sys.stdout.isatty()
        has_bar = num_files > 1 and sys.stderr.isatty() and not is_quiet and not shares_terminal
        self._bar = _make_bar() if has_bar else None
        if self._bar is not None:
            self._bar.add_task(command, total=num_files, rate="")

    def __enter__(self) -> "Report":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def count(self, result: Result | None) -> None:
        """Add a file to the totals as soon as it is done; None is one that failed. Any thread."""
        with self._lock:
            self.totals.add(result)
            if self._bar is not None:
                speed = self.totals.num_pixels / 1e6 / (time.perf_counter() - self._started)
                rate = f"{speed:.2f} MP/s  {self.totals.bpp:.3f} bpp"
                self._bar.update(self._bar.task_ids[0], advance=1, rate=rate)

    def tell(self, job: Job, result: Result) -> None:
        """Report a file that was done or skipped."""
        if not result.skipped:
            self._bytes_read += _size_of(job.source)
            self._bytes_written += _size_of(job.target)
        if self._is_json:
            self._print_json(job, result, None)
        if self._is_quiet:
            return
        if self._is_verbose or self._bar is None:
            self._say(_line_of(job, result, is_verbose=self._is_verbose))
        for note in result.notes:
            self._say(f"licodec: {shown(job.source)}: note: {note}")

    def tell_failure(self, job: Job, message: str) -> None:
        """Report a file that failed."""
        self._say(f"licodec: {shown(job.source)}: {message}")
        if self._is_json:
            self._print_json(job, None, message)

    def tell_fatal(self, job: Job, message: str) -> None:
        """Report a file of a run that ends here; without --json the end itself tells why."""
        if self._is_json:
            self._print_json(job, None, message)

    def tell_empty(self, folder: str) -> None:
        """Report a folder among several inputs that has nothing to do."""
        if not self._is_quiet:
            self._say(f"licodec: {shown(folder)}: note: nothing to do in this folder")

    def summarise(self, num_workers: int, unread: tuple[str, ...] = ()) -> None:
        """Print the table of a run of several files.

        Args:
            num_workers: how many were worked on at a time.
            unread: pictures of folders that were left out, since licodec does not read them.
        """
        not_read = f"{len(unread)} not read: {_listed(unread)}" if unread else ""
        if self._is_json:
            for name in unread:
                self._print_json(Job(name, ""), None, _NOT_READ)
        if self._is_quiet and unread:
            click.echo(f"licodec: {not_read}", err=True)
        if self._is_quiet or self._num_files + len(unread) < 2:
            return
        totals, seconds = self.totals, time.perf_counter() - self._started
        counts = {
            "done": totals.num_done,
            "finished earlier": totals.num_skipped,
            "failed": totals.num_failed,
        }
        parts = [f"{n} {what}" for what, n in counts.items() if n]
        rows = {"files": ", ".join([*parts, *([not_read] if unread else [])])}
        if totals.num_done:
            mpx = totals.num_pixels / 1e6
            rows["pixels"] = f"{mpx:.1f} Mpx, {mpx / seconds:.2f} Mpx/s"
            rows["bytes"] = f"{self._bytes_read:,} -> {self._bytes_written:,}, {totals.bpp:.3f} bpp"
            rows["time"] = f"{seconds:.1f} s, {num_workers} at a time"
        for name, value in rows.items():
            click.echo(f"{name:<8}{value}", err=True)

    def _say(self, line: str) -> None:
        line = printable(line)
        if self._bar is None:
            click.echo(line, err=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _print_json(self, job: Job, result: Result | None, error: str | None) -> None:
        """One line; keys are the same for success and failure."""
        line = {
            "schema": JSON_SCHEMA,
            "command": self._command,
            "input": job.source,
            "output": job.target,
            "ok": error is None,
            "error": error,
        }
        names = Result.__dataclass_fields__
        line |= asdict(result) if result is not None else dict.fromkeys(names)
        click.echo(json.dumps(line))


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(map(shown, names[:_MAX_NAMES])) + more


def _make_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files  {task.fields[rate]}  left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        redirect_stdout=False,
        transient=True,
    )


def _size_of(name: str) -> int:
    """Bytes of a file, 0 for what has no size or is gone."""
    try:
        return os.path.getsize(name)
    except OSError:
        return 0


def _line_of(job: Job, result: Result, *, is_verbose: bool) -> str:
    target = "stdout" if job.target == PIPE else click.format_filename(job.target)
    parts = [
        f"{shown(job.source)} -> {target}",
        f"{result.width}x{result.height}",
        f"{result.num_bytes:,} B",
        f"{result.bpp:.3f} bpp",
        "finished earlier" if result.skipped else f"{result.seconds:.1f} s",
    ]
    if is_verbose:
        parts += [f"profile {result.profile}"] if result.profile else []
        parts += ["lossless" if result.quality is None else f"quality {result.quality:g}"]
        parts += [f"model {result.model_seconds:.1f} s"] if result.model_seconds else []
        parts += [f"{stage} {seconds:.2f} s" for stage, seconds in result.stages_s.items()]
    return "  ".join(parts)
