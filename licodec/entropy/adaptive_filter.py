"""The numbers of a picture's adaptive filter in the stream."""

from __future__ import annotations

import numpy as np

# Of a synthesis that can be fitted to a picture.
NUM_DIRECTIONS = 24
NO_FILTER = np.empty(0, np.int16)


def filter_batch(numbers: np.ndarray, table: int) -> tuple[np.ndarray, np.ndarray]:
    """Symbols (n,) int16 and tables (n,) uint8 that end a stream: 0, or 1 and the numbers.

    Args:
        numbers: (NUM_DIRECTIONS,) int16, or NO_FILTER.
        table: of shifts, which serves them, too.
    """
    symbols = np.concatenate([np.array([len(numbers) > 0], np.int16), numbers])
    return symbols, np.full(len(symbols), table, np.uint8)
