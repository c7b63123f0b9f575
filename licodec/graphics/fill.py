"""Smooth colours in place of drawn pixels, so that the wavelet codes next to nothing there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SMOOTHINGS = 4  # of what was filled in, at each size

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def fill_smoothly(pixels: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """Replace masked pixels by what the others around them fade into.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        mask: (H, W), True where pixels are replaced; not everywhere.

    Returns:
        A new array of the shape of `pixels`; pixels that are not masked stay as they are.
    """
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    known: Floats = planes.astype(np.float32)
    filled = np.rint(_filled(known, ~mask)).astype(np.uint8)
    return np.where(mask[:, :, None], filled, planes).reshape(pixels.shape)


def _filled(planes: Floats, is_known: Mask) -> Floats:
    """(H, W, C), unknown samples made from a picture of half the size, then smoothed."""
    if is_known.all() or is_known.size == 1:
        return planes
    weights = is_known.astype(np.float32)[:, :, None]
    sums, counts = _halved(planes * weights), _halved(weights)
    means = (sums / np.maximum(counts, 1)).astype(np.float32)
    coarse = _filled(means, counts[:, :, 0] > 0)
    spread = coarse.repeat(2, 0).repeat(2, 1)[: planes.shape[0], : planes.shape[1]]
    found = np.where(is_known[:, :, None], planes, spread)
    for _ in range(_SMOOTHINGS):
        found = np.where(is_known[:, :, None], planes, _smoothed(found))
    return found


def _halved(values: Floats) -> Floats:
    """Sums over 2x2 samples; at the end of odd sides over those there are."""
    height, width = values.shape[:2]
    rows = np.add.reduceat(values, np.arange(0, height, 2), axis=0)
    return np.asarray(np.add.reduceat(rows, np.arange(0, width, 2), axis=1), np.float32)


def _smoothed(values: Floats) -> Floats:
    """The mean over 3x3 samples, the border repeated."""
    wide = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9, np.float32)
