"""Paths through the trellis are the cheapest ones, found by trying all."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from licodec.coding import trellis as states
from licodec.coding.trellis import TRELLISES, UNIT, num_chains, offsets_of, table_ids
from licodec.entropy.tables import MAX_SYMBOL, NUM_SCALES
from licodec.quantize.costs import magnitude_bits
from licodec.quantize.viterbi import search_chains
from tests.entropy.tables import random_tables

REACHES = [2, 5, 9]


@pytest.fixture
def tables():
    """Bits of random tables of Q0 and of Q1."""
    bits = magnitude_bits(random_tables(5, 2 * REACHES))
    return bits[: len(REACHES)], bits[len(REACHES) :]


def candidates(residual: float, quantizer: int) -> set[int]:
    """Zero and the magnitudes whose places enclose the residual."""
    places = {k: max(0, 2 * k - quantizer) * UNIT / 16 for k in range(9)}
    below = max(k for k, place in places.items() if place <= abs(residual))
    return {0, below, below + 1}


def cheapest(residual, weight, index, tables, trellis, state: int = 0) -> float:
    """Cost of the best path from a state on, all paths tried."""
    if not len(residual):
        return 0.0
    quantizer = int(trellis.quantizer[state])
    rest = residual[1:], weight[1:], index[1:]
    return min(
        element_cost(residual[0], weight[0], index[0], k, quantizer, tables)
        + cheapest(*rest, tables, trellis, int(trellis.next_state[state, k % 2]))
        for k in candidates(residual[0], quantizer)
    )


def element_cost(residual, weight, index, magnitude, quantizer, tables) -> float:
    place = max(0, 2 * magnitude - quantizer) * UNIT / 16
    return weight * (abs(residual) - place) ** 2 + float(tables[quantizer][index, magnitude])


def path_cost(residual, weight, index, magnitudes, tables, trellis) -> float:
    """Cost of one chain's magnitudes with the residual's signs, from the definition."""
    state, cost = 0, 0.0
    for r, w, i, k in zip(residual, weight, index, magnitudes, strict=True):
        cost += element_cost(r, w, i, k, int(trellis.quantizer[state]), tables)
        state = int(trellis.next_state[state, k % 2])
    return cost


@pytest.mark.parametrize("name", ["tcq8", "tcq128"])
@pytest.mark.parametrize("seed", range(4))
def test_path_is_the_cheapest_of_all(seed, name, tables, monkeypatch):
    monkeypatch.setattr(states, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(states, "MIN_CHAINS", 4)
    rng = np.random.default_rng(seed)
    count = 21  # four chains, the first of which has one element more
    residual = rng.uniform(-4, 4, count)
    weight = rng.uniform(0.5, 12, count)
    index = rng.integers(0, len(REACHES), count)
    symbols, _ = search_chains(
        residual.astype(np.float32),
        weight.astype(np.float32),
        index,
        tables,
        TRELLISES[name],
    )
    for chain in range(4):
        at = slice(chain, None, 4)
        parts = residual[at], weight[at], index[at]
        found = path_cost(*parts, np.abs(symbols[at]).tolist(), tables, TRELLISES[name])
        assert found == pytest.approx(cheapest(*parts, tables, TRELLISES[name]), abs=1e-3)


@pytest.mark.parametrize("name", ["tcq8", "tcq128"])
def test_path_over_the_candidates_is_exactly_the_cheapest(name, tables, monkeypatch):
    """With magnitudes 0 and 1 only, candidates are all there is."""
    monkeypatch.setattr(states, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(states, "MIN_CHAINS", 1)
    monkeypatch.setattr(states, "CHAIN_LENGTH", 100)
    rng = np.random.default_rng(1)
    residual, weight = rng.uniform(-0.6, 0.6, 11), rng.uniform(0.5, 12, 11)
    index = rng.integers(0, len(REACHES), 11)
    symbols, _ = search_chains(
        residual.astype(np.float32),
        weight.astype(np.float32),
        index,
        tables,
        TRELLISES[name],
    )
    costs = {
        magnitudes: path_cost(residual, weight, index, magnitudes, tables, TRELLISES[name])
        for magnitudes in product((0, 1), repeat=11)
    }
    assert tuple(np.abs(symbols).tolist()) == min(costs, key=costs.__getitem__)


@pytest.mark.parametrize("name", ["tcq8", "tcq128"])
def test_quantizers_are_those_of_the_states_that_the_symbols_lead_to(name, tables):
    rng = np.random.default_rng(3)
    count = 1000
    residual = rng.laplace(0, 2, count).astype(np.float32)
    index = rng.integers(0, len(REACHES), count)
    trellis = TRELLISES[name]
    symbols, quantizers = search_chains(
        residual, np.full(count, 8, np.float32), index, tables, trellis
    )
    chains = num_chains(count)
    for chain in range(chains):
        state = 0
        for symbol, quantizer in zip(
            symbols[chain::chains].tolist(), quantizers[chain::chains].tolist(), strict=True
        ):
            assert trellis.quantizer[state] == quantizer
            state = trellis.next_state[state, symbol % 2]


def test_extreme_residuals_stay_within_the_largest_symbol(tables):
    residual = np.array([1e9, -1e9, 0.0, 3e4] * 200, np.float32)
    index = np.zeros(800, np.int64)
    symbols, quantizers = search_chains(
        residual, np.full(800, 8, np.float32), index, tables, TRELLISES["tcq8"]
    )
    assert int(np.abs(symbols).max()) <= MAX_SYMBOL
    assert np.sign(symbols[:4]).tolist() == [1, -1, 0, 1]
    assert len(quantizers) == 800


@pytest.mark.parametrize("name", ["tcq8", "tcq128"])
def test_every_state_is_entered_by_two_ways_and_left_by_two(name):
    trellis = TRELLISES[name]
    entered = np.bincount(trellis.next_state.ravel(), minlength=len(trellis.quantizer))
    assert entered.tolist() == [2] * len(trellis.quantizer)
    assert all(len(set(row)) == 2 for row in trellis.next_state.tolist())
    assert trellis.quantizer[0] == 0


def test_places_of_both_quantizers_interleave():
    symbols = np.arange(-3, 4, dtype=np.int32)
    even = offsets_of(symbols, np.zeros(7, np.uint8)) // UNIT
    odd = offsets_of(symbols, np.ones(7, np.uint8)) // UNIT
    assert even.tolist() == [-6, -4, -2, 0, 2, 4, 6]
    assert odd.tolist() == [-5, -3, -1, 0, 1, 3, 5]


def test_tables_of_the_quantizers_follow_the_plain_ones():
    ids = table_ids(np.array([0, 63, 0, 63], np.uint8), np.array([0, 0, 1, 1], np.uint8))
    assert ids.dtype == np.uint8
    assert ids.tolist() == [NUM_SCALES, 2 * NUM_SCALES - 1, 2 * NUM_SCALES, 3 * NUM_SCALES - 1]


@pytest.mark.parametrize(
    ("count", "chains"), [(0, 0), (127, 0), (128, 16), (1024, 16), (1025, 17), (10**6, 15625)]
)
def test_chains_are_as_long_as_the_elements_allow(count, chains):
    assert num_chains(count) == chains
