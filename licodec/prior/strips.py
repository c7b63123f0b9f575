"""Large maps in, the same result in bounded memory out: row strips with a halo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

# Positions of a strip without its halo; about what keeps a layer's activations in the cache.
STRIP_POSITIONS = 1 << 13


def in_strips(
    run: Callable[..., Tensor], maps: Sequence[Tensor], halo: int, positions: int = STRIP_POSITIONS
) -> Tensor:
    """Apply a convolutional function strip by strip.

    Args:
        run: takes the maps' strips, returns (C, rows, w) at the first map's rows. It pads with
            zeros itself, as convolutions do, so a halo of its reach makes the result exact.
        maps: (.., h, w) each; a map of half the height (a coarser grid) is cut at half the rows.
        halo: rows on each side that a row of the result depends on; rounded up to even.
        positions: about how many positions of the first map a strip has.

    Returns:
        (C, h, w): what run(*maps) returns, whatever the strips.
    """
    height, width = maps[0].shape[-2:]
    rows = max(2, positions // max(1, width) // 2 * 2)
    if rows >= height:
        return run(*maps)
    halo += halo % 2
    out: Tensor | None = None
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(0, top - halo), min(height, bottom + halo)
        part = run(*(_rows(m, first, last, height) for m in maps))
        part = part[..., top - first : bottom - first, :]
        if out is None:
            out = torch.empty((*part.shape[:-2], height, width), dtype=part.dtype)
        out[..., top:bottom, :] = part
    assert out is not None
    return out


def _rows(plane: Tensor, first: int, last: int, height: int) -> Tensor:
    if plane.shape[-2] == height:
        return plane[..., first:last, :]
    return plane[..., first // 2 : (last + 1) // 2, :]


def row_strips(
    height: int, width: int, *, min_rows: int = 2, positions: int | None = None
) -> Iterator[tuple[int, int]]:
    """Cut a map into strips of about equal size, each but the last of an even number of rows.

    Args:
        height, width: of the map.
        min_rows: of a strip that is not the last.
        positions: about how many a strip has; None takes what keeps activations in the cache.

    Yields:
        (first row, row after the last) of each strip, top to bottom.
    """
    number = max(1, round(height * width / (positions or STRIP_POSITIONS)))
    rows = max(2, min_rows, -(-height // number))
    rows += rows % 2
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
