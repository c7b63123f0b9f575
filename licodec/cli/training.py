"""`licodec train`, `licodec finetune` and `licodec export`: from pictures to a released profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from licodec.cli.options import set_threads, threads_option
from licodec.cli.params import COUNT, FILE, FOLDER, Parsed
from licodec.cli.training_run import RunProgress, RunSettings, run_options, synthesis_option
from licodec.config import (
    CHOICES,
    DEFAULT_CHOICE,
    DEFAULT_TUNE,
    PRIORS,
    SYNTHESES,
    FamilyConfig,
    family_of,
)
from licodec.errors import LicodecError, TrainingError

# As options are written; tests compare both with what licodec.train knows.
PARTS = ("synthesis", "prior", "gains")
IN_LOOP = ("rounding", "dead-zone")
# Of weights that are trained already; a synthesis that starts anew takes larger steps.
_LEARNING_RATE = 2e-4
_LEARNING_RATE_ANEW = 1e-3

_POSITIVE = click.FloatRange(0, min_open=True)
_data_argument = click.argument("data", nargs=-1, required=True, metavar="DATA...")


def _trained_parts(frozen: str) -> tuple[str, ...]:
    """The parts that are left to train."""
    names = {word.strip() for word in frozen.split(",")} - {"", "none"}
    unknown = sorted(names - set(PARTS))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(PARTS)}, none")
    trained = tuple(part for part in PARTS if part not in names)
    if not trained:
        raise ValueError("nothing is left to train; leave one part out")
    return trained


@click.command()
@_data_argument
@run_options(DEFAULT_TUNE)
@synthesis_option(
    "Which synthesis to train; best is a shape without installed weights until you have.",
    has_default=True,
)
@click.option(
    "--resume",
    type=FILE,
    help="Checkpoint to go on from; a finished one starts a new decay.",
)
@click.option(
    "--grow",
    is_flag=True,
    help="Give the networks of --resume the present shapes; new parts begin as no change.",
)
@click.option(
    "--prior",
    type=click.Choice(sorted(PRIORS)),
    help="Shape of the prior; --resume needs --grow for it.  [default: small, or --resume has]",
)
@click.option(
    "--learning-rate",
    type=_POSITIVE,
    default=0.002,
    help="Of the prior; the transforms train at 0.8 of it, steps at half.",
)
@click.option(
    "--linear-share",
    type=click.FloatRange(0, 1),
    default=0.3,
    help="Share of the time for the prior on the plain wavelet.",
)
@click.option(
    "--integers",
    "on_integers",
    is_flag=True,
    help="Round the prior as its integers will be: for the last stretch, in place of finetuning.",
)
@click.option(
    "--lambda-max",
    type=click.FloatRange(0.01, 100),
    help="Weight of the distortion at quality 100; moves the range of --resume.  "
    "[default: of --resume, else 2, or 0.5 for psnr]",
)
@click.option("--compile", "use_compile", is_flag=True, help="Use torch.compile.")
def train(
    data: tuple[str, ...],
    run: RunSettings,
    profile: str,
    resume: Path | None,
    grow: bool,
    prior: str | None,
    learning_rate: float,
    linear_share: float,
    on_integers: bool,
    lambda_max: float | None,
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
    if grow and resume is None:
        raise click.UsageError("--grow needs --resume, the checkpoint whose networks are to grow")
    if prior is not None and resume is not None and not grow:
        raise click.UsageError("--prior with --resume needs --grow: the checkpoint has a prior")
    last = run.out / "last.pt"
    if last.exists() and (resume is None or not last.samefile(resume)):
        raise TrainingError(f"{last} exists; add --resume {last} to go on, or name another -o")
    import torch

    from licodec.metrics.distortion import LAMBDA_MAX, stage_name
    from licodec.train.checkpoint import checkpoint_configs
    from licodec.train.end_to_end import EndToEnd
    from licodec.train.loop import Trainer, seeded_network

    tune = run.tune or DEFAULT_TUNE
    with run.begun(data, learning_rate, tune) as (options, train, valid):
        family = FamilyConfig(lambda_max=LAMBDA_MAX[tune])
        if resume is not None:
            kept = checkpoint_configs(resume)[0]
            family = kept.with_analysis(family.analysis) if grow else kept
        if prior is not None:
            family = family.with_prior(prior)
        if lambda_max is not None:
            family = replace(family, lambda_max=lambda_max)
        network = seeded_network(family, SYNTHESES[profile], run.seed)
        forward = torch.compile(network) if use_compile else None
        task = EndToEnd(
            network,
            options,
            train,
            valid,
            stage=stage_name("joint on integers" if on_integers else "joint", tune),
            on_integers=on_integers,
            linear_share=linear_share,
            forward=forward,
        )
        if resume is None:
            task.start_from_spreads()
        trainer = Trainer(options, network, task)
        if resume is not None:
            trainer.resume(resume, grows=grow)
        RunProgress(run.time_limit).run(trainer)


@click.command()
@click.argument("checkpoint", type=FILE)
@_data_argument
@run_options(None)
@synthesis_option(
    "Synthesis to train; another one than the checkpoint's starts anew.  [default: the "
    "checkpoint's]",
    has_default=False,
)
@click.option(
    "--quantizer",
    type=click.Choice(sorted(CHOICES)),
    help=f"What chooses the symbols to train on.  [default: {DEFAULT_CHOICE}, or {IN_LOOP[-1]} "
    "with prior or gains trained]",
)
@click.option(
    "--freeze",
    "parts",
    type=Parsed("LIST", _trained_parts),
    default="prior,gains",
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
    type=FOLDER,
    help="Folder of the released family whose files are to look better.  [default: the "
    "installed one of the checkpoint's tune]",
)
@click.option(
    "--cache",
    type=FOLDER,
    help="Folder of encoded pictures or crops; several runs may share it.  [default: OUT/cache]",
)
@click.option(
    "--cache-size",
    type=_POSITIVE,
    default=2.0,
    help="Gigabytes that the cache may take, 6 bytes per pixel and encode, or 13 of a crop for the "
    "prior alone.",
)
@click.option(
    "--learning-rate",
    type=_POSITIVE,
    help=f"Of synthesis and prior; gains train at half.  [default: {_LEARNING_RATE}, or "
    f"{_LEARNING_RATE_ANEW} for a synthesis that starts anew]",
)
@click.option(
    "-j",
    "--jobs",
    type=COUNT,
    default=1,
    help="Processes that encode pictures, each with the family in memory.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in OUT.")
def finetune(
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
    licodec finetune runs/a/last.pt photos/ -o runs/c --freeze synthesis,gains \\
        --prior large
    """
    from licodec.profiles import find_models_dir
    from licodec.train.checkpoint import checkpoint_configs, checkpoint_tune
    from licodec.train.finetune import FinetuneOptions, finetuner

    is_cached = parts == ("synthesis",)
    quantizer = quantizer or (DEFAULT_CHOICE if is_cached else IN_LOOP[-1])
    if prior is not None and "prior" not in parts:
        raise click.UsageError(
            "--prior needs the prior among what is trained; leave it out of --freeze"
        )
    if not is_cached and quantizer not in IN_LOOP:
        raise click.UsageError(
            f"--quantizer {quantizer} needs real encodes, whose symbols depend on prior and gains: "
            f"freeze both and train the synthesis, or choose {' or '.join(IN_LOOP)}"
        )
    last = run.out / "last.pt"
    start = last if resume else checkpoint
    if not resume and last.exists():
        raise TrainingError(f"{last} exists; add --resume to go on, or name another -o")
    synthesis = None if profile is None else SYNTHESES[profile]
    is_anew = synthesis not in (None, checkpoint_configs(start)[1])
    if family is None:
        family = find_models_dir() / family_of(checkpoint_tune(checkpoint))
    tuning = FinetuneOptions(
        parts=parts,
        quantizer=quantizer,
        family_path=family / "family.safetensors",
        cache=cache or run.out / "cache",
        cache_bytes=cache_size * 1e9,
        num_jobs=jobs,
        prior=prior,
    )
    rate = learning_rate or (_LEARNING_RATE_ANEW if is_anew else _LEARNING_RATE)
    with run.begun(data, rate, run.tune or checkpoint_tune(checkpoint)) as (options, train, valid):
        progress = RunProgress(run.time_limit)
        trainer = finetuner(start, synthesis, options, tuning, train, valid, progress.cache)
        progress.run(trainer)


@click.command()
@click.argument("checkpoint", type=FILE)
@_data_argument
@click.option(
    "-o",
    "--out",
    type=FOLDER,
    required=True,
    help="Folder of the family, such as models/psnr1.",
)
@synthesis_option("Name of the synthesis.", has_default=True)
@click.option(
    "--synthesis-only", is_flag=True, help="Add the synthesis to the family that is in the folder."
)
@click.option(
    "--keep-checkpoint",
    type=FILE,
    help="Also write the float weights there, to go on training from.",
)
@click.option("--force", is_flag=True, help="Replace weights that are there.")
@threads_option("CPU threads.  [default: all cores]")
def export(
    checkpoint: Path,
    data: tuple[str, ...],
    out: Path,
    profile: str,
    synthesis_only: bool,
    keep_checkpoint: Path | None,
    force: bool,
    threads: int | None,
) -> None:
    """Turn a training checkpoint into released weights.

    Quantises the prior to integers, proves that no accumulator can leave the
    exact range, fits the frequency tables to the symbols of DATA (the training
    pictures, as for `licodec train`), and writes family.safetensors,
    synthesis-PROFILE.safetensors and a model card.

    \b
    licodec export runs/mine/last.pt photos/ -o models/psnr1
    licodec export fast/last.pt photos/ -o models/psnr1 -p fast --synthesis-only
    """
    from licodec.train.card import write_card
    from licodec.train.checkpoint import load_checkpoint, save_checkpoint, slim_checkpoint
    from licodec.train.data import load_pictures, parse_source
    from licodec.train.export import export as make_release
    from licodec.train.export import write_release

    set_threads(threads)
    family_path = out / "family.safetensors"
    target = out / f"synthesis-{profile}.safetensors" if synthesis_only else family_path
    if not force and target.exists():
        raise LicodecError(f"{target} exists; add --force to replace it")
    state = load_checkpoint(checkpoint)  # complains before pictures are decoded
    train, valid = load_pictures([parse_source(text) for text in data], 64)

    def report(line: str) -> None:
        click.echo(line, err=True)

    released = family_path if synthesis_only else None
    release = make_release(checkpoint, profile, train, valid, report, released)
    write_release(release, out, write_family=not synthesis_only)
    write_card(release, checkpoint, out / (f"{profile}.md" if synthesis_only else "README.md"))
    if keep_checkpoint is not None:
        save_checkpoint(keep_checkpoint, slim_checkpoint(state))
    for quality, bpp, psnr in release.rd:
        report(f"quality {quality:5.1f}: {bpp:.4f} bpp, {psnr:.2f} dB on held-back pictures")
    report(f"{target}: written")
