"""Padded planes in, the same with a padding that codes as nothing out.

Details of the padding are not in a file: a decoder takes them as predicted, about zero. Where the
padding needs them, as repeated border pixels do, the picture's own border breaks. So the padding is
chosen such that its details vanish: as many pixels as details, a linear system, solved by
conjugate gradients on the sum of squares.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from licodec.transform.grid import GRID_PX, NUM_BANDS, band_norm, padded_size
from licodec.transform.wavelet import analyse

# Squares fall a hundredfold in three rounds; beyond eight the coded picture does not change.
_ROUNDS = 8
_ENOUGH = 1e-6  # of the squares at the start
# Rows that the details of up to one grid step of padding reach, their own included.
_STRIP_PX = 4 * GRID_PX
# Peak of solving for the padding of a strip, by pixel of the strip.
_BYTES_PER_PX = 256


# (pixels (h, w) or (h, w, 3) uint8) -> (3, h', w') float32 planes, padded to multiples of 64.
Planes = Callable[[np.ndarray], Tensor]


class Padding:
    """What stands beside a picture's planes, below and to the right.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        planes_of: makes planes of a part of them.
        reach_px: how far a plane's sample depends on pixels.
    """

    @torch.inference_mode()
    def __init__(self, pixels: np.ndarray, planes_of: Planes, reach_px: int) -> None:
        self._height, self._width = pixels.shape[:2]
        rows, columns = (padded_size(n, GRID_PX) for n in pixels.shape[:2])
        reach = padded_size(reach_px, GRID_PX)
        self._right: Tensor | None = None
        self._below: Tensor | None = None
        if columns != self._width:
            left = max(columns - _STRIP_PX, 0)
            first = max(left - reach, 0)
            strip = planes_of(pixels[:, first:])[:, :, left - first :]
            self._right = _settled(strip, self._height, self._width - left)[
                :, :, self._width - left :
            ]
        if rows != self._height:
            top = max(rows - _STRIP_PX, 0)
            first = max(top - reach, 0)
            strip = planes_of(pixels[first:])[:, top - first :]
            if self._right is not None:
                strip[:, :, self._width :] = self._right[:, top:]
            strip = _settled(strip, self._height - top, self._width)
            self._below = strip[:, self._height - top :]
            if self._right is not None:
                self._right[:, top:] = strip[:, :, self._width :]

    @torch.inference_mode()
    def put(self, planes: Tensor, top: int) -> None:
        """Replace the padding in rows of planes, in place.

        Args:
            planes: (3, n, W') float32.
            top: number of their first row.
        """
        bottom = top + planes.shape[1]
        if self._right is not None:
            planes[:, :, self._width :] = self._right[:, top:bottom]
        if self._below is not None and bottom > self._height:
            first = max(top, self._height)
            planes[:, first - top :] = self._below[:, first - self._height : bottom - self._height]


def padding_bytes(width: int, height: int) -> int:
    """Memory that making a `Padding` takes at its peak.

    Args:
        width, height: of the picture in pixels.
    """
    rows, columns = padded_size(height, GRID_PX), padded_size(width, GRID_PX)
    right = 0 if columns == width else rows * min(columns, _STRIP_PX)
    below = 0 if rows == height else columns * min(rows, _STRIP_PX)
    return max(right, below) * _BYTES_PER_PX


def _settled(planes: Tensor, height: int, width: int) -> Tensor:
    """The same planes with another padding; (3, H', W') float32."""
    with torch.inference_mode(False), torch.enable_grad():
        return _solve(planes.clone(), height, width)


def _solve(planes: Tensor, height: int, width: int) -> Tensor:
    rows, columns = planes.shape[1:]
    is_free = ~_inside(rows, columns, 1, height, width)
    weights = [
        ~_inside(rows, columns, 1 << level, height, width) * _norms(level)
        for level in range(1, len(analyse(planes[None])[1]) + 1)
    ]

    def slope(x: Tensor) -> Tensor:
        """Gradient of half the sum of squares of the padding's details; linear in x."""
        x = x.detach().requires_grad_(True)
        _, details = analyse(x[None])
        squares = [(d[0] * w).square().sum() for d, w in zip(details, weights, strict=True)]
        (gradient,) = torch.autograd.grad(torch.stack(squares).sum() / 2, x)
        return gradient * is_free

    found = planes
    rest = -slope(found)
    direction = rest
    squares = start = float(rest.square().sum())
    for _ in range(_ROUNDS):
        if squares <= _ENOUGH * start:
            break
        change = slope(direction)
        step = squares / float((direction * change).sum())
        found += step * direction
        rest = rest - step * change
        before, squares = squares, float(rest.square().sum())
        direction = rest + squares / before * direction
    return found


def _inside(rows: int, columns: int, size: int, height: int, width: int) -> Tensor:
    """(rows / size, columns / size) bool: elements of the picture in a grid of that step."""
    y = torch.arange(rows // size) * size < height
    x = torch.arange(columns // size) * size < width
    return y[:, None] & x[None]


def _norms(level: int) -> Tensor:
    """(3, 1, 1) float32: length in the plane of a coefficient of size 1, by band."""
    norms = [band_norm(level, band) for band in range(NUM_BANDS)]
    return torch.tensor(norms, dtype=torch.float32)[:, None, None]
