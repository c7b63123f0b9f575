"""Arrays of integers that take 16 bits each as long as all of them fit."""

from __future__ import annotations

import numpy as np


class SmallIntegers:
    """Integers that fit 16 bits in sound files, kept in 16 bits as long as they do.

    Attributes:
        data: int16, or int32 once a number needed it.

    Args:
        shape: of all; zeros until something else is put.
    """

    def __init__(self, *shape: int) -> None:
        self.data: np.ndarray = np.zeros(shape, np.int16)

    def put_at(self, positions: np.ndarray, part: np.ndarray) -> None:
        """Put integers (n,) at positions (n,) in the flat data."""
        if not len(part):
            return
        if part.min() < -(1 << 15) or part.max() >= 1 << 15:
            self.data = self.data.astype(np.int32, copy=False)
        self.flat[positions] = part

    @property
    def flat(self) -> np.ndarray:
        """(n,) view of the data."""
        return self.data.reshape(-1)
