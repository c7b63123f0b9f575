"""What a run says: a line or an object per file, a bar on a terminal, a table at the end."""

import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import click

from licodec.batch import Job, Outcome, Result, default_jobs
from licodec.batch.jobs import explain
from licodec.cli.coding_options import CommonOptions
from licodec.errors import LicodecError
from licodec.names import PIPE, listed, printable, shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from licodec.evaluate.report import Table as TextTable
    from licodec.search.overfit import Progress as SearchProgress

JSON_SCHEMA = 1
_NOT_READ = "not read: of a format that licodec does not read; convert it to PNG first"
# What comes of files, see `Outcome.status`, as the summary lists it.
_STATUSES = {"done": "done", "skipped": "finished earlier", "failed": "failed"}


@dataclass
class Totals:
    """Sums over the files of a run."""

    counts: Counter[str] = field(default_factory=Counter)  # by status
    num_pixels: int = 0  # from here on of the files that were done
    num_bytes: int = 0  # of .lic files
    num_coded_pixels: float = 0  # of the whole pictures in these
    bytes_read: int = 0
    bytes_written: int = 0

    @property
    def bpp(self) -> float:
        return 8 * self.num_bytes / max(1, self.num_coded_pixels)

    def add(self, outcome: Outcome) -> None:
        """Count a file."""
        result = outcome.result
        self.counts[outcome.status] += 1
        if result is not None and not result.skipped:
            self.num_pixels += result.width * result.height
            self.num_bytes += result.num_bytes
            self.num_coded_pixels += 8 * result.num_bytes / result.bpp
            self.bytes_read += _size_of(outcome.job.source)
            self.bytes_written += _size_of(outcome.job.target)


class Report:
    """Reports one run; used in a `with` block, which shows and removes the progress bar.

    A bar appears if there are several files, stderr is a terminal and neither --quiet nor --json
    on that terminal is in the way; lines of files are then left to -v.

    Args:
        command: name of the command.
        jobs: of the run, in the order in which they are reported.
        common: what is reported.
        is_debug: a defect ends the run.
    """

    def __init__(
        self, command: str, jobs: Sequence[Job], common: CommonOptions, *, is_debug: bool = False
    ) -> None:
        self.totals = Totals()
        self._command = command
        self._jobs = deque(jobs)  # not reported yet
        self._num_files = len(jobs)
        self._ended: dict[Job, Outcome] = {}
        self._common = common
        self._is_debug = is_debug
        self._started = time.perf_counter()
        self._bar: Progress | None = None
        if len(jobs) > 1 and sys.stderr.isatty() and not common.is_silent:
            text = "{task.completed}/{task.total}  files  {task.fields[rate]}  left"
            self._bar = progress_bar(text)
            self._bar.add_task(command, total=len(jobs), rate="")

    def __enter__(self) -> "Report":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, outcome: Outcome) -> None:
        """Count a job that has ended, and report it when those before it are reported.

        Raises:
            Exception: a defect, in debugging.
        """
        error = outcome.error
        if error is not None and self._is_debug and not isinstance(error, LicodecError):
            self._print_json(outcome.job, None, explain(error))
            raise error
        self.totals.add(outcome)
        if self._bar is not None:
            speed = self.totals.num_pixels / 1e6 / (time.perf_counter() - self._started)
            rate = f"{speed:.2f} MP/s  {self.totals.bpp:.3f} bpp"
            self._bar.update(self._bar.task_ids[0], advance=1, rate=rate)
        self._ended[outcome.job] = outcome
        while self._jobs and self._jobs[0] in self._ended:
            self._tell(self._ended.pop(self._jobs.popleft()))

    def tell_rest(self, message: str | None) -> None:
        """Report the jobs that have ended out of turn, in a run that ends early.

        Args:
            message: why, of the others, which goes to --json alone; None says nothing of them.
        """
        for job in self._jobs:
            if job in self._ended:
                self._tell(self._ended.pop(job))
            elif message is not None:
                self._print_json(job, None, message)

    def tell(self, job: Job, result: Result) -> None:
        """Report a file that was done or skipped."""
        self._print_json(job, result, None)
        if self._common.quiet:
            return
        if self._common.verbose or self._bar is None:
            self._say(_line_of(job, result, is_verbose=self._common.verbose))
        for note in result.notes:
            self._say(f"licodec: {shown(job.source)}: note: {note}")

    def _tell(self, outcome: Outcome) -> None:
        if outcome.result is not None:
            self.tell(outcome.job, outcome.result)
            return
        assert outcome.error is not None
        message = explain(outcome.error)
        self._say(f"licodec: {shown(outcome.job.source)}: {message}")
        self._print_json(outcome.job, None, message)

    def tell_passed(self, name: str, reason: str) -> None:
        """Report an input among several that has no job."""
        if not self._common.quiet:
            self._say(f"licodec: {shown(name)}: note: {reason}")

    def summarise(self, unread: tuple[str, ...] = ()) -> None:
        """Print the table of a run of several files.

        Args:
            unread: pictures of folders that were left out, since licodec does not read them.
        """
        for name in unread:
            self._print_json(Job(name, ""), None, _NOT_READ)
        names = listed([shown(name) for name in unread])
        left_out = [f"{len(unread)} not read: {names}"] if unread else []
        if self._common.quiet:
            for line in left_out:
                click.echo(f"licodec: {line}", err=True)
        elif unread or self._num_files > 1:
            for label, text in self._rows(left_out):
                click.echo(f"{label:<8}{text}", err=True)

    def _rows(self, left_out: list[str]) -> Iterator[tuple[str, str]]:
        totals, seconds = self.totals, time.perf_counter() - self._started
        counts = [
            f"{n} {what}" for status, what in _STATUSES.items() if (n := totals.counts[status])
        ]
        yield "files", ", ".join(counts + left_out)
        if not totals.counts["done"]:
            return
        mpx = totals.num_pixels / 1e6
        count = min(self._common.jobs or default_jobs(), self._num_files)
        yield "pixels", f"{mpx:.1f} Mpx, {mpx / seconds:.2f} Mpx/s"
        sizes = f"{totals.bytes_read:,} -> {totals.bytes_written:,}"
        yield "bytes", f"{sizes}, {totals.bpp:.3f} bpp"
        yield "time", f"{seconds:.1f} s, {count} at a time"

    def _say(self, line: str) -> None:
        line = printable(line)
        if self._bar is None:
            click.echo(line, err=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _print_json(self, job: Job, result: Result | None, error: str | None) -> None:
        """A line for --json; keys are the same for success and failure."""
        if not self._common.is_json:
            return
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


def progress_bar(text: str) -> "Progress":
    """A bar on stderr with the time that is left, which goes when it ends; only on a terminal.

    Args:
        text: behind the bar, with the fields of its task.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    return Progress(
        BarColumn(),
        TextColumn(text, markup=False),  # names of files may have brackets
        TimeRemainingColumn(),
        console=console,
        redirect_stdout=False,
        transient=True,
        disable=not console.is_terminal,
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
        if result.profile is None:
            parts += [result.coding]
        else:
            parts += [f"profile {result.profile}", f"tune {result.tune or 'not known'}"]
        parts += [] if result.quality is None else [f"quality {result.quality:g}"]
        parts += [f"model {result.model_seconds:.1f} s"] if result.model_seconds else []
        parts += [f"{stage} {seconds:.2f} s" for stage, seconds in result.stages_s.items()]
    return "  ".join(parts)


@contextmanager
def search_bar(seconds: float) -> "Iterator[Callable[[SearchProgress], None] | None]":
    """A bar that fills as a search's time is spent; gives what is to be called after each round.

    Without a search, and where stderr is no terminal, nothing is shown and nothing given.
    """
    if seconds <= 0 or not sys.stderr.isatty():
        yield None
        return
    bar = progress_bar("{task.fields[found]}  Ctrl-C keeps the best")
    task = bar.add_task("search", total=seconds, found="")

    def show(progress: "SearchProgress") -> None:
        best = progress.best
        found = f"{best.bpp:.3f} bpp  {best.psnr_db:.2f} dB  {progress.gain:.1%} gained"
        bar.update(task, completed=progress.seconds, found=found)

    with bar:
        yield show


def print_tables(contents: Sequence["TextTable"]) -> None:
    """Print to stdout: drawn on a terminal, as markdown elsewhere."""
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False)  # names may have brackets
    for content in contents:
        if not console.is_terminal:
            click.echo(content.to_markdown() + "\n")
            continue
        table = Table(title=content.title, title_justify="left")
        for index, column in enumerate(content.columns):
            is_name = index < content.num_names
            table.add_column(column, justify="left" if is_name else "right", overflow="fold")
        for row in content.rows:
            table.add_row(*row)
        console.print(table)
