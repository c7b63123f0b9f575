"""Arrays of integers that take 16 bits each as long as all of them fit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


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
        make = torch.zeros if is_zero else torch.empty
        self.data = make(shape, dtype=torch.int16)

    def put(self, key: tuple[slice, ...] | Tensor, part: Tensor) -> None:
        """data[key] = part, int32; key as in indexing, slices or a mask."""
        if part.numel():
            smallest, largest = part.aminmax()
            self._fit(int(smallest), int(largest))
        self.data[key] = part.to(self.data.dtype)

    def put_at(self, positions: np.ndarray, part: np.ndarray) -> None:
        """As `put`, by positions (n,) in the flat data; part (n,) integers."""
        if len(part):
            self._fit(int(part.min()), int(part.max()))
            self.flat[positions] = part

    @property
    def flat(self) -> np.ndarray:
        """(n,) view of the data."""
        view: np.ndarray = self.data.view(-1).numpy()
        return view

    def _fit(self, smallest: int, largest: int) -> None:
        if smallest < -(1 << 15) or largest >= 1 << 15:
            self.data = self.data.to(torch.int32)
