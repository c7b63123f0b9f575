"""Where the elements of a step's folded channels lie in the bands of a level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from licodec.prior.layout import fold_of


def clear_padding(
    mean: np.ndarray,
    index: np.ndarray,
    channels: Sequence[int],
    level: int,
    height: int,
    width: int,
) -> None:
    """Set mean and scale index of elements of the padding, which are not coded, to 0.

    Element (y, x) of a band is one if y 2^level >= height or x 2^level >= width.

    Args:
        mean: (C, h, w) int16 or int32, changed in place.
        index: (C, h, w) uint8, changed in place.
        channels: C folded channels.
        level: 6 to 1.
        height, width: of the picture in pixels.
    """
    fold = fold_of(level)
    num_rows, num_columns = -(-height >> level), -(-width >> level)
    for maps in (mean, index):
        for part, channel in zip(maps, channels, strict=True):
            down, right = divmod(channel % (fold * fold), fold)
            part[-(-(num_rows - down) // fold) :] = 0
            part[:, -(-(num_columns - right) // fold) :] = 0


def unfolded_rows(channel: int, fold: int, top: int, bottom: int) -> tuple[int, slice, slice]:
    """Where rows top to bottom - 1 of a folded channel belong in (9, fold h, fold w)."""
    detail, position = divmod(channel, fold * fold)
    down, right = divmod(position, fold)
    return detail, slice(fold * top + down, fold * bottom, fold), slice(right, None, fold)
