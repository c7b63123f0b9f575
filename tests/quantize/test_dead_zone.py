"""Decisions with a dead zone are the cheapest ones, found by trying all."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from licodec.entropy.tables import MAX_SYMBOL, load_tables
from licodec.quantize.dead_zone import (
    BITS_PER_SQUARED_STEP,
    DEAD_ZONE_STRENGTH,
    choose_magnitude,
    decision_shifts,
)
from licodec.quantize.rounding import dead_zones, round_with_dead_zone
from tests.entropy.tables import halves_of

SIZES = np.linspace(0, 9.99, 1000)
# From B bits on, the full shift would reach half a step, where it is capped.
BITS = st.floats(0, 0.99 * BITS_PER_SQUARED_STEP)


def cheapest_magnitude(size: float, first_bits: float, higher_bits: float) -> int:
    """Minimum of bits and weighted squared error over all magnitudes."""

    def cost(k: int) -> float:
        bits = first_bits + (k - 1) * higher_bits if k else 0.0
        return bits + BITS_PER_SQUARED_STEP * (size - k) ** 2

    return min(range(12), key=cost)


@given(first_bits=BITS, higher_bits=BITS)
def test_full_dead_zone_minimises_rate_and_distortion(first_bits, higher_bits):
    bits = np.array([first_bits, higher_bits])
    first, higher = decision_shifts(bits[0], bits[1], strength=1.0)
    chosen = choose_magnitude(SIZES[::37], first, higher).tolist()
    expected = [cheapest_magnitude(s, first_bits, higher_bits) for s in SIZES[::37].tolist()]
    assert chosen == expected


def test_weight_of_the_error_is_lambda_step_squared_over_three_at_the_balance():
    rd_lambda = 0.02
    step_squared = 18 / (math.log(2) * rd_lambda)
    assert pytest.approx(rd_lambda * step_squared / 3) == BITS_PER_SQUARED_STEP


def test_strength_zero_is_plain_rounding():
    zero = np.array(0.0)
    shifts = decision_shifts(zero + 5, zero + 3, strength=0.0)
    np.testing.assert_array_equal(choose_magnitude(SIZES, *shifts), np.floor(SIZES + 0.5))


@pytest.mark.parametrize(("bits", "shift"), [(-3.0, 0.0), (1e6, 0.5)])
def test_shift_stays_between_nothing_and_half_a_step(bits, shift):
    first, higher = decision_shifts(np.array(bits), np.array(bits), 1.0)
    assert float(first) == float(higher) == shift


def test_zones_of_a_table_are_what_its_frequencies_charge():
    # Costs by hand: zero 1 bit, one of +-1 3 bits, one of +-2 5 bits; then a table that ends at 1.
    wide = [2**23, 2**21, 2**19, 2**24 - 2**23 - 2**22 - 2**20]
    narrow = [2**23, 2**20, 2**24 - 2**23 - 2**21]
    tables = load_tables(halves_of(wide, narrow), np.array([2, 1]), 1)
    first, higher = dead_zones(tables)
    unit = DEAD_ZONE_STRENGTH / (2 * BITS_PER_SQUARED_STEP)
    assert first[:2].tolist() == pytest.approx([2 * unit, 3 * unit])
    assert higher[:2].tolist() == pytest.approx([2 * unit, 3 * unit])


def test_rounding_is_odd_and_looks_up_the_zone_of_each_element():
    zones = (np.array([0, 0.3], np.float32), np.array([0, 0.2], np.float32))
    residual = np.array([0.6, 0.6, -0.6, -0.6, 1.6, -1.6, 1.75, 0.0, -0.0], np.float32)
    index = np.array([0, 1, 0, 1, 1, 1, 1, 1, 1], np.uint8)
    symbols = round_with_dead_zone(residual, index, zones)
    assert symbols.tolist() == [1, 0, -1, 0, 1, -1, 2, 0, 0]
    assert symbols.dtype == np.int32


def test_symbols_beyond_sixteen_bits_are_cut():
    zones = (np.zeros(1, np.float32), np.zeros(1, np.float32))
    residual = np.array([1e9, -1e9, MAX_SYMBOL + 0.4, -MAX_SYMBOL - 0.6], np.float32)
    symbols = round_with_dead_zone(residual, np.zeros(4, np.uint8), zones)
    assert symbols.tolist() == [MAX_SYMBOL, -MAX_SYMBOL, MAX_SYMBOL, -MAX_SYMBOL]


@given(first_bits=BITS, higher_bits=BITS)
def test_arrays_and_tensors_are_decided_alike(first_bits, higher_bits):
    """Encoder and training share the rule."""
    sizes = np.linspace(0, 4, 301, dtype=np.float32)
    bits = np.array([[first_bits], [higher_bits]], np.float32)
    expected = choose_magnitude(sizes, *decision_shifts(*bits))
    found = choose_magnitude(torch.from_numpy(sizes), *decision_shifts(*torch.from_numpy(bits)))
    np.testing.assert_array_equal(found.numpy(), expected)
