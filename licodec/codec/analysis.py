"""The analysis correction of a picture's planes: native, or on torch."""

from __future__ import annotations

import math

import numpy as np

from licodec.codec.model import Family, quality_inputs
from licodec.transform.colour_planes import planes_of_rows
from licodec.transform.grid import GRID_PX, PATCH_PX, padded_size
from licodec.transform.native_correction import NativeCorrection

# Pixels that are corrected at once, and rows at least: fewer than that and most of the work would
# be what strips have in common.
_STRIP_PX = 1 << 21
_MIN_ROWS = 512


def analysed_planes(
    pixels: np.ndarray, family: Family, quality_index: int, device: str
) -> np.ndarray:
    """A picture's planes, padded by repeating its last row and column, then corrected.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the correction, "cpu" or "cuda".

    Returns:
        (3, H', W') float32 grey levels, H' and W' multiples of 64; chroma of a grey picture is zero
        before the correction.
    """
    inputs = quality_inputs(family.config, quality_index)
    correction = family.analysis.native if device == "cpu" else None
    if correction is not None:
        return _corrected(pixels, correction, inputs)
    from licodec.codec.torch_analysis import corrected_planes

    return corrected_planes(pixels, family.analysis.module, inputs, device)


def _corrected(
    pixels: np.ndarray, correction: NativeCorrection, inputs: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    height, width = (padded_size(n, GRID_PX) for n in pixels.shape[:2])
    out = np.empty((3, height, width), np.float32)
    rows = max(_MIN_ROWS, math.ceil(_STRIP_PX / width / PATCH_PX) * PATCH_PX)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        above = max(top - correction.reach_px, 0)
        planes = planes_of_rows(pixels, above, min(bottom + correction.reach_px, height))
        out[:, top:bottom] = correction.correct(
            planes, inputs, first_row=above, num_rows=height, top=top, bottom=bottom
        )
    return out
