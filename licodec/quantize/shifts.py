"""Residuals of a step in, the shifts of its scale indices that save most bits out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from licodec.coding.scale_offsets import SPLIT_INDEX
from licodec.entropy.tables import MAX_SHIFT, NUM_SCALES

# Larger magnitudes are counted as this one.
_MAX_MAGNITUDE = 31
# Scale indices of a band's two groups.
_PARTS = slice(SPLIT_INDEX), slice(SPLIT_INDEX, None)


class ShiftSearch:
    """Finds shifts for steps of a picture.

    Args:
        bits: (K, M) of each table and magnitude, from `magnitude_bits`.
        shift_table: number of the table of shifts.
        skip_below: smallest scale index that is coded.
    """

    def __init__(self, bits: Tensor, shift_table: int, skip_below: int) -> None:
        self._skip_below = skip_below
        self._shifts = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
        costs = bits[:, : _MAX_MAGNITUDE + 1].double().numpy()
        self._own_bits = costs[shift_table, np.abs(self._shifts)]  # (S,)
        index = np.arange(NUM_SCALES) + self._shifts[:, None]
        moved = costs[index.clip(skip_below, NUM_SCALES - 1)]  # (S, scale index, magnitude)
        # (scale indices and magnitudes of a part, S): what an element costs with each shift
        self._costs = [moved[:, p].reshape(len(moved), -1).T.copy() for p in _PARTS]

    def best(
        self,
        groups: np.ndarray,
        parts: Iterable[tuple[Tensor, Tensor, Tensor]],
        quantize: Callable[[Tensor, Tensor], Tensor],
        stride: int = 1,
    ) -> np.ndarray:
        """Shifts that save most, (B, 2) int16; 0 for groups without.

        Args:
            groups: (B, 2) bool, from `shifted_groups`.
            parts: of the step: residuals, their scale indices uint8 and bands; of one shape each.
            quantize: (residuals, scale indices) -> about the symbols that they will have, int32.
            stride: elements of the step that each one of the parts stands for.
        """
        size = NUM_SCALES * (_MAX_MAGNITUDE + 1)
        counts = np.zeros(len(groups) * size)
        for residual, index, band in parts:
            key = quantize(residual, index).abs_().clamp_(max=_MAX_MAGNITUDE)
            key.add_(index, alpha=_MAX_MAGNITUDE + 1).add_(band, alpha=size)
            counts += torch.bincount(key.reshape(-1), minlength=len(counts)).numpy()
        return self.best_for(groups, counts, stride)

    def best_for(self, groups: np.ndarray, counts: np.ndarray, stride: int) -> np.ndarray:
        """As `best`, from how often each magnitude, up to 31, is seen.

        Args:
            groups, stride: as of `best`.
            counts: by band, scale index and magnitude, any shape; is changed.
        """
        by_band = counts.reshape(len(groups), NUM_SCALES, -1)
        by_band[:, : self._skip_below] = 0
        shifts = np.zeros(groups.shape, np.int16)
        for column, (part, costs) in enumerate(zip(_PARTS, self._costs, strict=True)):
            bits = stride * by_band[:, part].reshape(len(groups), -1) @ costs
            shifts[:, column] = self._shifts[(bits + self._own_bits).argmin(1)]
        shifts[~groups] = 0
        return shifts
