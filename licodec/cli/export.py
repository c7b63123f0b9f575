"""`licodec export`: a training checkpoint in, a released family or synthesis out."""

from __future__ import annotations

from pathlib import Path

import click

from licodec.config import SYNTHESES
from licodec.errors import LicodecError


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the family, such as models/psnr1.",
)
@click.option(
    "-p",
    "--profile",
    type=click.Choice(sorted(SYNTHESES)),
    default="balanced",
    show_default=True,
    help="Name of the synthesis.",
)
@click.option(
    "--synthesis-only", is_flag=True, help="Add the synthesis to the family that is in the folder."
)
@click.option(
    "--keep-checkpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the float weights there, to go on training from.",
)
@click.option("--force", is_flag=True, help="Replace weights that are there.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads [default: all cores].")
def command(
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
    import torch

    from licodec.train.card import write_card
    from licodec.train.checkpoint import load_checkpoint, save_checkpoint, slim_checkpoint
    from licodec.train.data import load_pictures, parse_source
    from licodec.train.export import export, write_release

    if threads:
        torch.set_num_threads(threads)
    family_path = out / "family.safetensors"
    target = out / f"synthesis-{profile}.safetensors" if synthesis_only else family_path
    if not force and target.exists():
        raise LicodecError(f"{target} exists; add --force to replace it")
    state = load_checkpoint(checkpoint)  # complains before pictures are decoded
    train, valid = load_pictures([parse_source(text) for text in data], 64)

    def report(line: str) -> None:
        click.echo(line, err=True)

    released = family_path if synthesis_only else None
    release = export(checkpoint, profile, train, valid, report, released)
    write_release(release, out, write_family=not synthesis_only)
    write_card(release, checkpoint, out / (f"{profile}.md" if synthesis_only else "README.md"))
    if keep_checkpoint is not None:
        save_checkpoint(keep_checkpoint, slim_checkpoint(state))
    for quality, bpp, psnr in release.rd:
        report(f"quality {quality:5.1f}: {bpp:.4f} bpp, {psnr:.2f} dB on held-back pictures")
    report(f"{target}: written")
