"""Planes in grey levels in, pixels out; for previews, which have no correction."""

from __future__ import annotations

import math

import numpy as np

from licodec.transform.grid import MID_GREY


def grey_levels(planes: np.ndarray, *, is_grey: bool) -> np.ndarray:
    """(3, h, w) float32 planes to (h, w) or (h, w, 3) uint8."""
    luma = planes[0] * np.float32(1 / math.sqrt(3)) + np.float32(MID_GREY)
    if is_grey:
        return _rounded(luma)
    chroma = planes[1] * np.float32(1 / math.sqrt(2)), planes[2] * np.float32(1 / math.sqrt(6))
    pixels = np.empty((*luma.shape, 3), np.uint8)
    pixels[:, :, 0] = _rounded(luma + chroma[0] + chroma[1])
    pixels[:, :, 1] = _rounded(luma - 2 * chroma[1])
    pixels[:, :, 2] = _rounded(luma - chroma[0] + chroma[1])
    return pixels


def _rounded(levels: np.ndarray) -> np.ndarray:
    pixels: np.ndarray = np.rint(levels).clip(0, 255).astype(np.uint8)
    return pixels
