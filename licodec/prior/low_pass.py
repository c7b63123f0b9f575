"""Means and scale indices of the low-pass, which are predicted without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from licodec.entropy.tables import NUM_SCALES
from licodec.prior.fixed_point import INDEX_OFFSET
from licodec.prior.layout import low_pass_elements

if TYPE_CHECKING:
    from torch import Tensor

_Array = TypeVar("_Array", "np.ndarray", "Tensor")

_STRAIGHT = ((-1, 0), (1, 0), (0, -1), (0, 1))
_DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))


def neighbour_sums(values: _Array, known: _Array, *, diagonal: bool) -> tuple[_Array, _Array]:
    """Sums over the known among four neighbours; of numpy arrays or of tensors.

    Args:
        values: (.., h, w), 0 where unknown.
        known: (h, w) of the same type, 1 where known, else 0.
        diagonal: the neighbours at the corners in place of those at the sides.

    Returns:
        (.., h, w) sums, and (h, w) of how many, 1 where there are none.
    """
    total, count = values * 0, known * 0
    for down, right in _DIAGONAL if diagonal else _STRAIGHT:
        (rows, rows_beside), (columns, columns_beside) = _overlap(down), _overlap(right)
        total[..., rows, columns] += values[..., rows_beside, columns_beside]
        count[rows, columns] += known[rows_beside, columns_beside]
    return total, count.clip(1)


def _overlap(shift: int) -> tuple[slice, slice]:
    """Elements that have one `shift` (-1, 0 or 1) further on, and those further on."""
    if shift == 0:
        return slice(None), slice(None)
    return (slice(None, -1), slice(1, None)) if shift > 0 else (slice(1, None), slice(None, -1))


def low_pass_means(values: np.ndarray, step: int) -> np.ndarray:
    """(P, n) int32 means of a step's elements.

    Args:
        values: (P, rows, columns) int32, those of earlier steps; 0 elsewhere.
        step: 0 to 2.
    """
    size = values.shape[1:]
    elements = low_pass_elements(step, *size)
    if step == 0:
        return np.zeros((len(values), int(elements.sum())), np.int32)
    known = np.zeros(size, np.int32)
    for earlier in range(step):
        known += low_pass_elements(earlier, *size)
    total, count = neighbour_sums(values, known, diagonal=step == 1)
    return np.ascontiguousarray((total // count)[:, elements])


def low_pass_indices(log_scale: np.ndarray, num_elements: int) -> np.ndarray:
    """(P, n) uint8 scale indices of a step's elements.

    Args:
        log_scale: (P,) int32, natural logarithm in 1/16.
        num_elements: n.
    """
    index = ((log_scale + INDEX_OFFSET) >> 1).clip(1, NUM_SCALES - 1)
    return np.repeat(index.astype(np.uint8)[:, None], num_elements, 1)
