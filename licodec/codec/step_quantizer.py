"""Chooses the symbols that an encoder codes, step by step as the prior walks."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from licodec.codec.distortion_weights import DistortionWeights
from licodec.codec.model import Family
from licodec.coding.scale_offsets import rows_of
from licodec.coding.step import StepRule, StepWriter
from licodec.config import CHOICES
from licodec.native.choice import OpenStep, StepChooser, SymbolChooser
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.layout import StepElements
from licodec.quantize.costs import magnitude_bits
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.quantize.reference import ReferenceChooser
from licodec.quantize.rounding import dead_zones
from licodec.quantize.shifts import ShiftSearch

# About so many coded elements of a band tell its shifts.
_COUNTED_ELEMENTS = 1 << 14
# Share of the rate that is weighed against distortion: a symbol is context for later ones too,
# which the greedy view leaves out. Chosen on the validation pictures (docs/decisions).
RATE_SHARE = 0.7
# Choices that weigh nothing.
_UNWEIGHED = ("rounding", "dead-zone")


class Coefficients(Protocol):
    """What is to be quantised."""

    def at(self, where: StepElements) -> np.ndarray:
        """(C, ..) float32 values of one step's elements, in quantization steps."""
        ...


class StepQuantizer:
    """`StepCoder` of the encoder: chooses symbols and keeps what is to be coded.

    Attributes:
        steps: what is to be coded.
        missed_bits: what the skipped elements' distortion is worth.
        lost_bits: the same, less what they would cost.

    Args:
        values: of the picture.
        family: loaded latent family.
        quality_index: 0..255.
        choice: key of `licodec.config.CHOICES`.
        is_all_coded: nothing is skipped.
        rate_scale: factor on the rate in every decision: above 1 smaller files, below 1 larger.
    """

    def __init__(
        self,
        values: Coefficients,
        family: Family,
        quality_index: int,
        choice: str,
        *,
        is_all_coded: bool,
        rate_scale: float = 1.0,
    ) -> None:
        self.is_all_coded = is_all_coded
        self.missed_bits = 0.0
        self.lost_bits = 0.0
        self._values = values
        self._rule = rule = family.rule(CHOICES[choice], is_all_coded=is_all_coded)
        self.steps = StepWriter(rule)
        self._kind = choice if choice in _UNWEIGHED else "rdoq"
        self._quick_kind = "rounding" if choice == "rounding" else "dead-zone"
        self._weights = DistortionWeights(family, quality_index) if self._kind == "rdoq" else None
        self._rate_share = RATE_SHARE * rate_scale
        bits = magnitude_bits(family.tables)
        self._shift_search = ShiftSearch(bits, rule.shift_table, rule.skip_below)
        self._chooser = _chooser(family, rule, bits, rate_scale)

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        found = OpenStep(np.ascontiguousarray(self._values.at(where)), mean, index)
        self._shift(found, where.num_bands)
        chosen = self._chooser.step(self._kind, found, self._weight(where))
        self.missed_bits += chosen.missed_bits
        self.lost_bits += chosen.lost_bits
        plain, symbols, numbers = chosen.num_plain, chosen.symbols, chosen.numbers
        self.steps.put_plain(symbols[:plain], numbers[:plain])
        if plain < len(symbols):
            self.steps.put_chains(symbols[plain:], numbers[plain:])
        return chosen.offsets.reshape(mean.shape)

    def _shift(self, step: OpenStep, num_bands: int) -> None:
        """Choose shifts of a step's scale indices and shift them in place."""

        def choose(groups: np.ndarray) -> np.ndarray:
            rows = rows_of(step.index, num_bands)
            num_coded = int(np.count_nonzero(rows >= self._rule.skip_below))
            stride = max(1, num_coded // (_COUNTED_ELEMENTS * len(rows)))
            counts = self._chooser.counts(self._quick_kind, step, len(rows), stride)
            return self._shift_search.best(groups, counts, stride)

        self.steps.shift(step.index, num_bands, choose)

    def _weight(self, where: StepElements) -> np.ndarray:
        """(C,) float32; whatever it is where the choice asks for none."""
        if self._weights is None:
            return np.ones(len(where.channels), np.float32)
        weights: np.ndarray = self._weights.at(where).reshape(-1) / np.float32(self._rate_share)
        return weights


def _chooser(family: Family, rule: StepRule, bits: np.ndarray, rate_scale: float) -> SymbolChooser:
    first, higher = dead_zones(family.tables)
    zones = first * np.float32(rate_scale), higher * np.float32(rate_scale)
    if family.tables.native is None:
        return ReferenceChooser(rule, bits, zones, VALUE_BITS)
    return StepChooser(
        family.tables.native.library,
        bits,
        zones,
        rule.skip_below,
        BITS_PER_SQUARED_STEP,
        VALUE_BITS,
        None if rule.chains is None else rule.chains.as_arrays(),
    )
