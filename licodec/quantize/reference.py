"""The encoder's choice of a step's symbols in numpy: what the native library does, written down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from licodec.coding.step import StepRule
from licodec.coding.trellis import PLAIN_SHIFT, chain_groups, offsets_of, table_ids
from licodec.entropy.tables import MAX_SYMBOL, NUM_SCALES
from licodec.native.choice import ChosenStep, OpenStep, SymbolChooser
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.quantize.rdoq import choose_symbols
from licodec.quantize.rounding import round_with_dead_zone
from licodec.quantize.shifts import MAX_COUNTED
from licodec.quantize.viterbi import search_chains

# About what a symbol costs where zero was all but certain.
_RARE_SYMBOL_BITS = np.float32(12.0)
# Elements that symbols are chosen for at once, unless they form chains: tens of MB.
_WHOLE_ELEMENTS = 1 << 19
# Chains that are searched at once.
_CHAINS_AT_ONCE = 1 << 13


class ReferenceChooser(SymbolChooser):
    """`SymbolChooser` in numpy.

    Args:
        rule: of the file.
        bits: from `magnitude_bits`.
        zones: from `dead_zones`.
        value_bits: fractional bits of means.
    """

    def __init__(
        self,
        rule: StepRule,
        bits: np.ndarray,
        zones: tuple[np.ndarray, np.ndarray],
        value_bits: int,
    ) -> None:
        self._rule, self._bits, self._zones = rule, bits, zones
        self._unit = np.float32(2.0**-value_bits)

    def step(self, kind: str, step: OpenStep, weight: np.ndarray) -> ChosenStep:
        """See `SymbolChooser`."""
        values, numbers = step.values, step.index.reshape(-1)
        parts = self._rule.partition(numbers, is_plain_sorted=False)
        per_channel = max(1, values.size // len(values))
        offsets = np.zeros(values.size, np.int32)
        plain: list[np.ndarray] = [np.empty(0, np.int16)]
        used: list[np.ndarray] = [np.empty(0, np.uint8)]
        missed_bits = lost_bits = 0.0
        for at in _pieces(values.size):
            residual = self._residual(values, step.mean, at)
            some = numbers[at]
            weights = weight[np.arange(at.start, at.stop) // per_channel]
            symbols = self._symbols(kind, residual, some, weights)
            gain = _gain(residual, symbols, (some > 0) & (some < self._rule.skip_below))
            missed_bits += float(gain.sum())
            lost_bits += float(np.maximum(gain - _RARE_SYMBOL_BITS, 0).sum())
            is_plain = (some >= parts.begin) & (some < parts.end)
            offsets[at][is_plain] = symbols[is_plain] << PLAIN_SHIFT
            plain.append(symbols[is_plain].astype(np.int16))
            used.append(some[is_plain])
        num_plain = sum(map(len, plain))
        if len(parts.chained):
            symbols, tables = self._chains(step, weight, parts.chained, offsets)
            plain.append(symbols)
            used.append(tables)
        return ChosenStep(
            offsets, np.concatenate(plain), np.concatenate(used), num_plain, missed_bits, lost_bits
        )

    def counts(self, kind: str, step: OpenStep, num_bands: int, stride: int) -> np.ndarray:
        """See `SymbolChooser`."""
        size = NUM_SCALES * (MAX_COUNTED + 1)
        parts = (step.values, step.mean, step.index)
        rows = [x[:, ::stride].reshape(num_bands, -1) for x in parts]
        counts = np.zeros((num_bands, size), np.int64)
        for band, (value, middle, number) in enumerate(zip(*rows, strict=True)):
            for at in _pieces(len(value)):
                residual = self._residual(value, middle, at)
                key = np.abs(self._symbols(kind, residual, number[at], None)).clip(max=MAX_COUNTED)
                key += number[at].astype(np.int32) * (MAX_COUNTED + 1)
                counts[band] += np.bincount(key, minlength=size)
        return counts.reshape(num_bands, NUM_SCALES, MAX_COUNTED + 1)

    def _residual(self, values: np.ndarray, mean: np.ndarray, at: slice) -> np.ndarray:
        middle = mean.reshape(-1)[at].astype(np.float32)
        middle *= self._unit
        residual: np.ndarray = values.reshape(-1)[at] - middle
        return residual

    def _symbols(
        self, kind: str, residual: np.ndarray, index: np.ndarray, weight: np.ndarray | None
    ) -> np.ndarray:
        """(n,) int32 of the uniform quantizer."""
        if kind == "rounding":
            return residual.round().clip(-MAX_SYMBOL, MAX_SYMBOL).astype(np.int32)
        if kind == "dead-zone":
            return round_with_dead_zone(residual, index, self._zones)
        assert weight is not None
        return choose_symbols(residual, weight, index, self._bits)

    def _chains(
        self, step: OpenStep, weight: np.ndarray, order: np.ndarray, offsets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(m,) int16 symbols and (m,) uint8 tables of elements in chains; puts their offsets.

        Args:
            step, weight: as of `step`.
            order: (m,) elements in chains, sorted by scale index.
            offsets: (n,) of the step, takes those of the elements.
        """
        assert self._rule.chains is not None
        bits = self._bits[NUM_SCALES : 2 * NUM_SCALES], self._bits[2 * NUM_SCALES :]
        flat, middle, index = (x.reshape(-1) for x in (step.values, step.mean, step.index))
        symbols, tables = np.empty(len(order), np.int16), np.empty(len(order), np.uint8)
        for elements in chain_groups(len(order), _CHAINS_AT_ONCE):
            at = order[elements]
            residual = flat[at] - middle[at].astype(np.float32) * self._unit
            weights = weight[at // (len(flat) // len(weight))]
            found, quantizers = search_chains(
                residual, weights, index[at], bits, self._rule.chains.trellis
            )
            offsets[at] = offsets_of(found, quantizers)
            symbols[elements] = found
            tables[elements] = table_ids(index[at], quantizers)
        return symbols, tables


def _gain(residual: np.ndarray, symbols: np.ndarray, is_skipped: np.ndarray) -> np.ndarray:
    """(m,) float32 bits that the distortion of skipped elements is worth, where there is any."""
    at = is_skipped & (symbols != 0)
    before, chosen = residual[at], symbols[at].astype(np.float32)
    gain: np.ndarray = np.float32(BITS_PER_SQUARED_STEP) * (
        np.square(before) - np.square(before - chosen)
    )
    return gain


def _pieces(count: int) -> Iterator[slice]:
    """Cuts of a step's elements: what is computed of them is many times as large as they are."""
    for first in range(0, count, _WHOLE_ELEMENTS):
        yield slice(first, min(first + _WHOLE_ELEMENTS, count))
