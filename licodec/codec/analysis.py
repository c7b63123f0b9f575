"""The analysis correction of a picture's planes: native, or on torch."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from licodec.codec.model import Family, quality_inputs
from licodec.transform.colour_planes import integer_planes
from licodec.transform.grid import FRACTION_BITS, GRID_PX, NUM_PLANES, PATCH_PX, padded_size
from licodec.transform.weights import CorrectionWeights

# Pixels that are corrected at once, and rows at least: fewer than that and most of the work would
# be what strips have in common.
_STRIP_PX = 1 << 21
_MIN_ROWS = 512
_UNIT = np.float32(2.0**-FRACTION_BITS)

# planes (3, h, W) int32, rows that are wanted -> (3, n, W) int16
_Correct = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def analysed_planes(
    pixels: np.ndarray, family: Family, quality_index: int, device: str
) -> list[np.ndarray]:
    """A picture's planes, padded by repeating its last row and column, then corrected.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the correction, "cpu" or "cuda"; on "cpu" it gives the same on every machine.

    Returns:
        Three of (H', W') float32 grey levels, H' and W' multiples of 64; chroma of a grey picture
        is zero before the correction.
    """
    inputs = quality_inputs(family.config, quality_index)
    if device != "cpu":
        from licodec.codec.torch_analysis import corrected_planes

        return list(corrected_planes(pixels, family.analysis.module, inputs, device))
    height, width = (padded_size(n, GRID_PX) for n in pixels.shape[:2])
    correct = _correction(family.analysis, inputs)
    halo_px = padded_size(family.analysis.integer.halo_px, PATCH_PX)
    out = [np.empty((height, width), np.float32) for _ in range(NUM_PLANES)]
    rows = max(_MIN_ROWS, math.ceil(_STRIP_PX / width / PATCH_PX) * PATCH_PX)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        above = max(top - halo_px, 0)
        planes = integer_planes(pixels, above, min(bottom + halo_px, height))
        words = correct(planes, (top - above, bottom - above))
        for plane, rows_of_plane in zip(out, words, strict=True):
            np.multiply(rows_of_plane, _UNIT, out=plane[top:bottom])
    return out


def _correction(analysis: CorrectionWeights, inputs: tuple[np.ndarray, np.ndarray]) -> _Correct:
    """What corrects planes at a quality: native, or on torch."""
    parts, native = analysis.integer.at(inputs), analysis.native
    if native is not None:
        return lambda planes, wanted: native.correct(parts, planes, wanted)
    from licodec.transform.analysis_reference import corrected_words

    return lambda planes, wanted: corrected_words(parts, planes)[:, slice(*wanted)]
