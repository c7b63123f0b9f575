"""Which pixels of a picture are drawn: text, lines and flat colour beside a photograph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 16
# Of a drawn block at least this share of pixels equals the left or the upper neighbour.
_EQUAL = 0.55
# Levels between the darkest and the brightest sample of a block that shows text or lines.
_CONTRAST = 48
# Share of blocks that must show such; photographs of the validation set have less.
_LEAST_BLOCKS = 0.03
# Runs along rows and columns that flat colour is followed by.
_ROUNDS = 6
# What is left over between drawn pixels is a photograph as far as squares of this side fit in it.
_ROOM_PX = 17

Mask = NDArray[np.bool_]


def drawn_pixels(pixels: NDArray[np.uint8], codes: NDArray[np.uint32]) -> Mask | None:
    """(H, W) True where a picture is drawn; None if there is hardly anything, or nothing else.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        codes: its `colour_codes`.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 2 * BLOCK_PX:
        return None
    is_equal = np.zeros((height, width), np.bool_)
    is_equal[:, 1:] = codes[:, 1:] == codes[:, :-1]
    is_equal[1:] &= codes[1:] == codes[:-1]
    is_drawn = _block_means(is_equal) >= _EQUAL
    samples = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    contrast = _blocks(np.maximum, samples) - _blocks(np.minimum, samples)
    if (is_drawn & (contrast >= _CONTRAST)).mean() < _LEAST_BLOCKS:
        return None
    is_drawn = _without_specks(is_drawn)
    spread = is_drawn.repeat(BLOCK_PX, 0)[:height].repeat(BLOCK_PX, 1)[:, :width]
    mask = _without_strokes(_grown(spread, codes))
    return None if mask.all() or not mask.any() else mask


def _blocks(way: np.ufunc, values: NDArray[Any]) -> NDArray[np.int64]:
    rows = way.reduceat(values, np.arange(0, values.shape[0], BLOCK_PX), axis=0)
    return np.asarray(way.reduceat(rows, np.arange(0, values.shape[1], BLOCK_PX), axis=1), np.int64)


def _block_means(values: Mask) -> NDArray[np.float64]:
    sums = _blocks(np.add, values.astype(np.int64))
    return np.asarray(sums / _blocks(np.add, np.ones(values.shape, np.int64)))


def _without_specks(is_drawn: Mask) -> Mask:
    """Blocks as most of the nine around them are."""
    wide = np.pad(is_drawn.astype(np.int64), 1, mode="edge")
    rows, columns = is_drawn.shape
    around = sum(wide[y : y + rows, x : x + columns] for y in range(3) for x in range(3))
    return np.asarray(around >= 5)


def _grown(mask: Mask, codes: NDArray[np.uint32]) -> Mask:
    """The mask up to where flat colour that it touches ends."""
    rows, columns = _run_ids(codes), _run_ids(codes.T).T
    for _ in range(_ROUNDS):
        mask = _whole_runs(_whole_runs(mask, rows), columns)
    return mask


def _run_ids(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """A number for each run of equal values in a row."""
    is_first = np.ones(codes.shape, np.bool_)
    is_first[:, 1:] = codes[:, 1:] != codes[:, :-1]
    return np.asarray(is_first.cumsum(dtype=np.int64) - 1).reshape(codes.shape)


def _whole_runs(mask: Mask, ids: NDArray[np.int64]) -> Mask:
    """Runs that are masked anywhere, masked from end to end."""
    is_masked = np.zeros(int(ids.max()) + 1, np.bool_)
    is_masked[ids[mask]] = True
    return is_masked[ids]


def _without_strokes(mask: Mask) -> Mask:
    """The mask with parts beside it that are too thin for a photograph: letters, lines."""
    others = ~mask
    fits = _square_sums(others) == _ROOM_PX**2
    return np.asarray(_square_sums(fits) == 0)


def _square_sums(mask: Mask) -> NDArray[np.int64]:
    """How many are True in the square around each pixel, 0 beyond the picture."""
    side, half = _ROOM_PX, _ROOM_PX // 2
    sums = np.pad(mask, ((half + 1, half), (half + 1, half))).cumsum(0).cumsum(1)
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(inside, np.int64)
