"""`licodec train`: folders or shards of pictures in, a training checkpoint out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from licodec.config import SYNTHESES
from licodec.errors import TrainingError

if TYPE_CHECKING:
    from licodec.config import FamilyConfig, SynthesisConfig
    from licodec.train.loop import Stage, Trainer

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(_context: click.Context, _option: click.Parameter, text: str) -> float:
    """Seconds of `90s`, `30m` or `2h`; a bare number is minutes."""
    unit = _SECONDS.get(text[-1:], 0.0)
    try:
        seconds = float(text[:-1]) * unit if unit else float(text) * 60
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise click.BadParameter(f"{text!r} is not a duration; write 90s, 30m or 2h")
    return seconds


@click.command()
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the run: last.pt, log.jsonl.",
)
@click.option(
    "-p",
    "--profile",
    type=click.Choice(sorted(SYNTHESES)),
    default="balanced",
    show_default=True,
    help="Which synthesis to train.",
)
@click.option(
    "--time-limit",
    callback=parse_duration,
    default="1h",
    show_default=True,
    help="How long to train; the learning rate falls to zero towards it.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Checkpoint to go on from; a finished one starts a new decay.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of crops and weights.")
@click.option(
    "--crop",
    type=click.IntRange(64),
    default=256,
    show_default=True,
    help="Side of a training crop in pixels, a multiple of 64.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=4, show_default=True, help="Crops per step."
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="Of the prior; the transforms train at half.  [default: 0.002 for joint, else 0.0002]",
)
@click.option(
    "--linear-share",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="Share of the time for the prior on the plain wavelet.",
)
@click.option(
    "--stage",
    type=click.Choice(["joint", "quantized", "synthesis"]),
    default="joint",
    show_default=True,
    help="quantized: on real symbols, analysis and steps frozen; synthesis: the "
    "synthesis alone, for one more profile of a family.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads [default: all cores].")
@click.option("--compile", "use_compile", is_flag=True, help="Use torch.compile.")
def command(
    data: tuple[str, ...],
    out: Path,
    profile: str,
    time_limit: float,
    device: str,
    resume: Path | None,
    seed: int,
    crop: int,
    batch_size: int,
    learning_rate: float | None,
    linear_share: float,
    stage: str,
    threads: int | None,
    use_compile: bool,
) -> None:
    """Train a latent family and a synthesis on your pictures.

    DATA are folders of pictures or of .tar shards, or .tar files; PATH:0.3
    draws from PATH less often. Shards named valid* are held back for
    validation (else every 40th picture is).

    \b
    licodec train photos/ -o runs/mine --time-limit 8h
    licodec train photos/ -o runs/mine --time-limit 8h --resume runs/mine/last.pt
    torchrun --nproc-per-node 4 -m licodec train photos/ -o runs/mine
    """
    import torch

    from licodec.codec.codec import find_device
    from licodec.train.data import load_pictures, parse_source
    from licodec.train.loop import Trainer, TrainOptions
    from licodec.train.processes import joined_processes

    if crop % 64:
        raise click.BadParameter(f"{crop} is not a multiple of 64", param_hint="--crop")
    if threads:
        torch.set_num_threads(threads)
    with joined_processes(find_device(device).type) as device_name:
        train, valid = load_pictures([parse_source(text) for text in data], crop)
        click.echo(
            f"{len(train.arrays)} pictures, {train.megapixels:.0f} Mpx to train on, "
            f"{len(valid.arrays)} held back, {train.num_unreadable} unreadable",
            err=True,
        )
        options = TrainOptions(
            out=out,
            time_limit_s=time_limit,
            device=device_name,
            seed=seed,
            crop_px=crop,
            batch_size=batch_size,
            learning_rate=learning_rate or (2e-3 if stage == "joint" else 2e-4),
            linear_share=linear_share,
            stage=cast("Stage", stage),
            compile=use_compile,
        )
        if stage != "joint" and resume is None:
            raise TrainingError(f"--stage {stage} refines a trained checkpoint; add --resume FILE")
        family, synthesis = _configs(resume, profile)
        trainer = Trainer(options, family, synthesis, train, valid)
        if resume is not None:
            trainer.resume(resume)
        _run(trainer, time_limit)


def _configs(resume: Path | None, profile: str) -> tuple[FamilyConfig, SynthesisConfig]:
    from licodec.config import FamilyConfig
    from licodec.train.loop import checkpoint_configs

    family = FamilyConfig() if resume is None else checkpoint_configs(resume)[0]
    return family, SYNTHESES[profile]


def _run(trainer: Trainer, time_limit_s: float) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from licodec.train.loop import Progress as Row

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=time_limit_s)

        def report(row: Row) -> None:
            text = (
                f"step {row.step}  loss {row.loss:.3f}  {row.bpp:.3f} bpp  {row.psnr_db:.2f} dB  "
                f"rate x{row.rate_factor:.2f}"
            )
            bar.update(task, completed=row.elapsed_s, description=text)
            if not console.is_terminal:
                console.print(f"{row.elapsed_s:.0f} s  {text}", highlight=False)

        trainer.run(report)
    if trainer.rank == 0:
        click.echo(f"{trainer.options.out / 'last.pt'}: step {trainer.step}", err=True)
