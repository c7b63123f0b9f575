"""Options of the commands that train, and the progress that they show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from licodec.cli.options import (
    COUNT,
    DURATION,
    FOLDER,
    device_option,
    option,
    set_threads,
    threads_option,
)
from licodec.cli.report import progress_bar
from licodec.config import DEFAULT_PROFILE, SYNTHESES, TUNES
from licodec.errors import TrainingError

if TYPE_CHECKING:
    from licodec.train.data import Pictures
    from licodec.train.finetune_task import CacheProgress
    from licodec.train.loop import Progress as Row
    from licodec.train.loop import RunOptions, Trainer


def _check_crop(context: click.Context, parameter: click.Parameter, size: int) -> int:
    if size % 64:
        raise click.BadParameter(f"{size} is not a multiple of 64")
    return size


def tune_option(default: str) -> Any:
    """--tune of a command that trains; default says in words what holds without it."""
    return option(
        f"Train for what people see, or for squared error.  [default: {default}]",
        type=click.Choice(TUNES),
    )


def synthesis_option(help_text: str, default: str | None = DEFAULT_PROFILE) -> Any:
    """-p of a command that makes networks."""
    return option(
        help_text, "-p", "--profile", type=click.Choice(sorted(SYNTHESES)), default=default
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What the options of every command that trains say."""

    out: Path = option("Folder of the run: last.pt, log.jsonl.", "-o", type=FOLDER, required=True)
    time_limit: float = option(
        "How long to train, such as 90s, 30m or 2h10m; a bare number is seconds. The learning "
        "rate falls to 1 % towards it.",
        type=DURATION,
        default="1h",
    )
    stop_after: float | None = option(
        "Save and stop after this long, for --resume to go on with the same --time-limit.",
        type=DURATION,
    )
    device: str = device_option("Where to train.")
    seed: int = option("Of crops and weights.", type=click.IntRange(0), default=0)
    crop: int = option(
        "Side of a training crop in pixels, a multiple of 64.",
        type=click.IntRange(64),
        callback=_check_crop,
        default=256,
    )
    batch_size: int = option("Crops per step.", type=COUNT, default=4)
    threads: int | None = threads_option("CPU threads.  [default: all cores]")

    @contextmanager
    def begun(
        self, data: Sequence[str], learning_rate: float, tune: str
    ) -> Iterator[tuple[RunOptions, Pictures, Pictures]]:
        """Join the processes of the run for a `with` block; pictures to train on and held back."""
        from licodec.codec.device import find_device
        from licodec.train.loop import RunOptions
        from licodec.train.processes import joined_processes

        set_threads(self.threads)
        try:
            device = find_device(self.device)
        except ValueError as error:
            raise TrainingError(str(error)) from error
        with joined_processes(device) as device_name:
            train, valid = load_data(data, self.crop)
            options = RunOptions(
                out=self.out,
                time_limit_s=self.time_limit,
                stop_after_s=math.inf if self.stop_after is None else self.stop_after,
                device=device_name,
                seed=self.seed,
                crop_px=self.crop,
                batch_size=self.batch_size,
                learning_rate=learning_rate,
                tune=tune,
            )
            yield options, train, valid


def load_data(data: Sequence[str], crop_px: int) -> tuple[Pictures, Pictures]:
    """Pictures to train on and held back of `DATA...`; prints how many there are."""
    from licodec.train.data import load_pictures, parse_source

    train, valid = load_pictures([parse_source(text) for text in data], crop_px)
    num_too_small = train.num_too_small + valid.num_too_small
    click.echo(
        f"{len(train.arrays)} pictures, {train.megapixels:.0f} Mpx to train on, "
        f"{len(valid.arrays)} held back, "
        f"{num_too_small} too small for a crop of {crop_px} pixels, "
        f"{train.num_unreadable + valid.num_unreadable} unreadable",
        err=True,
    )
    return train, valid


class RunProgress:
    """A progress bar on a terminal, else now and then a line on stderr."""

    def __init__(self, time_limit_s: float) -> None:
        self._bar = progress_bar("{task.description}")
        self._task = self._bar.add_task("starting", total=time_limit_s)
        self._next_line_s = 0.0

    def run(self, trainer: Trainer) -> None:
        """Train to the end, and print where the checkpoint is."""
        with self._bar:
            trainer.run(self._train)
        if trainer.rank == 0:
            text = f"{trainer.options.out / 'last.pt'}: step {trainer.step}"
            if trainer.scores:
                text += f", validation score {trainer.scores[-1]:.4f}"
            if len(trainer.scores) > 1:
                text += f", first {trainer.scores[0]:.4f}"
            click.echo(text, err=True)

    def cache(self, row: CacheProgress) -> None:
        """Show how far the pairs of a finetuning are."""
        text = f"{row.num_pairs} encodes, {row.num_made} of them new, {row.num_bytes / 1e9:.2f} GB"
        self._show(row.elapsed_s, text, row.elapsed_s >= self._next_line_s)

    def _train(self, row: Row) -> None:
        text = (
            f"step {row.step}  loss {row.loss:.3f}  {row.bpp:.3f} bpp  {row.distortion_db:.2f} dB  "
            f"rate x{row.rate_factor:.2f}"
        )
        self._show(row.elapsed_s, text, True)

    def _show(self, elapsed_s: float, text: str, is_line: bool) -> None:
        self._bar.update(self._task, completed=elapsed_s, description=text)
        if is_line and self._bar.disable:
            click.echo(f"{elapsed_s:.0f} s  {text}", err=True)
            self._next_line_s = elapsed_s + 20
