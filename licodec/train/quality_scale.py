"""Fits a family's scale of qualities to held-back pictures.

    python -m licodec.train.quality_scale models/visual6 DATA

measures a release that is there and writes the scale into it; `licodec export` does so itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

from licodec.codec.decode import decode_pixels
from licodec.codec.fitted import encode_fitted
from licodec.codec.model import Family, Synthesis, load_synthesis, read_family
from licodec.config import MAX_QUALITY_INDEX, QUANTIZER_IDS
from licodec.container.format import Header
from licodec.container.read import read_container
from licodec.container.write import write_container
from licodec.errors import LicodecError, TrainingError
from licodec.files import write_file
from licodec.metrics.ssimulacra2 import ssimulacra2
from licodec.profiles import read_metadata, read_profile, read_scale
from licodec.quality_scale import QualityScale, fit_quality_points, scale_to_json

_NUM_INDICES = 12
_NUM_PICTURES = 60
_MIN_SIDE_PX = 64


def code_picture(
    pixels: NDArray[np.uint8], family: Family, synthesis: Synthesis, index: int
) -> tuple[int, NDArray[np.uint8]]:
    """Code (H, W, 3) uint8 at the default effort; bytes of the file, and what it decodes to."""
    height, width = pixels.shape[:2]
    encoded = encode_fitted(pixels, family, synthesis.correction, index, "cpu")
    header = Header(
        family_id=1,
        profile_id=1,
        family_fingerprint=bytes(4),
        synthesis_fingerprint=bytes(2),
        width=width,
        height=height,
        quality_index=index,
        is_grey=False,
        quantizer_id=QUANTIZER_IDS[encoded.quantizer],
        is_all_coded=encoded.is_all_coded,
    )
    data = write_container(header, (), encoded.payload, encoded.symbols)
    return len(data), decode_pixels(read_container(data), family, synthesis, {})


def measure_scores(
    family: Family,
    synthesis: Synthesis,
    pictures: Sequence[NDArray[np.uint8]],
    report: Callable[[str], None],
    num_indices: int = _NUM_INDICES,
) -> list[tuple[int, float]]:
    """Mean SSIMULACRA 2 of decoded pictures by index, from 0 to 255.

    Args:
        pictures: (H, W, 3) uint8 of 8 pixels a side or more; the first 60 are taken.
        report: takes a line per index.
        num_indices: 2 or more.

    Raises:
        TrainingError: no picture, or one that is too small.
    """
    if not pictures:
        raise TrainingError("no picture is held back to measure qualities on; give more of them")
    measured = []
    for index in np.linspace(0, MAX_QUALITY_INDEX, num_indices).round().astype(int).tolist():
        scores = []
        for pixels in pictures[:_NUM_PICTURES]:
            score = ssimulacra2(pixels, code_picture(pixels, family, synthesis, index)[1])
            if score is None:
                raise TrainingError(f"a picture of {pixels.shape[:2]} pixels has no SSIMULACRA 2")
            scores.append(score)
        measured.append((index, float(np.mean(scores))))
        report(f"index {index}: SSIMULACRA 2 {measured[-1][1]:.2f}")
    return measured


def write_scale(folder: Path, scale: QualityScale) -> None:
    """Write a scale into a released family, and the qualities of its syntheses' figures anew.

    Raises:
        ModelError: the family or a synthesis cannot be read.
    """
    path = folder / "family.safetensors"
    before = read_scale(path)
    for synthesis in sorted(folder.glob("synthesis-*.safetensors")):
        metadata = read_metadata(synthesis)
        rows = [
            (scale.shown(before.to_index(quality)), *others)
            for quality, *others in json.loads(metadata["rd"])
        ]
        save_weights(synthesis, load_file(synthesis), metadata | {"rd": json.dumps(rows)})
    metadata = read_metadata(path) | {"quality_points": scale_to_json(scale)}
    save_weights(path, load_file(path), metadata)


def save_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file; one that is there stays until the new one is whole.

    Raises:
        LicodecError: the system refuses, such as on a full disk.
    """
    data = save({k: v.contiguous() for k, v in tensors.items()}, metadata)
    write_file(path, data, replace=True)


@click.command()
@click.argument("release", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-p", "--profile", default="balanced", show_default=True, help="Synthesis to take.")
def main(release: Path, data: tuple[str, ...], profile: str) -> None:
    """Fit the scale of qualities of the family in the folder RELEASE and write it there.

    Quality N then gives N points of SSIMULACRA 2 on the held-back pictures of
    DATA, which is given as for `licodec export`.
    """
    from licodec.train.data import load_held_back, parse_source

    def report(line: str) -> None:
        click.echo(line, err=True)

    try:
        family = read_family(release / "family.safetensors")
        synthesis = load_synthesis(read_profile(profile, release), family.config)
        pictures = load_held_back([parse_source(text) for text in data], _MIN_SIDE_PX)
        points = fit_quality_points(measure_scores(family, synthesis, pictures.arrays, report))
        write_scale(release, QualityScale(points))
    except (LicodecError, OSError) as error:
        raise click.ClickException(str(error)) from error
    report(f"{release / 'family.safetensors'}: written; model cards keep their qualities")


if __name__ == "__main__":
    main()
