"""Shifts are found that make a picture's own symbols cheapest."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.model import Family
from licodec.coding.scale_offsets import shift_rows, shifted_groups
from licodec.quantize.costs import magnitude_bits
from licodec.quantize.shifts import MAX_COUNTED, ShiftSearch

BOUND = 1


def logistic(indices: np.ndarray, seed: int) -> np.ndarray:
    """Residuals that are as wide as these scale indices say."""
    random = np.random.default_rng(seed)
    return random.logistic(size=indices.shape) * np.exp(-3 + indices / 8)


def best(family: Family, residual: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Shifts for plainly rounded residuals (B, n) with indices (B, n)."""
    counts = np.zeros((len(index), 64, MAX_COUNTED + 1), np.int64)
    magnitude = np.abs(residual.round()).clip(max=MAX_COUNTED).astype(int)
    np.add.at(counts, (np.arange(len(index))[:, None], index, magnitude), 1)
    search = ShiftSearch(magnitude_bits(family.tables), family.tables.shift_table, BOUND)
    return search.best(shifted_groups(index, BOUND), counts)


@pytest.mark.parametrize("shift", [-5, 0, 4])
def test_shift_is_how_far_the_prior_is_off(family: Family, shift: int) -> None:
    true = np.tile(np.array([[26], [33], [40]]), (1, 20000))
    index = (true - shift).astype(np.uint8)
    found = best(family, logistic(true, 1), index)
    assert np.abs(found[:, 1] - shift).max() <= 1
    assert found[:, 0].tolist() == [0, 0, 0]


def test_bands_and_halves_have_their_own(family: Family) -> None:
    stated = np.array([[10] * 20000 + [20] * 20000, [12] * 20000 + [30] * 20000], np.uint8)
    true = stated.astype(int)
    true[0, :20000] += 3
    true[1, 20000:] -= 3
    found = best(family, logistic(true, 2), stated)
    assert np.abs(found - [[3, 0], [0, -3]]).max() <= 1


def test_shift_saves_bits_with_its_own_cost_counted(family: Family) -> None:
    """Compared with all others by their definition, on a few elements."""
    index = np.full((1, 64), 20, np.uint8)
    residual = logistic(index + 6.0, 4)
    found = int(best(family, residual, index)[0, 1])
    tables, magnitudes = family.tables, np.abs(residual.round()).astype(int)[0]

    def cost(shift: int) -> float:
        rows = index.copy()
        shift_rows(rows, np.array([[0, shift]]), BOUND)
        own = tables.bits(tables.shift_table)[shift + 12]
        return float(own) + float(magnitude_bits(tables)[int(rows[0, 0]), magnitudes].sum())

    assert found == min(range(-12, 13), key=cost)
    assert found != 0


def test_groups_without_a_shift_get_none(family: Family) -> None:
    index = np.full((1, 63), 20, np.uint8)
    assert best(family, 9 * logistic(index, 5), index).tolist() == [[0, 0]]
