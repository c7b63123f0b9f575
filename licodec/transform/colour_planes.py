"""Luma and chroma planes of rows of pixels, padded to whole grid cells."""

from __future__ import annotations

import math

import numpy as np

from licodec.transform.grid import GRID_PX, MID_GREY, padded_size


def planes_of_rows(pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """Orthonormal colour planes, as `licodec.transform.colour.rgb_to_planes` has them.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        top, bottom: first row and the one after the last; beyond the picture its last row and
            column repeat.

    Returns:
        (3, bottom - top, W') float32; chroma of a grey picture is zero.
    """
    height, width = pixels.shape[:2]
    part = pixels[min(top, height - 1) : bottom]
    num_rows = min(len(part), bottom - top)
    planes = np.empty((3, bottom - top, padded_size(width, GRID_PX)), np.float32)
    inside = planes[:, :num_rows, :width]
    if pixels.ndim == 2:
        inside[0] = part
        inside[0] -= np.float32(MID_GREY)
        inside[0] *= np.float32(math.sqrt(3))
        inside[1:] = 0
    else:
        red, green, blue = (part[:, :, c].astype(np.float32) for c in range(3))
        outer = red + blue
        np.add(outer, green, out=inside[0])
        inside[0] -= np.float32(3 * MID_GREY)
        inside[0] *= np.float32(1 / math.sqrt(3))
        np.subtract(red, blue, out=inside[1])
        inside[1] *= np.float32(1 / math.sqrt(2))
        green *= np.float32(2)
        np.subtract(outer, green, out=inside[2])
        inside[2] *= np.float32(1 / math.sqrt(6))
    planes[:, :num_rows, width:] = planes[:, :num_rows, width - 1 : width]
    planes[:, num_rows:] = planes[:, num_rows - 1 : num_rows]
    return planes
