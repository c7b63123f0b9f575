"""Rounds of a search in, a bar on the terminal out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from licodec.search.overfit import Progress


@contextmanager
def search_bar(seconds: float, *, is_shown: bool) -> "Iterator[Callable[[Progress], None] | None]":
    """A bar that fills as the time budget is spent; gives what is to be called after each round.

    Args:
        seconds: time budget.
        is_shown: otherwise nothing is shown and nothing given. Nothing appears where stderr is no
            terminal either.
    """
    if not is_shown or seconds <= 0 or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        BarColumn(),
        TextColumn("{task.fields[found]}"),
        TimeRemainingColumn(),
        TextColumn("Ctrl-C keeps the best"),
        console=Console(file=sys.stderr),
        redirect_stdout=False,
        transient=True,
    )
    task = bar.add_task("search", total=seconds, found="")

    def show(progress: "Progress") -> None:
        best = progress.best
        found = f"{best.bpp:.3f} bpp  {best.psnr_db:.2f} dB  {progress.gain:.1%} gained"
        bar.update(task, completed=progress.seconds, found=found)

    with bar:
        yield show
