"""Curves as numbers, on numpy alone: the Gaussian, and from sRGB to linear light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gaussian(sigma: float, radius: int) -> NDArray[np.float64]:
    """Gaussian of 2 * radius + 1 taps with sum 1, (taps,) float64."""
    at = np.arange(-radius, radius + 1)
    kernel = np.exp(-np.square(at) / (2 * sigma**2))
    return np.asarray(kernel / kernel.sum())


def _linear_levels() -> NDArray[np.float32]:
    """Linear light, 0 to 1, of each sRGB level 0..255 (IEC 61966-2-1), (256,) float32."""
    level = np.arange(256) / 255
    curved = ((level + 0.055) / 1.055) ** 2.4
    return np.where(level <= 0.04045, level / 12.92, curved).astype(np.float32)


def _slopes_of_levels() -> NDArray[np.float32]:
    """Derivative of linear light by the level at each sRGB level, (256,) float32."""
    level = np.arange(256) / 255
    curved = 2.4 / 1.055 * ((level + 0.055) / 1.055) ** 1.4
    return (np.where(level <= 0.04045, 1 / 12.92, curved) / 255).astype(np.float32)


LINEAR_LEVELS = _linear_levels()
SLOPES_OF_LEVELS = _slopes_of_levels()
