"""Chooses the shifts of a step's scale indices that save most bits."""

from __future__ import annotations

import numpy as np

from licodec.coding.scale_offsets import SPLIT_INDEX
from licodec.entropy.tables import MAX_SHIFT, NUM_SCALES

# Larger magnitudes are counted as this one.
MAX_COUNTED = 31
# Scale indices of a band's two groups.
_PARTS = slice(SPLIT_INDEX), slice(SPLIT_INDEX, None)


class ShiftSearch:
    """Finds shifts for steps of a picture.

    Args:
        bits: (K, M) of each table and magnitude, from `magnitude_bits`.
        shift_table: number of the table of shifts.
        skip_below: smallest scale index that is coded.
    """

    def __init__(self, bits: np.ndarray, shift_table: int, skip_below: int) -> None:
        self._skip_below = skip_below
        self._shifts = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
        costs = bits[:, : MAX_COUNTED + 1].astype(np.float64)
        self._own_bits = costs[shift_table, np.abs(self._shifts)]  # (S,)
        index = np.arange(NUM_SCALES) + self._shifts[:, None]
        moved = costs[index.clip(skip_below, NUM_SCALES - 1)]  # (S, scale index, magnitude)
        # (scale indices and magnitudes of a part, S): what an element costs with each shift
        self._costs = [moved[:, p].reshape(len(moved), -1).T.copy() for p in _PARTS]

    def best(self, groups: np.ndarray, counts: np.ndarray, stride: int = 1) -> np.ndarray:
        """Shifts that save most, (B, 2) int16; 0 for groups without.

        Args:
            groups: (B, 2) bool, from `shifted_groups`.
            counts: (B, 64, 32) int64 how often each magnitude, up to MAX_COUNTED, is about to be
                chosen for an index of a band; is changed.
            stride: elements of the step that each one that was counted stands for.
        """
        by_band = counts.reshape(len(groups), NUM_SCALES, -1)
        by_band[:, : self._skip_below] = 0
        shifts = np.zeros(groups.shape, np.int16)
        for column, (part, costs) in enumerate(zip(_PARTS, self._costs, strict=True)):
            bits = stride * by_band[:, part].reshape(len(groups), -1) @ costs
            shifts[:, column] = self._shifts[(bits + self._own_bits).argmin(1)]
        shifts[~groups] = 0
        return shifts
