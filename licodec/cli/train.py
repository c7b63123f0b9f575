"""`licodec train`: folders or shards of pictures in, a training checkpoint out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from licodec.cli.training import RunProgress, RunSettings, run_options
from licodec.config import PRIORS, SYNTHESES, FamilyConfig
from licodec.errors import TrainingError


@click.command()
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@run_options
@click.option(
    "-p",
    "--profile",
    type=click.Choice(sorted(SYNTHESES)),
    default="balanced",
    show_default=True,
    help="Which synthesis to train; best is a shape without installed weights until you have.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
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
    type=click.FloatRange(0, min_open=True),
    default=0.002,
    show_default=True,
    help="Of the prior; the transforms train at 0.8 of it, steps at half.",
)
@click.option(
    "--linear-share",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
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
def command(
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

    with run.begun(data, learning_rate) as (options, train, valid):
        family = FamilyConfig(lambda_max=LAMBDA_MAX[run.tune])
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
            stage=stage_name("joint on integers" if on_integers else "joint", run.tune),
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
