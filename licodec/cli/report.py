"""What a run says: a line or an object per file, a bar on a terminal, a table at the end."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from licodec.batch import Job, Outcome, Result, default_jobs
from licodec.batch.jobs import explain
from licodec.cli.coding_options import CommonOptions
from licodec.errors import LicodecError
from licodec.names import PIPE, printable, shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from licodec.evaluate.report import Table as TextTable
    from licodec.search.overfit import Progress as SearchProgress

JSON_SCHEMA = 1
_NOT_READ = "not read: of a format that licodec does not read; convert it to PNG first"
_MAX_NAMES = 5


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
    def num_made(self) -> int:
        return self.num_done + self.num_skipped

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

    Args:
        command: name of the command.
        jobs: of the run, in the order in which they are told.
        common: what is told.
        is_debug: a defect ends the run.
    """

    def __init__(
        self, command: str, jobs: Sequence[Job], common: CommonOptions, *, is_debug: bool = False
    ) -> None:
        self.totals = Totals()
        self._command = command
        self._jobs = deque(jobs)  # not told yet
        self._num_files = len(jobs)
        self._ended: dict[Job, Outcome] = {}
        self._common = common
        self._is_debug = is_debug
        self._bytes_read = 0
        self._bytes_written = 0
        self._started = time.perf_counter()
        has_bar = len(jobs) > 1 and sys.stderr.isatty() and not common.is_silent
        self._bar: Progress | None = None
        if has_bar:
            self._bar = _bar("{task.completed}/{task.total}  files  {task.fields[rate]}  left")
            self._bar.add_task(command, total=len(jobs), rate="")

    def __enter__(self) -> "Report":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, outcome: Outcome) -> None:
        """Count a job that has ended, and tell of it when those before it are told.

        Raises:
            Exception: a defect, in debugging.
        """
        error = outcome.error
        if error is not None and self._is_debug and not isinstance(error, LicodecError):
            if self._common.is_json:
                self._print_json(outcome.job, None, explain(error))
            raise error
        self.totals.add(outcome.result)
        if self._bar is not None:
            speed = self.totals.num_pixels / 1e6 / (time.perf_counter() - self._started)
            rate = f"{speed:.2f} MP/s  {self.totals.bpp:.3f} bpp"
            self._bar.update(self._bar.task_ids[0], advance=1, rate=rate)
        self._ended[outcome.job] = outcome
        while self._jobs and self._jobs[0] in self._ended:
            self._tell(self._ended.pop(self._jobs.popleft()))

    def tell_rest(self, message: str | None) -> None:
        """Tell of the jobs that have ended out of turn, in a run that ends early.

        Args:
            message: why, of the others, which goes to --json alone; None tells nothing of them.
        """
        for job in self._jobs:
            if job in self._ended:
                self._tell(self._ended.pop(job))
            elif message is not None and self._common.is_json:
                self._print_json(job, None, message)

    def tell(self, job: Job, result: Result) -> None:
        """Report a file that was done or skipped."""
        if not result.skipped:
            self._bytes_read += _size_of(job.source)
            self._bytes_written += _size_of(job.target)
        if self._common.is_json:
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
        if self._common.is_json:
            self._print_json(outcome.job, None, message)

    def tell_empty(self, folder: str) -> None:
        """Report a folder among several inputs that has nothing to do."""
        if not self._common.quiet:
            self._say(f"licodec: {shown(folder)}: note: nothing to do in this folder")

    def summarise(self, num_workers: int | None, unread: tuple[str, ...] = ()) -> None:
        """Print the table of a run of several files.

        Args:
            num_workers: as of `run_jobs`.
            unread: pictures of folders that were left out, since licodec does not read them.
        """
        not_read = f"{len(unread)} not read: {_listed(unread)}" if unread else ""
        if self._common.is_json:
            for name in unread:
                self._print_json(Job(name, ""), None, _NOT_READ)
        if self._common.quiet and unread:
            click.echo(f"licodec: {not_read}", err=True)
        if self._common.quiet or self._num_files + len(unread) < 2:
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
            count = min(num_workers or default_jobs(), self._num_files)
            rows["time"] = f"{seconds:.1f} s, {count} at a time"
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


def _bar(text: str) -> "Progress":
    """A bar on stderr with the time that is left, which goes when it ends.

    Args:
        text: behind the bar, with the fields of its task.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(),
        TextColumn(text),
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
    bar = _bar("{task.fields[found]}  Ctrl-C keeps the best")
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

    console = Console()
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
