"""The native library chooses the symbols that the quantizers in numpy choose."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from licodec.codec.model import Family
from licodec.codec.step_quantizer import StepQuantizer
from licodec.native import binding
from licodec.native.binding import open_library
from licodec.native.coder import NativeTables
from licodec.prior.layout import StepElements
from tests.tiny import tiny_family, tiny_network


class Values:
    """Coefficients of one step."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def at(self, where: StepElements) -> np.ndarray:
        return self._values


@pytest.fixture(scope="module")
def family() -> Family:
    return tiny_family(tiny_network())


def choose(
    family: Family, choice: str, side: int, spread: float, native: NativeTables | None
) -> tuple[StepQuantizer, list[np.ndarray]]:
    """Two steps of a level, with means of either width."""
    family.tables.__dict__["native"] = native
    random = np.random.default_rng(side)
    results = []
    chooser = None
    for dtype in (np.int16, np.int32):
        shape = 6, side, side
        index = random.gamma(2, 8, shape).clip(0, 63).astype(np.uint8)
        mean = random.integers(-90, 90, shape).astype(dtype)
        scale = spread * np.exp(index / 6.0 - 3)
        values = (mean / 32 + random.laplace(0, scale)).astype(np.float32)
        chooser = chooser or StepQuantizer(Values(values), family, 130, choice, is_all_coded=False)
        chooser._values = Values(values)
        moved = index
        offsets = chooser(mean, moved, StepElements(3, tuple(range(6))))
        results += [offsets, moved]
    return chooser, results


@pytest.mark.parametrize(
    ("choice", "spread"),
    [
        *product(("rounding", "dead-zone", "rdoq"), (0.5, 3, 10000)),
        # Where costs of paths are larger, some are equal in float32; either is a best one then.
        *product(("tcq8", "tcq128"), (0.5, 3, 10)),
    ],
)
@pytest.mark.parametrize("side", [1, 5, 12, 90])
def test_symbols_are_those_of_the_quantizers_in_numpy(choice, side, spread, family, libraries):
    expected, results = choose(family, choice, side, spread, None)
    for library in libraries:
        tables = NativeTables(family.tables.frequencies, family.tables.reaches, library)
        found, others = choose(family, choice, side, spread, tables)
        for one, other in zip(others, results, strict=True):
            np.testing.assert_array_equal(one, other)
        assert len(found.steps.batches) == len(expected.steps.batches)
        for one, other in zip(found.steps.batches, expected.steps.batches, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
        assert found.missed_bits == pytest.approx(expected.missed_bits, rel=1e-4)
        assert found.lost_bits == pytest.approx(expected.lost_bits, rel=1e-4)


def test_coefficients_that_are_no_numbers_are_refused(family, library_path):
    library = open_library(library_path)
    tables = NativeTables(family.tables.frequencies, family.tables.reaches, library)
    family.tables.__dict__["native"] = tables
    values = np.full((6, 2, 2), np.nan, np.float32)
    chooser = StepQuantizer(Values(values), family, 130, "rdoq", is_all_coded=False)
    mean, index = np.zeros((6, 2, 2), np.int16), np.ones((6, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="refuses its arguments"):
        chooser(mean, index, StepElements(3, tuple(range(6))))
    assert library.calls.lc_abi() == binding.ABI
