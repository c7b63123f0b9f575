"""Chooses padding that codes as nothing.

Details of the padding are not in a file: a decoder takes them as zero. Where the padding needs
them, as repeated border pixels do, the picture's own border breaks. So the padding is chosen such
that its details vanish: as many pixels as details, a linear system, solved by conjugate gradients
on the sum of squares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from licodec import native
from licodec.codec import padding_reference
from licodec.native.lifting import padding_slope
from licodec.native.threads import over_rows
from licodec.transform.grid import GRID_PX, NUM_BANDS, NUM_LEVELS, band_norm, padded_size

# Squares fall a hundredfold in three rounds; beyond twelve the coded picture does not change.
_ROUNDS = 12
_ENOUGH = 1e-9  # of the squares at the start
# Peak of solving for the padding of a strip, by pixel of the strip.
_BYTES_PER_PX = 60

# (plane (h, w) float32, height, width, norms (L, 3) float32) -> gradient (h, w), linear in it
_Slope = Callable[[np.ndarray, int, int, np.ndarray], np.ndarray]


def settle_padding(planes: Sequence[np.ndarray], height: int, width: int) -> None:
    """Replace what stands below and to the right of a picture, in place.

    Args:
        planes: three of (H', W') float32, the picture's size padded to multiples of 64.
        height, width: of the picture.
    """
    rows, columns = planes[0].shape
    levels = max(_levels(height, rows), _levels(width, columns))
    if not levels:
        return
    slope = _find_slope()
    left, top = _start(width, columns, levels), _start(height, rows, levels)

    def settle(first: int, last: int) -> None:
        """The right side first, with the corner, then what is below all of it."""
        for plane in planes[first:last]:
            if left < columns:
                plane[:, left:] = _settled(plane[:, left:], height, width - left, levels, slope)
            if top < rows:
                plane[top:] = _settled(plane[top:], height - top, width, levels, slope)

    over_rows(settle, len(planes), rows * columns)


def padding_bytes(width: int, height: int) -> int:
    """Memory that `settle_padding` takes at its peak.

    Args:
        width, height: of the picture in pixels.
    """
    rows, columns = padded_size(height, GRID_PX), padded_size(width, GRID_PX)
    levels = max(_levels(height, rows), _levels(width, columns))
    if not levels:
        return 0
    right, below = columns - _start(width, columns, levels), rows - _start(height, rows, levels)
    return 3 * max(rows * right, columns * below) * _BYTES_PER_PX


def _levels(size: int, padded: int) -> int:
    """Levels, from the finest on, with elements that lie in the padding; 0 without padding."""
    return max((n for n in range(1, NUM_LEVELS + 1) if -(-size >> n) < padded >> n), default=0)


def _start(size: int, padded: int, levels: int) -> int:
    """Where the samples begin that details of the padding depend on; `padded` without padding."""
    if size == padded:
        return padded
    # A detail of level n reaches four samples of the level below, each of which reaches as far.
    reach = sum(4 << n for n in range(levels))
    grid = 1 << levels
    return max((size - reach) // grid * grid, 0)


def _find_slope() -> _Slope:
    library = native.find()
    if library is None:
        return padding_reference.padding_slope
    return lambda plane, height, width, norms: padding_slope(plane, height, width, norms, library)


def _settled(plane: np.ndarray, height: int, width: int, levels: int, slope: _Slope) -> np.ndarray:
    """The same plane (h, w) float32 with another padding."""
    norms = np.array(
        [[band_norm(level, band) for band in range(NUM_BANDS)] for level in range(1, levels + 1)],
        np.float32,
    )
    found = np.ascontiguousarray(plane)
    rest = -slope(found, height, width, norms)
    direction = rest
    squares = start = _product(rest, rest)
    for _ in range(_ROUNDS):
        if squares <= _ENOUGH * start:
            break
        change = slope(direction, height, width, norms)
        step = np.float32(squares / _product(direction, change))
        found = found + step * direction
        rest = rest - step * change
        before, squares = squares, _product(rest, rest)
        direction = rest + np.float32(squares / before) * direction
    return found


def _product(a: np.ndarray, b: np.ndarray) -> float:
    """Scalar product; of one order of sums."""
    return float(np.einsum("yx,yx->", a, b, dtype=np.float64))
