"""`licodec train`, `licodec finetune` and `licodec export`: from pictures to a released profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from licodec.cli.options import (
    COUNT,
    FILE,
    FOLDER,
    Parsed,
    flag,
    option,
    set_threads,
    threads_option,
    with_options,
)
from licodec.cli.training_run import RunProgress, RunSettings, synthesis_option, tune_option
from licodec.config import (
    CHOICES,
    DEFAULT_CHOICE,
    DEFAULT_PROFILE,
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
# Of joint training, likewise (docs/decisions/training.md, Going on with trained weights).
_JOINT_RATE, _JOINT_RATE_ANEW = 5e-4, 2e-3
_LINEAR_SHARE = 0.3

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings(RunSettings):
    """What the options of `licodec train` say."""

    tune: str | None = tune_option(f"of --resume, else {DEFAULT_TUNE}")
    synthesis: str | None = synthesis_option(
        "Which synthesis to train; best is a shape without installed weights until you have. "
        f"[default: {DEFAULT_PROFILE}, or the checkpoint's]",
        default=None,
    )
    resume: Path | None = option(
        "Checkpoint to go on from; a finished one starts a new decay.", type=FILE
    )
    grow: bool = flag(
        "Give the networks of --resume the present shapes; new parts begin as no change."
    )
    prior: str | None = option(
        "Shape of the prior; --resume needs --grow for it.  [default: small, or --resume has]",
        type=click.Choice(sorted(PRIORS)),
    )
    learning_rate: float | None = option(
        "Of the prior; the transforms train at 0.8 of it, steps at half. A run that was cut off "
        f"keeps its own.  [default: {_JOINT_RATE_ANEW}, or {_JOINT_RATE} with --resume]",
        type=_POSITIVE,
    )
    linear_share: float | None = option(
        f"Share of the time for the prior on the plain wavelet.  [default: {_LINEAR_SHARE}, or 0 "
        "where a finished --resume starts a new decay]",
        type=click.FloatRange(0, 1),
    )
    on_integers: bool = flag(
        "Round the prior as its integers will be: for the last stretch, in place of finetuning.",
        "--integers",
    )
    lambda_max: float | None = option(
        "Weight of the distortion at quality 100; moves the range of --resume.  "
        "[default: of --resume, else 2, or 0.5 for psnr]",
        type=click.FloatRange(0.01, 100),
    )
    use_compile: bool = flag("Use torch.compile.", "--compile")


@click.command()
@_data_argument
@with_options("run", TrainSettings)
def train(data: tuple[str, ...], run: TrainSettings) -> None:
    """Train a latent family and a synthesis on your pictures.

    DATA are folders of pictures or of .tar shards, or .tar files; PATH:0.3
    draws from PATH less often. Shards named valid* are held back for
    validation (else every 40th picture is).

    \b
    licodec train photos/ -o runs/mine --time-limit 8h
    licodec train photos/ -o runs/mine --time-limit 8h --resume runs/mine/last.pt
    torchrun --nproc-per-node 4 -m licodec train photos/ -o runs/mine
    """
    resume = run.resume
    if run.grow and resume is None:
        raise click.UsageError("--grow needs --resume, the checkpoint whose networks are to grow")
    if run.prior is not None and resume is not None and not run.grow:
        raise click.UsageError("--prior with --resume needs --grow: the checkpoint has a prior")
    last = run.out / "last.pt"
    if last.exists() and (resume is None or not last.samefile(resume)):
        raise TrainingError(f"{last} exists; add --resume {last} to go on, or name another -o")
    import torch

    from licodec.metrics.distortion import LAMBDA_MAX, stage_name
    from licodec.train.checkpoint import checkpoint_configs, checkpoint_tune
    from licodec.train.end_to_end import EndToEnd
    from licodec.train.loop import Trainer, seeded_network

    if resume is None:
        tune = run.tune or DEFAULT_TUNE
        family = FamilyConfig(lambda_max=LAMBDA_MAX[tune])
        synthesis = SYNTHESES[DEFAULT_PROFILE]
    else:
        tune = run.tune or checkpoint_tune(resume)
        family, synthesis = checkpoint_configs(resume)
        if run.grow:
            family = family.with_analysis(FamilyConfig().analysis)
    if run.prior is not None:
        family = family.with_prior(run.prior)
    if run.lambda_max is not None:
        family = replace(family, lambda_max=run.lambda_max)
    if run.synthesis is not None:
        synthesis = SYNTHESES[run.synthesis]
    rate = run.learning_rate or (_JOINT_RATE_ANEW if resume is None else _JOINT_RATE)
    with run.begun(data, rate, tune) as (options, train, valid):
        network = seeded_network(family, synthesis, run.seed)
        task = EndToEnd(
            network,
            options,
            train,
            valid,
            stage=stage_name("joint on integers" if run.on_integers else "joint", tune),
            on_integers=run.on_integers,
            linear_share=_LINEAR_SHARE if run.linear_share is None else run.linear_share,
            forward=torch.compile(network) if run.use_compile else None,
        )
        if resume is None:
            task.start_from_spreads()
        trainer = Trainer(options, network, task)
        if resume is not None:
            trainer.resume(resume, grows=run.grow)
            if run.linear_share is None and trainer.run_step == 0:
                task.skip_linear()
        RunProgress(run.time_limit).run(trainer)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneSettings(RunSettings):
    """What the options of `licodec finetune` say."""

    tune: str | None = tune_option("the checkpoint's")
    synthesis: str | None = synthesis_option(
        "Synthesis to train; one that contains the checkpoint's, as best contains balanced, grows "
        "from it, any other starts anew.  [default: the checkpoint's]",
        default=None,
    )
    quantizer: str | None = option(
        f"What chooses the symbols to train on.  [default: {DEFAULT_CHOICE}, or {IN_LOOP[-1]} with "
        "prior or gains trained]",
        type=click.Choice(sorted(CHOICES)),
    )
    parts: tuple[str, ...] = option(
        "Parts to keep: synthesis, prior, gains or none. The analysis is always kept.",
        "--freeze",
        type=Parsed("LIST", _trained_parts),
        default="prior,gains",
    )
    prior: str | None = option(
        "Shape that the checkpoint's prior grows into, at first without a change.  [default: the "
        "checkpoint's]",
        type=click.Choice(sorted(PRIORS)),
    )
    family: Path | None = option(
        "Folder of the released family whose files are to look better.  [default: the installed "
        "one of the checkpoint's tune]",
        type=FOLDER,
    )
    cache: Path | None = option(
        "Folder of encoded pictures or crops; several runs may share it.  [default: OUT/cache]",
        type=FOLDER,
    )
    cache_size: float = option(
        "Gigabytes that the cache may take, 6 bytes per pixel and encode, or 13 of a crop for the "
        "prior alone.",
        type=_POSITIVE,
        default=2.0,
    )
    learning_rate: float | None = option(
        f"Of synthesis and prior; gains train at half.  [default: {_LEARNING_RATE}, or "
        f"{_LEARNING_RATE_ANEW} for a synthesis that starts anew]",
        type=_POSITIVE,
    )
    jobs: int = option(
        "Processes that encode pictures, each with the family in memory.",
        "-j",
        type=COUNT,
        default=1,
    )
    resume: bool = flag("Go on with the run in OUT.")


@click.command()
@click.argument("checkpoint", type=FILE)
@_data_argument
@with_options("run", FinetuneSettings)
def finetune(checkpoint: Path, data: tuple[str, ...], run: FinetuneSettings) -> None:
    """Train on the symbols that real encodes choose.

    CHECKPOINT is a run's last.pt or the float weights of a release; its
    analysis is kept. By default only the synthesis is trained: DATA (as for
    `licodec train`; your own pictures, too) are encoded once with the released
    family, and the result joins it by `licodec export --synthesis-only`. With
    the prior or the gains trained, the result is a new family. The prior alone
    (--freeze synthesis,gains) is trained on cached crops, at several times the
    speed of the whole codec.

    \b
    licodec finetune checkpoints/psnr4-balanced.pt photos/ -o runs/mine
    licodec finetune checkpoints/psnr4-balanced.pt photos/ -o runs/fast -p fast
    licodec finetune runs/a/last.pt photos/ -o runs/b --freeze gains
    licodec finetune runs/a/last.pt photos/ -o runs/c --freeze synthesis,gains \\
        --prior large
    """
    from licodec.profiles import find_models_dir
    from licodec.train.checkpoint import checkpoint_configs, checkpoint_tune
    from licodec.train.finetune import FinetuneOptions, finetuner

    is_synthesis_alone = run.parts == ("synthesis",)
    quantizer = run.quantizer or (DEFAULT_CHOICE if is_synthesis_alone else IN_LOOP[-1])
    if run.prior is not None and "prior" not in run.parts:
        raise click.UsageError(
            "--prior needs the prior among what is trained; leave it out of --freeze"
        )
    if not is_synthesis_alone and quantizer not in IN_LOOP:
        raise click.UsageError(
            f"--quantizer {quantizer} needs real encodes, whose symbols depend on prior and gains: "
            f"freeze both and train the synthesis, or choose {' or '.join(IN_LOOP)}"
        )
    last = run.out / "last.pt"
    start = last if run.resume else checkpoint
    if not run.resume and last.exists():
        raise TrainingError(f"{last} exists; add --resume to go on, or name another -o")
    synthesis = None if run.synthesis is None else SYNTHESES[run.synthesis]
    is_anew = synthesis is not None and not synthesis.contains(checkpoint_configs(start)[1])
    family = run.family or find_models_dir() / family_of(checkpoint_tune(checkpoint))
    tuning = FinetuneOptions(
        parts=run.parts,
        quantizer=quantizer,
        family_path=family / "family.safetensors",
        cache=run.cache or run.out / "cache",
        cache_bytes=run.cache_size * 1e9,
        num_jobs=run.jobs,
        prior=run.prior,
    )
    rate = run.learning_rate or (_LEARNING_RATE_ANEW if is_anew else _LEARNING_RATE)
    with run.begun(data, rate, run.tune or checkpoint_tune(start)) as (options, train, valid):
        progress = RunProgress(run.time_limit)
        trainer = finetuner(start, synthesis, options, tuning, train, valid, progress.cache)
        progress.run(trainer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What the options of `licodec export` say."""

    out: Path = option(
        "Folder of the family, such as models/psnr4.", "-o", type=FOLDER, required=True
    )
    synthesis: str = synthesis_option("Name of the synthesis.")
    synthesis_only: bool = flag("Add the synthesis to the family that is in the folder.")
    keep_checkpoint: Path | None = option(
        "Also write the float weights there, to go on training from.", type=FILE
    )
    force: bool = flag("Replace weights that are there.")
    threads: int | None = threads_option("CPU threads.  [default: all cores]")


@click.command()
@click.argument("checkpoint", type=FILE)
@_data_argument
@with_options("settings", ExportSettings)
def export(checkpoint: Path, data: tuple[str, ...], settings: ExportSettings) -> None:
    """Turn a training checkpoint into released weights.

    Quantises the prior to integers, proves that no accumulator can leave the
    exact range, fits the frequency tables to the symbols of DATA (the training
    pictures, as for `licodec train`), and writes family.safetensors,
    synthesis-PROFILE.safetensors and a model card.

    \b
    licodec export runs/mine/last.pt photos/ -o models/psnr4
    licodec export fast/last.pt photos/ -o models/psnr4 -p fast --synthesis-only
    """
    from licodec.train.card import write_card
    from licodec.train.checkpoint import load_checkpoint, save_checkpoint, slim_checkpoint
    from licodec.train.data import load_pictures, parse_source
    from licodec.train.export import export as make_release
    from licodec.train.export import write_release

    set_threads(settings.threads)
    out, name = settings.out, settings.synthesis
    family_path = out / "family.safetensors"
    released = family_path if settings.synthesis_only else None
    target = out / f"synthesis-{name}.safetensors" if released else family_path
    card = out / (f"{name}.md" if released else "README.md")
    for path in (target, settings.keep_checkpoint):
        if path is not None and path.exists() and not settings.force:
            raise LicodecError(f"{path} exists; add --force to replace it")
    state = load_checkpoint(checkpoint)  # complains before pictures are decoded
    train, valid = load_pictures([parse_source(text) for text in data], 64)

    def report(line: str) -> None:
        click.echo(line, err=True)

    release = make_release(checkpoint, name, train, valid, report, released)
    write_release(release, out, write_family=released is None)
    write_card(release, checkpoint, card)
    if settings.keep_checkpoint is not None:
        save_checkpoint(settings.keep_checkpoint, slim_checkpoint(state))
    for quality, bpp, psnr in release.rd:
        report(f"quality {quality:5.1f}: {bpp:.4f} bpp, {psnr:.2f} dB on held-back pictures")
    report(f"{target}: written")
