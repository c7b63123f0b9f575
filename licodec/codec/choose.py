"""Coefficients in, the symbols that an encoder codes out: the `CodeStep`s of the way down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from licodec.codec.model import Family
from licodec.codec.weights import StepWeights
from licodec.coding.scale_offsets import rows_of
from licodec.coding.small_integers import SmallIntegers
from licodec.coding.step import StepWriter
from licodec.coding.trellis import PLAIN_SHIFT, chain_groups, offsets_of, table_ids
from licodec.config import CHOICES
from licodec.entropy.tables import MAX_SYMBOL, NUM_SCALES
from licodec.native.choice import StepChooser
from licodec.prior.integer import Where
from licodec.prior.layout import VALUE_BITS
from licodec.quantize.costs import magnitude_bits
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.quantize.rdoq import choose_symbols
from licodec.quantize.rounding import dead_zones, round_with_dead_zone
from licodec.quantize.shifts import ShiftSearch
from licodec.quantize.viterbi import search_chains

# About what a symbol costs where zero was all but certain.
_RARE_SYMBOL_BITS = 12.0
# Elements that symbols are chosen for at once, unless they form chains: tens of MB.
_WHOLE_ELEMENTS = 1 << 19
# About so many coded elements of a band tell its shifts.
_COUNTED_ELEMENTS = 1 << 14
_VALUE_UNIT = 1 << VALUE_BITS
# Chains that are searched at once.
_CHAINS_AT_ONCE = 1 << 13
# Share of the rate that is weighed against distortion: a symbol is context for later ones too,
# which the greedy view leaves out. Chosen on the validation pictures (docs/decisions.md).
RATE_SHARE = 0.7


class Coefficients(Protocol):
    """What is to be quantised."""

    def at(self, where: Where) -> Tensor:
        """(C, ..) float32 values of one step's elements, in quantization steps."""


class Chooser:
    """`CodeStep` of the encoder: chooses symbols and keeps what is to be coded.

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
        self._choice = choice
        self._rule = rule = family.rule(CHOICES[choice], is_all_coded=is_all_coded)
        self.steps = StepWriter(rule)
        self._weights: StepWeights | None = None
        self._bits = magnitude_bits(family.tables)
        self._shift_search = ShiftSearch(self._bits, rule.shift_table, rule.skip_below)
        first, higher = dead_zones(family.tables)
        self._zones = (first * rate_scale, higher * rate_scale)
        if choice not in ("dead-zone", "rounding"):
            self._weights = StepWeights(family, quality_index)
            self._rate_share = RATE_SHARE * rate_scale
        self._native = self._native_chooser(family)

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        values = self._values.at(where)
        self._shift(values, mean, index, where)
        if self._native is not None:
            return self._native_step(self._native, values, mean, index, where)
        elements = self._rule.partition(index.view(-1).numpy(), is_plain_sorted=False)
        weights = self._weight(where)
        offsets = SmallIntegers(*mean.shape)
        plain: list[tuple[np.ndarray, np.ndarray]] = []
        for at in _parts(mean):
            residual = values[at] - mean[at].float() / _VALUE_UNIT
            weight = weights[at[0]].expand(residual.shape)
            is_plain = (index[at] >= elements.begin) & (index[at] < elements.end)
            symbols = self._symbols(residual, index[at], weight, is_plain)
            offsets.put(at, symbols << PLAIN_SHIFT)
            plain.append((symbols[is_plain].numpy().astype(np.int16), index[at][is_plain].numpy()))
        self.steps.put_plain(plain)
        if len(elements.chained):
            self._put_chains(offsets, elements.chained, values, mean, index, weights)
        return offsets.data

    def _native_chooser(self, family: Family) -> StepChooser | None:
        if family.tables.native is None:
            return None
        return StepChooser(
            family.tables.native.library,
            self._bits.numpy(),
            (self._zones[0].numpy(), self._zones[1].numpy()),
            self._rule.skip_below,
            BITS_PER_SQUARED_STEP,
            VALUE_BITS,
            None if self._rule.chains is None else self._rule.chains.as_arrays(),
        )

    def _native_step(
        self, native: StepChooser, values: Tensor, mean: Tensor, index: Tensor, where: Where
    ) -> Tensor:
        """As `__call__` after the shifts, on the native library."""
        chosen = native.step(
            self._choice if self._choice in ("rounding", "dead-zone") else "rdoq",
            values.contiguous().numpy(),
            mean.numpy(),
            index.numpy(),
            self._weight(where).reshape(-1).numpy(),
        )
        self.missed_bits += chosen.missed_bits
        self.lost_bits += chosen.lost_bits
        plain, symbols, numbers = chosen.num_plain, chosen.symbols, chosen.numbers
        self.steps.put_plain([(symbols[:plain], numbers[:plain])])
        if plain < len(symbols):
            self.steps.put_chains(symbols[plain:], numbers[plain:])
        return torch.from_numpy(chosen.offsets).view(mean.shape)

    def _shift(self, values: Tensor, mean: Tensor, index: Tensor, where: Where) -> None:
        """Choose shifts of a step's scale indices and shift them in place."""

        def choose(groups: np.ndarray) -> np.ndarray:
            rows = rows_of(index, where.num_bands)
            shape = len(mean), *[1] * (mean.ndim - 1)
            band = torch.arange(len(rows), dtype=torch.int32)
            bands = band.repeat_interleave(len(mean) // len(rows)).view(shape)
            num_coded = int(np.count_nonzero(rows >= self._rule.skip_below))
            stride = max(1, num_coded // (_COUNTED_ELEMENTS * len(rows)))
            if self._native is not None:
                counts = self._native.counts(
                    "rounding" if self._choice == "rounding" else "dead-zone",
                    values.contiguous().numpy(),
                    mean.numpy(),
                    index.numpy(),
                    len(rows),
                    stride,
                )
                return self._shift_search.best_for(groups, counts, stride)
            parts = (
                (values[at] - mean[at].float() / _VALUE_UNIT, index[at], bands[at[0]])
                for at in _parts(mean, stride)
            )
            return self._shift_search.best(groups, parts, self._quick_symbols, stride)

        self.steps.shift(index, where.num_bands, choose)

    def _quick_symbols(self, residual: Tensor, index: Tensor) -> Tensor:
        """Int32 symbols of the uniform quantizer, without weighing rate and distortion of each."""
        if self._choice == "rounding":
            return residual.round().clamp_(-MAX_SYMBOL, MAX_SYMBOL).to(torch.int32)
        return round_with_dead_zone(residual, index, self._zones)

    def _weight(self, where: Where) -> Tensor:
        """(C, 1, ..) float32; whatever it is where the choice asks for none."""
        if self._weights is None:
            shape = len(where.channels), *[1] * (1 if where.mask is not None else 2)
            return torch.ones(shape, dtype=torch.float32)
        return self._weights.at(where) / self._rate_share

    def _symbols(self, residual: Tensor, index: Tensor, weight: Tensor, is_plain: Tensor) -> Tensor:
        """Int32 symbols of the uniform quantizer, 0 where they are not coded; any shape."""
        if self._choice in ("rounding", "dead-zone"):
            symbols = self._quick_symbols(residual, index)
        else:
            symbols = choose_symbols(residual, weight, index.to(torch.int32), self._bits)
        is_skipped = (index > 0) & (index < self._rule.skip_below)
        self._count_missed(residual, symbols, is_skipped)
        return symbols * is_plain

    def _put_chains(
        self,
        offsets: SmallIntegers,
        order: np.ndarray,
        values: Tensor,
        mean: Tensor,
        index: Tensor,
        weights: Tensor,
    ) -> None:
        """Choose symbols of elements in chains.

        Args:
            offsets: takes those of the elements.
            order: (n,) elements, sorted by scale index.
            values, mean, index: of the step.
            weights: (C, 1, ..) of its channels.
        """
        assert self._rule.chains is not None
        trellis = self._rule.chains.trellis
        bits = self._bits[NUM_SCALES : 2 * NUM_SCALES], self._bits[2 * NUM_SCALES :]
        values, mean, index = (x.reshape(-1) for x in (values, mean, index))
        weights = weights.reshape(-1)
        symbols = np.empty(len(order), np.int16)
        tables = np.empty(len(order), np.uint8)
        for elements in chain_groups(len(order), _CHAINS_AT_ONCE):
            at = torch.from_numpy(order[elements]).long()
            scales = index[at]
            residual = values[at] - mean[at].float() / _VALUE_UNIT
            weight = weights[at // (len(mean) // len(weights))]
            found, quantizers = search_chains(residual, weight, scales, bits, trellis)
            offsets.put_at(at.numpy(), offsets_of(found.numpy(), quantizers.numpy()))
            symbols[elements] = found.numpy()
            tables[elements] = table_ids(scales.numpy(), quantizers.numpy())
        self.steps.put_chains(symbols, tables)

    def _count_missed(self, residual: Tensor, symbols: Tensor, is_skipped: Tensor) -> None:
        missed = is_skipped & (symbols != 0)
        if bool(missed.any()):
            before, chosen = residual[missed], symbols[missed]
            gain = BITS_PER_SQUARED_STEP * (before.square() - (before - chosen).square())
            self.missed_bits += float(gain.sum())
            self.lost_bits += float((gain - _RARE_SYMBOL_BITS).clamp_(min=0).sum())


def _parts(step: Tensor, stride: int = 1) -> Iterator[tuple[slice, ...]]:
    """Where a step (C, h, w) or (C, n) is cut, in coding order: nowhere, or within channels.

    What is computed on the way to symbols is many times as large as the symbols. Of the second
    axis, each stride-th place alone is in the parts.
    """
    if step.numel() <= _WHOLE_ELEMENTS:
        yield slice(None), slice(None, None, stride)
        return
    rows = max(1, _WHOLE_ELEMENTS * step.shape[1] // step[0].numel())
    for channel in range(len(step)):
        for top in range(0, step.shape[1], rows):
            yield slice(channel, channel + 1), slice(top, top + rows, stride)
