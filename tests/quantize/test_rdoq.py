"""Symbols chosen by rate and distortion are the cheapest of all, found by trying all."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.entropy.tables import MAX_SYMBOL, PRECISION_BITS
from licodec.quantize.costs import bits_at, magnitude_bits
from licodec.quantize.rdoq import choose_symbols
from tests.entropy.tables import random_tables

TABLES = random_tables(9, [1, 4, 30])


@pytest.mark.parametrize("seed", range(4))
def test_symbol_is_the_cheapest_of_the_neighbours_and_zero(seed):
    rng = np.random.default_rng(seed)
    bits = magnitude_bits(TABLES)
    residual, weight = rng.laplace(0, 3, 300), rng.uniform(0.5, 12, 300)
    table = rng.integers(0, 3, 300)
    symbols = choose_symbols(
        residual.astype(np.float32),
        weight.astype(np.float32),
        table,
        bits,
    )
    for r, w, t, symbol in zip(residual, weight, table, symbols.tolist(), strict=True):
        tried = {0, int(abs(r)), int(abs(r)) + 1}
        best = min(w * (abs(r) - k) ** 2 + float(bits[t, k]) for k in tried)
        found = w * (abs(r) - abs(symbol)) ** 2 + float(bits[t, abs(symbol)])
        assert found == pytest.approx(best, abs=1e-3)
        assert symbol == 0 or (symbol > 0) == (r > 0)


def test_extreme_residual_stays_within_the_largest_symbol():
    residual = np.array([1e9, -1e9, 40000.0], np.float32)
    symbols = choose_symbols(
        residual, np.full(3, 8, np.float32), np.zeros(3, np.int64), magnitude_bits(TABLES)
    )
    assert symbols.tolist() == [MAX_SYMBOL, -MAX_SYMBOL, MAX_SYMBOL]


def test_bits_of_a_magnitude_are_those_of_its_frequency_or_of_the_escape_with_its_suffix():
    bits = magnitude_bits(TABLES)
    frequencies = TABLES.frequencies[1]  # reach 4
    assert bits.shape == (4, 2051)
    assert float(bits[1, 3]) == pytest.approx(PRECISION_BITS - np.log2(frequencies[4 + 3]))
    escape = PRECISION_BITS - np.log2(frequencies[-1])
    for magnitude, remainder_bits in ((5, 0), (6, 1), (7, 1), (8, 2)):
        assert float(bits[1, magnitude]) == pytest.approx(escape + 1 + 4 + remainder_bits)
    beyond = bits_at(bits, np.array([1]), np.array([30000.0], np.float32))
    assert float(beyond[0]) == float(bits[1, -1])
