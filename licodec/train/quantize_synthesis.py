"""Gives a release whose synthesis is in floating point one in integers.

    python -m licodec.train.quantize_synthesis models/psnr1 DATA -p balanced

`licodec export` does so itself; this is for a synthesis of which there is no checkpoint.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from safetensors.torch import load_file
from torch import Tensor

from licodec.codec.model import fingerprint_of, read_family
from licodec.config import MAX_QUALITY_INDEX, CorrectionConfig, synthesis_from_json
from licodec.errors import LicodecError, TrainingError
from licodec.profiles import read_metadata
from licodec.train.data import load_pictures, parse_source
from licodec.train.integer_synthesis import (
    arrays_of,
    calibration_samples,
    integer_synthesis,
    measure_loss,
)
from licodec.train.quality_scale import save_weights
from licodec.transform.correction import Correction
from licodec.transform.integer import IntegerSynthesis

_MIN_SIDE_PX = 64
_NUM_PICTURES, _NUM_INDICES = 8, 5


def float_synthesis(
    path: Path, shape: CorrectionConfig, num_knots: int
) -> tuple[Correction, Tensor | None]:
    """Read a synthesis in floating point: the network, and directions where it has them.

    Raises:
        TrainingError: it is in integers, or has another shape than it states.
    """
    tensors = load_file(path)
    directions = tensors.pop("directions", None)
    net = Correction(**asdict(shape), num_knots=num_knots).float()
    try:
        net.load_state_dict({k: v.float() for k, v in tensors.items()})
    except RuntimeError as error:
        raise TrainingError(f"{path}: not the floating-point weights of a synthesis") from error
    return net.eval().requires_grad_(False), directions


@click.command()
@click.argument("release", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-p", "--profile", default="balanced", show_default=True, help="Synthesis to take.")
def main(release: Path, data: tuple[str, ...], profile: str) -> None:
    """Turn a synthesis of the folder RELEASE into integers, fitted to the pictures of DATA.

    DATA is given as for `licodec export`; what is lost is measured on the
    pictures that it holds back.
    """
    path = release / f"synthesis-{profile}.safetensors"
    try:
        metadata = read_metadata(path)
        shape = synthesis_from_json(metadata["config"])
        family = read_family(release / "family.safetensors")
        net, directions = float_synthesis(path, shape, family.config.num_knots)
        train, valid = load_pictures([parse_source(text) for text in data], _MIN_SIDE_PX)
        samples = calibration_samples(family, train)
        tensors = integer_synthesis(net, shape, family.config, samples, directions)
    except (LicodecError, OSError) as error:
        raise click.ClickException(str(error)) from error
    form = IntegerSynthesis(arrays_of(tensors), shape)
    for number in range(_NUM_INDICES):
        index = number * MAX_QUALITY_INDEX // (_NUM_INDICES - 1)
        loss = measure_loss(net, form, family, valid.arrays[:_NUM_PICTURES], index)
        click.echo(f"index {index}: {loss:.4f} dB lost", err=True)
    save_weights(path, tensors, metadata | {"fingerprint": fingerprint_of(arrays_of(tensors))})
    click.echo(f"{path}: written; golden files and model cards change with it", err=True)


if __name__ == "__main__":
    main()
