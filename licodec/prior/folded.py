"""Where the elements of a step's folded channels lie in the bands of a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from licodec.prior.layout import fold_of


def clear_padding(
    index: Tensor, channels: Sequence[int], level: int, height: int, width: int
) -> None:
    """Set the scale index of elements of the padding, which are not coded, to 0.

    Element (y, x) of a band is one if y 2^level >= height or x 2^level >= width.
    """
    fold = fold_of(level)
    num_rows, num_columns = -(-height >> level), -(-width >> level)
    if fold * index.shape[1] == num_rows and fold * index.shape[2] == num_columns:
        return
    for position, part in _by_position(index, channels, fold):
        down, right = divmod(position, fold)
        part[:, -(-(num_rows - down) // fold) :].zero_()
        part[:, :, -(-(num_columns - right) // fold) :].zero_()


def unfolded(
    parts: Tensor, channels: Sequence[int], fold: int, top: int, bottom: int
) -> Iterator[tuple[tuple[slice, ...], Tensor]]:
    """Where rows top to bottom - 1 of folded channels (C, ..) belong in (9, h fold, w fold)."""
    details = details_of(channels, fold)
    for position, part in _by_position(parts, channels, fold):
        down, right = divmod(position, fold)
        rows = slice(fold * top + down, fold * bottom, fold)
        yield (details, rows, slice(right, None, fold)), part


def details_of(channels: Sequence[int], fold: int) -> slice:
    """Detail channels that a step's folded channels belong to."""
    return slice(channels[0] // (fold * fold), channels[-1] // (fold * fold) + 1)


def _by_position(parts: Tensor, channels: Sequence[int], fold: int) -> Iterator[tuple[int, Tensor]]:
    """Positions in a block that folded channels (C, ..) hold, each with the channels that do."""
    positions = sorted({c % (fold * fold) for c in channels})
    for i, position in enumerate(positions):
        yield position, parts[i :: len(positions)]
