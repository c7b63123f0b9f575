"""Makes coder models of integer frequency tables; constriction is loaded where it codes.

One table per scale index, symmetric about zero, with an escape for what lies beyond its reach:
entries 0 .. 2R are the symbols -R .. R, entry 2R + 1 is the escape. Frequencies sum to 2^24, and
constriction codes with exactly these integers. Behind the family's tables stands that of shifts,
which belongs to the format.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from licodec import native
from licodec.errors import ModelError
from licodec.native.coder import NativeTables

PRECISION_BITS = 24
TOTAL = 1 << PRECISION_BITS
# Larger magnitudes than this cannot be coded; 16 bits hold every symbol for the checksum.
MAX_SYMBOL = 32767
# Scale indices; each has a table of its own, and two more in chains of a trellis.
NUM_SCALES = 64
NUM_TABLES = 3 * NUM_SCALES
# Table of the shifts of scale indices: frequencies of 0, of 1 .. 12 with either sign, of an escape.
_SHIFT_UNIT = 1 << 12
_SHIFT_HALF = (2056, 330, 290, 180, 100, 50, 25, 12, 8, 6, 5, 5, 8, 2)
MAX_SHIFT = len(_SHIFT_HALF) - 2


@dataclass(frozen=True)
class Tables:
    """The tables of a latent family.

    Attributes:
        reaches: (K + 1,) int64, R of each table; the last is that of shifts.
        frequencies: K + 1 arrays int64 of 2R + 2 entries, each sums to 2^24.
        skip_below: scale indices below this are not coded, their symbol is 0 by rule, unless
            the file says that all are coded; index 0 never is.
    """

    reaches: np.ndarray
    frequencies: tuple[np.ndarray, ...]
    skip_below: int

    @property
    def shift_table(self) -> int:
        """Number of the table of shifts."""
        return len(self.reaches) - 1

    @functools.cached_property
    def models(self) -> tuple[Any, ...]:
        """constriction's model of each table."""
        return tuple(exact_model(f) for f in self.frequencies)

    @functools.cached_property
    def native(self) -> NativeTables | None:
        """The same in the native library; None without it."""
        library = native.find()
        if library is None:
            return None
        return NativeTables(self.frequencies, self.reaches, library)

    def bits(self, index: int) -> np.ndarray:
        """(2R + 2,) float64: the cost of each entry; the escape's without its suffix."""
        cost: np.ndarray = PRECISION_BITS - np.log2(self.frequencies[index])
        return cost


def exact_model(frequencies: np.ndarray) -> Any:
    """Model that codes with exactly these integers.

    constriction computes left_i = trunc(cumulative_i * (2^24 - n) / sum) + i; with p_i = f_i - 1
    the scale is exactly 1.

    Args:
        frequencies: (n,) integers >= 1, n >= 2, sum 2^24.

    Raises:
        ModelError: anything else.
    """
    import constriction

    f = _checked(frequencies)
    return constriction.stream.model.Categorical((f - 1).astype(np.float64), perfect=False)


def _checked(frequencies: np.ndarray) -> np.ndarray:
    f = np.asarray(frequencies, dtype=np.int64)
    if f.ndim != 1 or f.size < 2 or f.min() < 1 or int(f.sum()) != TOTAL:
        raise ModelError("a frequency table does not have 2 or more entries >= 1 that sum to 2^24")
    return f


def load_tables(halves: np.ndarray, reaches: np.ndarray, skip_below: int) -> Tables:
    """Build the tables from what a family stores.

    Args:
        halves: (sum of R + 2,) integers; per table the frequencies of 0, 1, .. R and of the escape.
        reaches: (K,) R of each table, 1 .. 2047.
        skip_below: 1 .. K; elements of index 0, such as those of the padding, are never coded.

    Raises:
        ModelError: sizes or sums do not fit.
    """
    reaches = np.asarray(reaches, dtype=np.int64)
    if reaches.ndim != 1 or reaches.min(initial=1) < 1 or reaches.max(initial=1) > 2047:
        raise ModelError("the reach of a frequency table is outside 1 .. 2047")
    if int((reaches + 2).sum()) != len(halves) or not 1 <= skip_below <= len(reaches):
        raise ModelError("the frequency tables do not have the sizes that the family states")
    frequencies, start = [], 0
    halves = np.concatenate([halves, _SHIFT_UNIT * np.array(_SHIFT_HALF)]).astype(np.int64)
    reaches = np.append(reaches, MAX_SHIFT)
    for reach in reaches.tolist():
        half = halves[start : start + reach + 2]
        start += reach + 2
        frequencies.append(_checked(np.concatenate([half[reach:0:-1], half])))
    return Tables(reaches, tuple(frequencies), int(skip_below))


def coding_bound(tables: Tables, *, is_all_coded: bool) -> int:
    """Smallest scale index that a file codes; its `is_all_coded` is in the header."""
    return 1 if is_all_coded else tables.skip_below


def fit_halves(counts: np.ndarray, expected: np.ndarray, prior_count: float) -> np.ndarray:
    """Frequencies of one table from counted symbols.

    Args:
        counts: (R + 2,) how often 0, +-1, .. +-R and the escape were seen.
        expected: (R + 2,) probabilities of the same under the training density, sum 1.
        prior_count: how many observations the expected density weighs.

    Returns:
        (R + 2,) int64: frequency of 0, of each single sign of 1 .. R, and of the escape;
        first + 2 * middle + escape is 2^24 and every entry is at least 1.
    """
    share = counts + prior_count * expected
    share = share / share.sum()
    reach = len(counts) - 2
    half = np.ones(reach + 2, dtype=np.int64)
    free = TOTAL - (2 * reach + 2)
    half[1:-1] += np.floor(share[1:-1] / 2 * free).astype(np.int64)
    half[-1] += int(share[-1] * free)
    half[0] = TOTAL - 2 * int(half[1:-1].sum()) - int(half[-1])
    return half
