"""`licodec finetune`: a checkpoint and pictures in, a checkpoint trained on real symbols out."""

from __future__ import annotations

from pathlib import Path

import click

from licodec.cli.training import RunProgress, RunSettings, run_options
from licodec.config import CHOICES, DEFAULT_CHOICE, PRIORS, SYNTHESES, family_of
from licodec.errors import TrainingError

_PARTS = ("synthesis", "prior", "gains")
_IN_LOOP = ("rounding", "dead-zone")
# Of weights that are trained already; a synthesis that starts anew takes larger steps.
_LEARNING_RATE = 2e-4
_LEARNING_RATE_ANEW = 1e-3


def parse_freeze(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    """The parts that are left to train."""
    frozen = {word.strip() for word in text.split(",")} - {"", "none"}
    unknown = sorted(frozen - set(_PARTS))
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(_PARTS)}, none")
    trained = tuple(part for part in _PARTS if part not in frozen)
    if not trained:
        raise click.BadParameter("nothing is left to train; leave one part out")
    return trained


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@run_options
@click.option(
    "-p",
    "--profile",
    type=click.Choice(sorted(SYNTHESES)),
    help="Synthesis to train; another one than the checkpoint's starts anew.  [default: the "
    "checkpoint's]",
)
@click.option(
    "--quantizer",
    type=click.Choice(sorted(CHOICES)),
    help=f"What chooses the symbols to train on.  [default: {DEFAULT_CHOICE}, or {_IN_LOOP[-1]} "
    "with prior or gains trained]",
)
@click.option(
    "--freeze",
    "parts",
    metavar="LIST",
    callback=parse_freeze,
    default="prior,gains",
    show_default=True,
    help="Parts to keep: synthesis, prior, gains or none. The analysis is always kept.",
)
@click.option(
    "--prior",
    type=click.Choice(sorted(PRIORS)),
    help="Shape that the checkpoint's prior grows into, at first without a change.  [default: the "
    "checkpoint's]",
)
@click.option(
    "--family",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the released family whose files are to look better.  [default: the "
    "installed one of the checkpoint's tune]",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of encoded pictures or crops; several runs may share it.  [default: OUT/cache]",
)
@click.option(
    "--cache-size",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="Gigabytes that the cache may take, 6 bytes per pixel and encode, or 13 of a crop for the "
    "prior alone.",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help=f"Of synthesis and prior; gains train at half.  [default: {_LEARNING_RATE}, or "
    f"{_LEARNING_RATE_ANEW} for a synthesis that starts anew]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that encode pictures, each with the family in memory.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in OUT.")
def command(
    checkpoint: Path,
    data: tuple[str, ...],
    run: RunSettings,
    profile: str | None,
    quantizer: str | None,
    parts: tuple[str, ...],
    prior: str | None,
    family: Path | None,
    cache: Path | None,
    cache_size: float,
    jobs: int,
    resume: bool,
    learning_rate: float | None,
) -> None:
    """Train on the symbols that real encodes choose.

    CHECKPOINT is a run's last.pt or the float weights of a release; its
    analysis is kept. By default only the synthesis is trained: DATA (as for
    `licodec train`; your own pictures, too) are encoded once with the released
    family, and the result joins it by `licodec export --synthesis-only`. With
    the prior or the gains trained, the result is a new family. The prior alone
    (--freeze synthesis,gains) is trained on cached crops, at several times the
    speed of the whole codec.

    \b
    licodec finetune checkpoints/psnr1-balanced.pt photos/ -o runs/mine
    licodec finetune checkpoints/psnr1-balanced.pt photos/ -o runs/fast -p fast
    licodec finetune runs/a/last.pt photos/ -o runs/b --freeze gains
    licodec finetune runs/a/last.pt photos/ -o runs/c --freeze synthesis,gains --prior large
    """
    from licodec.profiles import find_models_dir
    from licodec.train.checkpoint import checkpoint_configs, checkpoint_tune
    from licodec.train.finetune import FinetuneOptions, finetuner

    is_cached = parts == ("synthesis",)
    quantizer = quantizer or (DEFAULT_CHOICE if is_cached else _IN_LOOP[-1])
    if prior is not None and "prior" not in parts:
        raise click.UsageError(
            "--prior needs the prior among what is trained; leave it out of --freeze"
        )
    if not is_cached and quantizer not in _IN_LOOP:
        raise click.UsageError(
            f"--quantizer {quantizer} needs real encodes, whose symbols depend on prior and gains: "
            f"freeze both and train the synthesis, or choose {' or '.join(_IN_LOOP)}"
        )
    last = run.out / "last.pt"
    start = last if resume else checkpoint
    if not resume and last.exists():
        raise TrainingError(f"{last} exists; add --resume to go on, or name another -o")
    synthesis = None if profile is None else SYNTHESES[profile]
    is_anew = synthesis not in (None, checkpoint_configs(start)[1])
    if family is None:
        family = find_models_dir() / family_of(checkpoint_tune(checkpoint))
    told = FinetuneOptions(
        parts=parts,
        quantizer=quantizer,
        family_path=family / "family.safetensors",
        cache=cache or run.out / "cache",
        cache_bytes=cache_size * 1e9,
        num_jobs=jobs,
        prior=prior,
    )
    rate = learning_rate or (_LEARNING_RATE_ANEW if is_anew else _LEARNING_RATE)
    with run.begun(data, rate) as (options, train, valid):
        progress = RunProgress(run.time_limit)
        trainer = finetuner(start, synthesis, options, told, train, valid, progress.cache)
        progress.run(trainer)
