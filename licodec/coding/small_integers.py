"""Arrays of integers that take 16 bits each as long as all of them fit."""

from __future__ import annotations

import numpy as np


class SmallIntegers:
    """Integers that fit 16 bits in sound files, kept in 16 bits as long as they do.

    Attributes:
        data: int16, or int32 once a number needed it.

    Args:
        shape: of all.
        is_zero: zeros where nothing is put. Without, every number must be put before it is read,
            and none takes memory before.
    """

    def __init__(self, *shape: int, is_zero: bool = True) -> None:
        make = np.zeros if is_zero else np.empty
        self.data: np.ndarray = make(shape, np.int16)

    def put(self, key: tuple[slice, ...] | np.ndarray, part: np.ndarray) -> None:
        """data[key] = part, integers; key as in indexing, slices or a mask."""
        if part.size:
            self._fit(int(part.min()), int(part.max()))
        self.data[key] = part

    def put_at(self, positions: np.ndarray, part: np.ndarray) -> None:
        """As `put`, by positions (n,) in the flat data; part (n,) integers."""
        if len(part):
            self._fit(int(part.min()), int(part.max()))
            self.flat[positions] = part

    @property
    def flat(self) -> np.ndarray:
        """(n,) view of the data."""
        return self.data.reshape(-1)

    def _fit(self, smallest: int, largest: int) -> None:
        if smallest < -(1 << 15) or largest >= 1 << 15:
            self.data = self.data.astype(np.int32, copy=False)
