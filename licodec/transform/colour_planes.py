"""Luma and chroma planes of rows of pixels, padded to whole grid cells."""

from __future__ import annotations

import numpy as np

from licodec.transform.grid import FRACTION_BITS, GRID_PX, MID_GREY, padded_size

# 1 / sqrt(3), 1 / sqrt(2) and 1 / sqrt(6), and of grey pictures sqrt(3), by planes' units.
_BITS = 15
_LUMA, _RED_BLUE, _GREEN, _GREY = (
    round(factor**0.5 * 2 ** (FRACTION_BITS + _BITS)) for factor in (1 / 3, 1 / 2, 1 / 6, 3)
)

# Of the three sums that planes are of.
_NORMS = np.array([1 / 3, 1 / 2, 1 / 6], np.float32)[:, None, None] ** np.float32(0.5)


def planes_of_rows(pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """`integer_planes` in grey levels: (3, bottom - top, W') float32."""
    planes = integer_planes(pixels, top, bottom).astype(np.float32)
    planes *= np.float32(2.0**-FRACTION_BITS)
    return planes


def integer_planes(pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """Orthonormal colour planes, as `licodec.transform.colour.rgb_to_planes` has them, rounded.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        top, bottom: first row and the one after the last; beyond the picture its last row and
            column repeat.

    Returns:
        (3, bottom - top, W') int32, 1/64 grey level; chroma of a grey picture is zero.
    """
    height, width = pixels.shape[:2]
    part = pixels[min(top, height - 1) : bottom]
    num_rows = min(len(part), bottom - top)
    planes = np.empty((3, bottom - top, padded_size(width, GRID_PX)), np.int32)
    inside = planes[:, :num_rows, :width]
    if pixels.ndim == 2:
        inside[0] = part
        inside[0] -= int(MID_GREY)
        inside[0] *= _GREY
        inside[1:] = 0
    else:
        red, green, blue = (part[:, :, c].astype(np.int32) for c in range(3))
        np.subtract(red, blue, out=inside[1])
        inside[1] *= _RED_BLUE
        red += blue
        np.add(red, green, out=inside[0])
        inside[0] -= int(3 * MID_GREY)
        inside[0] *= _LUMA
        green *= 2
        np.subtract(red, green, out=inside[2])
        inside[2] *= _GREEN
    inside += 1 << _BITS - 1
    inside >>= _BITS
    planes[:, :num_rows, width:] = planes[:, :num_rows, width - 1 : width]
    planes[:, num_rows:] = planes[:, num_rows - 1 : num_rows]
    return planes


def slopes_by_planes(slopes: np.ndarray) -> np.ndarray:
    """(3, h, w) float32 slopes by red, green and blue to those by the orthonormal planes."""
    red, green, blue = slopes
    planes = np.stack([red + green + blue, red - blue, red - 2 * green + blue])
    planes *= _NORMS
    return planes
