"""Averages the weights of checkpoints of one shape: `python -m licodec.train.average`.

Where noise of the last steps keeps the loss up, the mean of two ends of runs lies lower than either
(Izmailov et al. 2018, arXiv:1803.05407; Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from licodec.errors import LicodecError, TrainingError
from licodec.train.checkpoint import load_checkpoint, save_checkpoint, slim_checkpoint


def averaged(checkpoints: Sequence[Path], shares: Sequence[float]) -> dict[str, Any]:
    """The first checkpoint's state, slim, with the mean of the averaged weights of all.

    Args:
        checkpoints: one or more.
        shares: of each, above 0; divided by their sum.

    Raises:
        TrainingError: a damaged checkpoint, or shapes that differ.
    """
    state = slim_checkpoint(load_checkpoint(checkpoints[0]))
    first = {k: v.float() for k, v in state["ema"].items()}
    mean = {k: v.clone() for k, v in first.items()}
    for path, share in zip(checkpoints, shares, strict=True):
        loaded = load_checkpoint(path)
        if any(loaded[k] != state[k] for k in ("family", "synthesis")):
            raise TrainingError(f"{path}: its networks have other shapes than {checkpoints[0]}")
        for name, weights in loaded["ema"].items():
            # By differences: what is the same in all, such as a released family, stays the same.
            mean[name] += share / sum(shares) * (weights.float() - first[name])
    return {**state, "ema": mean}


def _parse_shares(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> list[float]:
    try:
        shares = [float(word) for word in text.split(",")] if text else []
    except ValueError:
        shares = [0.0]
    if not all(0 < share < math.inf for share in shares):
        raise click.BadParameter(f"{text!r} is not a list of numbers above 0, such as 7,3")
    return shares


@click.command()
@click.argument(
    "checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The checkpoint to write.",
)
@click.option(
    "--shares", callback=_parse_shares, help="Of each, such as 7,3.  [default: all the same]"
)
def main(checkpoints: tuple[Path, ...], out: Path, shares: list[float]) -> None:
    """Write the mean of the averaged weights of CHECKPOINTS.

    Steps and hours in it are those of the first. Training from it begins a
    new schedule; `licodec export` takes it like any other.

    \b
    python -m licodec.train.average b/last.pt a/last.pt --shares 7,3 -o mean.pt
    """
    shares = shares or [1.0] * len(checkpoints)
    if len(shares) != len(checkpoints):
        raise click.UsageError(f"{len(shares)} shares for {len(checkpoints)} checkpoints")
    try:
        save_checkpoint(out, averaged(checkpoints, shares))
    except LicodecError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{out}: mean of {len(checkpoints)} checkpoints", err=True)


if __name__ == "__main__":
    main()
