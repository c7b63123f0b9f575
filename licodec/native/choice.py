"""The encoder's choice of a step's symbols: its interface, and how the native library does it.

It chooses what `licodec.quantize.reference` chooses, in floats that round alike.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from licodec.native.binding import ChainsOf, ChoiceTask, Library, address, check

NUM_SCALES = 64
_NUM_MAGNITUDES = 2051
_COUNTED_MAGNITUDES = 32
_KINDS = {"rounding": 0, "dead-zone": 1, "rdoq": 2}


@dataclass(frozen=True, slots=True)
class OpenStep:
    """Elements of a step whose symbols are to be chosen.

    Attributes:
        values: (C, ..) float32 in steps.
        mean: (C, ..) int16 or int32.
        index: (C, ..) uint8 shifted scale indices.
    """

    values: np.ndarray
    mean: np.ndarray
    index: np.ndarray


@dataclass(frozen=True, slots=True)
class ChosenStep:
    """What is coded of a step.

    Attributes:
        offsets: (n,) int32, added to the means, 1/16 step.
        symbols: (m,) int16 in coding order.
        numbers: (m,) uint8 tables of them.
        num_plain: symbols that are not in chains; these come first.
        missed_bits: what distortion of the elements below the bound is worth.
        lost_bits: the same, less what they would cost.
    """

    offsets: np.ndarray
    symbols: np.ndarray
    numbers: np.ndarray
    num_plain: int
    missed_bits: float
    lost_bits: float


class SymbolChooser(Protocol):
    """Chooses the symbols of one file: here in the library, in `quantize.reference` in numpy."""

    def step(self, kind: str, step: OpenStep, weight: np.ndarray) -> ChosenStep:
        """Choose a step's symbols.

        Args:
            kind: "rounding", "dead-zone" or "rdoq", of elements that are not in chains.
            step: what is to be coded.
            weight: (C,) float32 bits that a squared error of one step is worth.
        """
        ...

    def counts(self, kind: str, step: OpenStep, num_bands: int, stride: int) -> np.ndarray:
        """(B, 64, 32) int64: how often a magnitude is chosen for an index in a band.

        Args:
            kind: "rounding" or "dead-zone".
            step: channels of a band follow each other.
            num_bands: B.
            stride: of the second axis, each stride-th place alone is counted.
        """
        ...


class StepChooser(SymbolChooser):
    """`SymbolChooser` in the library.

    Args:
        library: that does it.
        bits: (K, 2051) float32 of each table and magnitude, see `quantize.costs`.
        zones: (K,) float32 each, see `quantize.rounding.dead_zones`.
        skip_below: smallest scale index that is coded.
        squared_step_bits: that a squared error of one step is worth, of skipped elements.
        value_bits: fractional bits of means.
        chains: smallest scale index in chains, quantizer by state (S,), next state by state and
            parity (S, 2); None without a trellis.
    """

    def __init__(
        self,
        library: Library,
        bits: np.ndarray,
        zones: tuple[np.ndarray, np.ndarray],
        skip_below: int,
        squared_step_bits: float,
        value_bits: int,
        chains: tuple[int, np.ndarray, np.ndarray] | None,
    ) -> None:
        self._library = library
        self._chains = ChainsOf.of(chains)
        self._kept = bits, *(np.ascontiguousarray(zone[:NUM_SCALES]) for zone in zones)
        self._task: dict[str, Any] = {
            "skip_below": skip_below,
            "num_tables": len(bits),
            "mean_unit": 2.0**-value_bits,
            "squared_step_bits": squared_step_bits,
            "bits": address(bits, np.float32, (len(bits), _NUM_MAGNITUDES)),
            "first_zone": address(self._kept[1], np.float32, (NUM_SCALES,)),
            "higher_zone": address(self._kept[2], np.float32, (NUM_SCALES,)),
            "chains": ctypes.pointer(self._chains),
        }

    def step(self, kind: str, step: OpenStep, weight: np.ndarray) -> ChosenStep:
        """See `SymbolChooser`."""
        task = self._arguments(kind, step, weight)
        count = step.values.size
        offsets = np.empty(count, np.int32)
        symbols, numbers = np.empty(count, np.int16), np.empty(count, np.uint8)
        missed = np.zeros(2)
        call = ChoiceTask(
            **task,
            offsets=offsets.ctypes.data,
            symbols=symbols.ctypes.data,
            numbers=numbers.ctypes.data,
        )
        count = check(
            self._library.calls.lc_choose_step(self._library.level, call, missed.ctypes.data)
        )
        for coded in (symbols, numbers):  # in place: a copy would be the peak of large pictures
            coded.resize(count, refcheck=False)
        num_plain = int(np.count_nonzero(numbers < NUM_SCALES))
        return ChosenStep(offsets, symbols, numbers, num_plain, *missed.tolist())

    def counts(self, kind: str, step: OpenStep, num_bands: int, stride: int) -> np.ndarray:
        """See `SymbolChooser`."""
        values = step.values
        weight = np.ones(len(values), np.float32)
        call = ChoiceTask(**self._arguments(kind, step, weight))
        counts = np.empty((num_bands, NUM_SCALES, _COUNTED_MAGNITUDES), np.int64)
        columns = values[0, 0].size if values.ndim > 2 else 1
        check(
            self._library.calls.lc_count_magnitudes(
                self._library.level, call, columns, stride, num_bands, counts.ctypes.data
            )
        )
        return counts

    def _arguments(self, kind: str, step: OpenStep, weight: np.ndarray) -> dict[str, Any]:
        values, mean, index = step.values, step.mean, step.index
        integers = np.int16 if mean.dtype == np.int16 else np.int32
        return self._task | {
            "kind": _KINDS[kind],
            "num_channels": len(values),
            "per_channel": values.size // len(values),
            "mean_bytes": mean.itemsize,
            "values": address(values, np.float32, values.shape),
            "mean": address(mean, integers, values.shape),
            "index": address(index, np.uint8, values.shape),
            "weight": address(weight, np.float32, (len(values),)),
        }
