"""Makes a small checkpoint to go on from: `python -m licodec.train.slim`."""

from __future__ import annotations

from pathlib import Path

import click

from licodec.errors import LicodecError
from licodec.train.checkpoint import load_checkpoint, save_checkpoint, slim_checkpoint


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--half", is_flag=True, help="Store the synthesis as float16, as a release does.")
def main(checkpoint: Path, out: Path, half: bool) -> None:
    """Write the averaged weights of CHECKPOINT, without the optimiser, to OUT.

    Training from OUT begins a new schedule; `licodec export` takes it as it
    takes CHECKPOINT.
    """
    try:
        save_checkpoint(out, slim_checkpoint(load_checkpoint(checkpoint), is_half=half))
    except LicodecError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB", err=True)


if __name__ == "__main__":
    main()
