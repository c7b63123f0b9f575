"""Applies a picture's shifts to the scale indices of a step before tables are chosen.

A single picture may be a little smoother or rougher than the prior predicts, in one band more than
in another. So each step of a picture begins with shifts of its scale indices, one for each group of
elements that is large enough to pay for it: a band, in the low-pass a plane, has two groups, those
of indices below SPLIT_INDEX and of the others.
"""

from __future__ import annotations

import numpy as np

from licodec.entropy.tables import NUM_SCALES

SPLIT_INDEX = 12
# Smaller groups have no shift.
MIN_ELEMENTS = 64


def rows_of(index: np.ndarray, num_bands: int) -> np.ndarray:
    """(B, n) uint8, a row for each band of a step's indices (C, ..); shares their memory."""
    if not index.flags.c_contiguous:
        raise ValueError("scale indices are not contiguous, so that shifts of them would be lost")
    return index.reshape(num_bands, -1)


def shifted_groups(rows: np.ndarray, skip_below: int) -> np.ndarray:
    """(B, 2) bool: groups of a step that have a shift, those below SPLIT_INDEX first.

    Args:
        rows: (B, n) uint8 scale indices.
        skip_below: smallest index that is coded.
    """
    groups = np.empty((len(rows), 2), bool)
    for group, row in zip(groups, rows, strict=True):
        high = np.count_nonzero(row >= max(SPLIT_INDEX, skip_below))
        coded = high if skip_below >= SPLIT_INDEX else np.count_nonzero(row >= skip_below)
        group[:] = coded - high >= MIN_ELEMENTS, high >= MIN_ELEMENTS
    return groups


def shift_rows(rows: np.ndarray, shifts: np.ndarray, skip_below: int) -> None:
    """Shift a step's scale indices in place; those that are not coded stay.

    Args:
        rows: (B, n) uint8 scale indices.
        shifts: (B, 2) integers, 0 for groups without.
        skip_below: smallest index that is coded, which stays coded.
    """
    for row, shift in zip(rows, shifts, strict=True):
        if not shift.any():
            continue
        table = np.arange(256, dtype=np.uint8)
        coded = np.arange(skip_below, NUM_SCALES)
        moved = coded + shift.astype(np.int64)[(coded >= SPLIT_INDEX).astype(np.intp)]
        table[skip_below:NUM_SCALES] = moved.clip(skip_below, NUM_SCALES - 1)
        row[:] = np.frombuffer(row.tobytes().translate(table.tobytes()), np.uint8)
