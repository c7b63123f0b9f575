"""Tells drawings from photographs by what costs next to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Shares of pixels that equal their left neighbour, and of colours among pixels. Photographs of the
# validation set have at most 0.57 of the first; those above 0.25 at least 0.024 of the second.
_EQUAL_RGB = 0.6
_EQUAL_GREY = 0.75
_EQUAL_FEW_COLOURS = 0.25
_FEW_COLOURS = 0.02


def colour_codes(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(H, W) one number per colour: 2^16 red + 2^8 green + blue, or the grey level."""
    if pixels.ndim == 2:
        return pixels.astype(np.uint32)
    wide: NDArray[np.uint32] = pixels.astype(np.uint32)
    return (wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]).astype(np.uint32)


def looks_drawn(codes: NDArray[np.uint32], *, is_grey: bool) -> bool:
    """Whether a picture is likely to be a screen, text or a drawing, by its `colour_codes`."""
    if codes.shape[1] < 2:
        codes = codes.T
    if codes.shape[1] < 2:
        return True
    equal = float((codes[:, 1:] == codes[:, :-1]).mean())
    if is_grey:
        return equal >= _EQUAL_GREY
    if equal >= _EQUAL_RGB or equal < _EQUAL_FEW_COLOURS:
        return equal >= _EQUAL_RGB
    return count_colours(codes) <= _FEW_COLOURS * codes.size


def count_colours(codes: NDArray[np.uint32]) -> int:
    """Number of different values below 2^24."""
    is_there = np.zeros(1 << 24, np.bool_)
    is_there[codes.ravel()] = True
    return int(np.count_nonzero(is_there))
