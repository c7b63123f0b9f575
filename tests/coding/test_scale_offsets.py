"""Shifts move the indices of the groups that have one, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.coding.scale_offsets import (
    MIN_ELEMENTS,
    SPLIT_INDEX,
    rows_of,
    shift_rows,
    shifted_groups,
)
from licodec.prior.layout import StepElements

LOW, HIGH = SPLIT_INDEX - 1, SPLIT_INDEX


def row(low: int, high: int, skipped: int = 0, padding: int = 0) -> list[int]:
    """Indices of so many elements of each kind, with 2 as the bound."""
    return [LOW] * low + [HIGH] * high + [1] * skipped + [0] * padding


def test_groups_with_enough_coded_elements_have_a_shift():
    rows = np.array(
        [
            row(MIN_ELEMENTS, MIN_ELEMENTS, 50, 50),
            row(MIN_ELEMENTS - 1, MIN_ELEMENTS, 101, 0),
            row(MIN_ELEMENTS, MIN_ELEMENTS - 1, 0, 101),
        ],
        np.uint8,
    )
    expected = [[True, True], [False, True], [True, False]]
    assert shifted_groups(rows, 2).tolist() == expected


def test_elements_that_are_not_coded_do_not_count():
    rows = np.full((1, 500), 5, np.uint8)
    assert shifted_groups(rows, 5).tolist() == [[True, False]]
    assert shifted_groups(rows, 6).tolist() == [[False, False]]


@pytest.mark.parametrize("bound", [SPLIT_INDEX, SPLIT_INDEX + 3])
def test_bound_beyond_the_split_leaves_one_group(bound):
    rows = np.concatenate([np.full(100, bound - 1), np.full(100, bound)])[None].astype(np.uint8)
    assert shifted_groups(rows, bound).tolist() == [[False, True]]


def test_shift_moves_coded_indices_of_its_group_and_no_others():
    rows = np.array([[0, 1, 2, 5, 11, 12, 30, 63], [0, 1, 2, 5, 11, 12, 30, 63]], np.uint8)
    shift_rows(rows, np.array([[3, -4], [0, 0]]), 2)
    assert rows.tolist() == [[0, 1, 5, 8, 14, 8, 26, 59], [0, 1, 2, 5, 11, 12, 30, 63]]


@pytest.mark.parametrize(("shift", "expected"), [(-40000, [0, 1, 2, 2]), (40000, [0, 1, 63, 63])])
def test_index_stays_coded_and_has_a_table_whatever_the_shift(shift, expected):
    rows = np.array([[0, 1, 2, 40]], np.uint8)
    shift_rows(rows, np.array([[shift, shift]]), 2)
    assert rows.tolist() == [expected]


def test_rows_are_the_bands_of_a_step_in_its_own_memory():
    # Level 3: detail channels 3 to 8, two positions each.
    channels = tuple(4 * c + p for c in range(3, 9) for p in (0, 3))
    index = np.arange(12 * 6, dtype=np.uint8).reshape(12, 2, 3)
    rows = rows_of(index, StepElements(3, channels).num_bands)
    assert rows.shape == (6, 12)
    assert rows[1].tolist() == index[2:4].flatten().tolist()
    rows[5, -1] = 7
    assert int(index[11, 1, 2]) == 7
    planes = StepElements(0, (0, 1), np.ones((1, 3), bool)).num_bands
    low = rows_of(index[:2, 0].copy(), planes)
    assert low.shape == (2, 3)
    assert rows_of(index, StepElements(6, tuple(range(12))).num_bands).shape == (12, 6)
