"""Tables sum to 2^24, are symmetric, and are refused if they could not code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.entropy.tables import MAX_SHIFT, TOTAL, exact_model, fit_halves, load_tables
from licodec.errors import ModelError
from licodec.train.integers import expected_shares, reach_of
from tests.entropy.tables import halves_of, random_halves, random_tables

COUNTS = st.lists(st.one_of(st.just(0), st.integers(0, 10**12)), min_size=3, max_size=1025)


def sum_of(half: np.ndarray) -> int:
    """Zero once, each magnitude with both signs, the escape once."""
    return int(half[0] + 2 * half[1:-1].sum() + half[-1])


@given(counts=COUNTS, prior_count=st.floats(1e-6, 1e6))
def test_fitted_table_sums_to_2_to_the_24_and_codes_every_symbol(counts, prior_count):
    shares = np.full(len(counts), 1 / len(counts))
    half = fit_halves(np.array(counts, dtype=np.float64), shares, prior_count)
    assert sum_of(half) == TOTAL == 2**24
    assert half.min() >= 1


def test_fitted_table_follows_many_counts_and_the_density_without_any():
    expected = np.array([0.5, 0.3, 0.2])
    assert fit_halves(np.zeros(3), expected, 300.0) / TOTAL == pytest.approx([0.5, 0.15, 0.2], 1e-6)
    counts = np.array([8e9, 1e9, 1e9])
    assert fit_halves(counts, expected, 300.0) / TOTAL == pytest.approx([0.8, 0.05, 0.1], 1e-6)


@pytest.mark.parametrize("index", [0, 1, 20, 40, 63])
def test_shares_of_the_density_sum_to_one_and_reach_far_enough(index):
    shares = expected_shares(index).numpy()
    assert shares.sum() == pytest.approx(1)
    assert len(shares) == reach_of(index) + 2
    assert np.all(np.diff(shares[1:-1]) <= 0)
    scale = math.exp(-3 + index / 8)
    if scale < 50:  # wider ones end at 1023
        assert shares[-1] < 1e-4
    # A logistic density of this scale: what lies beyond half a step, by its own formula.
    assert 1 - shares[0] == pytest.approx(2 / (1 + math.exp(0.5 / scale)))


def test_loaded_tables_mirror_their_halves_and_end_in_the_escape():
    tables = load_tables(random_halves(1, [1, 4]), np.array([1, 4]), 1)
    halves = random_halves(1, [1, 4])
    own, expected = tables.frequencies[: tables.shift_table], (halves[:3], halves[3:])
    for frequencies, half in zip(own, expected, strict=True):
        reach = len(half) - 2
        assert len(frequencies) == 2 * reach + 2
        for symbol in range(-reach, reach + 1):
            assert frequencies[symbol + reach] == half[abs(symbol)]
        assert frequencies[-1] == half[-1]


def test_table_of_shifts_follows_those_of_the_family():
    tables = random_tables(1, [1, 4])
    assert tables.shift_table == 2
    assert len(tables.models) == len(tables.frequencies) == len(tables.reaches) == 3
    assert tables.reaches[2] == MAX_SHIFT
    frequencies = tables.frequencies[2]
    assert int(frequencies.sum()) == 2**24
    assert 0.95 < tables.bits(2)[MAX_SHIFT] < 1  # no shift
    assert frequencies[:-1].tolist() == frequencies[-2::-1].tolist()


def test_bits_of_an_entry_are_minus_the_logarithm_of_its_share():
    tables = load_tables(halves_of([2**23, 2**21, 2**22]), np.array([1]), 1)
    assert tables.bits(0).tolist() == [3, 1, 3, 2]


@pytest.mark.parametrize(
    "frequencies",
    [[TOTAL], [TOTAL - 1, 2], [TOTAL, 0], [TOTAL + 1, -1], [[TOTAL - 1, 1]]],
    ids=["one entry", "sum too large", "zero", "negative", "two dimensions"],
)
def test_table_that_cannot_code_is_refused(frequencies):
    with pytest.raises(ModelError, match="frequency table"):
        exact_model(np.array(frequencies))


@pytest.mark.parametrize(
    ("reaches", "skip_below", "message"),
    [
        ([0], 1, "reach"),
        ([2048], 1, "reach"),
        ([[3]], 1, "reach"),
        ([3], 1, "sizes"),
        ([4, 4], 1, "sizes"),
        ([4], 0, "sizes"),
        ([4], 2, "sizes"),
    ],
)
def test_tables_that_contradict_what_the_family_states_are_refused(reaches, skip_below, message):
    with pytest.raises(ModelError, match=message):
        load_tables(random_halves(2, [4]), np.array(reaches), skip_below)
