"""Whole-number numpy that the written decoder has everywhere."""

from __future__ import annotations

from itertools import product

import numpy as np

Arrays = dict[str, np.ndarray]


def clamp(a: np.ndarray | int, low: int, high: int) -> np.ndarray:
    return np.clip(a, low, high)


def correlate(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(I, h, w) and (O, I, k, k) to (O, h, w), 0 outside the grid."""
    height, width = a.shape[1:]
    k = w.shape[2]
    wide = np.pad(a, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    total = np.zeros((w.shape[0], height, width), a.dtype)
    for u, v in product(range(k), range(k)):
        total += np.tensordot(
            w[:, :, u, v].astype(a.dtype), wide[:, u : u + height, v : v + width], 1
        )
    return total
