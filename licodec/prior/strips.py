"""Strips of rows, which bound the memory that large maps take."""

from __future__ import annotations

from collections.abc import Iterator

# Positions of a strip without its halo; about what keeps a layer's activations in the cache.
STRIP_POSITIONS = 1 << 13


def row_strips(
    height: int, width: int, *, positions: int | None = None
) -> Iterator[tuple[int, int]]:
    """Cut a map into strips of about equal size, each but the last of an even number of rows.

    Args:
        height, width: of the map.
        positions: about how many a strip has; None takes what keeps activations in the cache.

    Yields:
        (first row, row after the last) of each strip, top to bottom.
    """
    number = max(1, round(height * width / (positions or STRIP_POSITIONS)))
    rows = max(2, -(-height // number))
    rows += rows % 2
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
