"""A picture in few colours: the palette that errs least, by k-means over the colours it has.

VP8L codes up to 256 colours as one plane of indices, which for text and drawings takes a fraction
of the bytes of all their shades.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from licodec.graphics.content import colour_codes

# Numbers of colours that are tried; a palette of VP8L has 256, of which a layer needs one for
# what it does not cover.
SIZES = (2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 224, 255)
_ROUNDS = 8
# Colours are put together in cells until no more than this are left: a palette is fitted to them.
_MAX_FITTED = 1 << 13

Floats = NDArray[np.float32]


class Palettes:
    """Fits palettes of any size to a picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels
        codes, where, counts = np.unique(
            colour_codes(pixels), return_inverse=True, return_counts=True
        )
        self._where = where.reshape(pixels.shape[:2])
        self._counts = counts
        self._colours = _colours_of(codes, pixels.ndim == 2)  # (N, C)
        self._fitted = _cells(self._colours, counts)

    @property
    def num_colours(self) -> int:
        """Colours of the picture."""
        return len(self._colours)

    def reduced(self, size: int) -> tuple[NDArray[np.uint8], float]:
        """The picture in at most `size` colours, and its mean squared error per sample."""
        palette = np.rint(_fit(*self._fitted, size))
        nearest, errors = _nearest(self._colours, palette)
        error = float((errors * self._counts).sum()) / self._pixels.size
        shades = palette[nearest].astype(np.uint8)[self._where]
        return shades.reshape(self._pixels.shape), error


def _colours_of(codes: NDArray[np.uint32], is_grey: bool) -> Floats:
    if is_grey:
        return codes[:, None].astype(np.float32)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1).astype(np.float32)


def _cells(colours: Floats, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Means and counts of colours that lie in the same cell of a grid, which grows as it must."""
    bits = 0
    while True:
        cells = colours.astype(np.int64) >> bits
        keys = (cells * (1 << 8 * np.arange(colours.shape[1]))).sum(1)
        _, where = np.unique(keys, return_inverse=True)
        number = int(where.max()) + 1
        if number <= _MAX_FITTED:
            break
        bits += 1
    weights = np.bincount(where, counts, number)
    means = np.stack(
        [np.bincount(where, counts * plane, number) / weights for plane in colours.T], 1
    )
    return means.astype(np.float32), weights.astype(np.float32)


def _fit(colours: Floats, weights: Floats, size: int) -> Floats:
    """(K, C) centres, K at most `size`: first those that err most, then k-means."""
    if len(colours) <= size:
        return colours
    first = int(weights.argmax())
    chosen, errors = [first], ((colours - colours[first]) ** 2).sum(1)
    while len(chosen) < size:
        chosen.append(int((errors * weights).argmax()))
        errors = np.minimum(errors, ((colours - colours[chosen[-1]]) ** 2).sum(1))
    centres = colours[chosen]
    for _ in range(_ROUNDS):
        nearest, _ = _nearest(colours, centres)
        total = np.bincount(nearest, weights, size)
        for c in range(colours.shape[1]):
            sums = np.bincount(nearest, weights * colours[:, c], size)
            centres[:, c] = np.where(total > 0, sums / np.maximum(total, 1), centres[:, c])
    return centres


def _nearest(colours: Floats, centres: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Of each colour the number of the nearest centre and the squared distance to it."""
    nearest = np.empty(len(colours), np.int64)
    for start in range(0, len(colours), 1 << 12):
        part = colours[start : start + (1 << 12)]
        distances = (centres**2).sum(1) - 2 * part @ centres.T
        nearest[start : start + (1 << 12)] = distances.argmin(1)
    return nearest, ((colours - centres[nearest]) ** 2).sum(1)
