"""Strips cover a map from top to bottom; what is made in them does not depend on their size.

The second half is tested where the work is done: test_integer_prior.py, ../codec/test_parts.py.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from licodec.prior.strips import row_strips


@given(
    height=st.integers(1, 500),
    width=st.integers(1, 300),
    positions=st.integers(1, 3000),
)
def test_strips_follow_each_other_and_all_but_the_last_have_the_same_even_number_of_rows(
    height, width, positions
):
    strips = list(row_strips(height, width, positions=positions))
    assert (strips[0][0], strips[-1][1]) == (0, height)
    assert all(above[1] == below[0] for above, below in pairwise(strips))
    *rows, last = (bottom - top for top, bottom in strips)
    assert 1 <= last <= max(rows, default=last)
    assert len(set(rows)) <= 1
    assert all(n % 2 == 0 and n >= 2 for n in rows)


def test_strips_have_about_the_positions_asked_for():
    assert list(row_strips(100, 30, positions=600)) == [(i, i + 20) for i in range(0, 100, 20)]
    assert list(row_strips(10, 30, positions=600)) == [(0, 10)]
    assert list(row_strips(9, 10**6, positions=600)) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]


def test_strip_of_a_map_without_a_size_stated_stays_in_the_cache():
    assert all((bottom - top) * 64 <= 1 << 13 for top, bottom in row_strips(4096, 64))
