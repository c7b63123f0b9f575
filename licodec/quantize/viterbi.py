"""Residuals, weights and table costs of chains in, the best path through the trellis out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from licodec.entropy.tables import MAX_SYMBOL
from licodec.quantize.costs import bits_at
from licodec.quantize.states import UNIT, Trellis, num_chains

_UNIT_STEPS = UNIT / 16
# Chains searched at once: 64 elements of 4 columns of 4 bytes each make 8 MiB.
_CHAINS_AT_ONCE = 1 << 13


@dataclass(frozen=True)
class _Steps:
    """The machine turned round: the two ways into each state, by decision 0 and 1."""

    state: Tensor  # (2, S) int64 before
    parity: Tensor  # (2, S) int64
    quantizer: Tensor  # (2, S) int64 of the state before

    @property
    def column(self) -> Tensor:
        """(2, S) int64: which of an element's four costs."""
        return 2 * self.quantizer + self.parity


def _turned_round(trellis: Trellis) -> _Steps:
    ways: list[list[tuple[int, int]]] = [[] for _ in trellis.quantizer]
    for state, following in enumerate(trellis.next_state):
        for parity, after in enumerate(following):
            ways[int(after)].append((state, parity))
    table = torch.tensor(ways).permute(2, 1, 0)  # (state or parity, decision, S)
    quantizer = torch.from_numpy(trellis.quantizer.astype(np.int64))
    return _Steps(table[0], table[1], quantizer[table[0]])


def search_chains(
    residual: Tensor, weight: Tensor, index: Tensor, bits: tuple[Tensor, Tensor], trellis: Trellis
) -> tuple[Tensor, Tensor]:
    """Choose symbols of all chains of one step by the Viterbi algorithm.

    Args:
        residual: value minus mean in steps, (n,) float32, in the order that chains divide,
            enough of them to form chains.
        weight: bits that a squared error of one step is worth, (n,) float32.
        index: (n,) scale indices, any integers.
        bits: `magnitude_bits` of the tables of Q0 and of Q1, by scale index.
        trellis: state machine.

    Returns:
        symbols (n,) int32, at most 32767 in size, and quantizers (n,) uint8.
    """
    count, chains = len(residual), num_chains(len(residual))
    symbols = torch.empty(count, dtype=torch.int32)
    quantizers = torch.empty(count, dtype=torch.uint8)
    steps = _turned_round(trellis)
    for elements, length, width in _blocks(count, chains):
        parts = residual[elements], weight[elements], index[elements].long()
        cost, magnitude = _candidates(*parts, bits)
        missing = length * width - len(elements)
        padded = torch.cat([cost, cost.new_zeros(missing, 4)]) if missing else cost
        parity, quantizer = _best_path(padded.view(length, width, 4), steps)
        quantizer = quantizer.view(-1)[: len(elements)]
        column = 2 * quantizer + parity.view(-1)[: len(elements)]
        chosen = magnitude.gather(1, column[:, None])[:, 0]
        symbols[elements] = torch.copysign(chosen, parts[0]).to(torch.int32)
        quantizers[elements] = quantizer.to(torch.uint8)
    return symbols, quantizers


def _blocks(count: int, chains: int) -> Iterator[tuple[Tensor, int, int]]:
    """Elements of neighbouring chains, place by place; their length, how many chains."""
    for first in range(0, chains, _CHAINS_AT_ONCE):
        width = min(_CHAINS_AT_ONCE, chains - first)
        length = -(-(count - first) // chains)
        elements = torch.arange(length)[:, None] * chains + torch.arange(first, first + width)
        elements = elements.view(-1)
        yield elements[elements < count], length, width


def _candidates(
    residual: Tensor, weight: Tensor, index: Tensor, bits: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Costs (n, 4) and magnitudes (n, 4) float of the best symbol by quantizer and parity."""
    size = residual.abs().clamp(max=MAX_SYMBOL - 2)
    costs, magnitudes = [], []
    for quantizer in (0, 1):
        place = (size / _UNIT_STEPS + quantizer) / 2  # where the symbols are whole numbers
        below = place.floor()
        is_odd = below.remainder(2)
        for magnitude in (below + is_odd, below + 1 - is_odd):  # even, odd
            distance = size - (2 * magnitude - quantizer).clamp_(min=0) * _UNIT_STEPS
            costs.append(weight * distance.square() + bits_at(bits[quantizer], index, magnitude))
            magnitudes.append(magnitude)
        zero = weight * size.square() + bits[quantizer][index, 0]
        is_zero = zero < costs[-2]
        costs[-2] = torch.where(is_zero, zero, costs[-2])
        magnitudes[-2] = magnitudes[-2].masked_fill(is_zero, 0)
    return torch.stack(costs, 1), torch.stack(magnitudes, 1)


def _best_path(cost: Tensor, steps: _Steps) -> tuple[Tensor, Tensor]:
    """Costs (L, C, 4) to the parities and quantizers (L, C) int64 of the cheapest paths."""
    length, width, _ = cost.shape
    column = steps.column
    total = cost.new_full((width, column.shape[1]), torch.inf)
    total[:, 0] = 0
    decisions = torch.empty(length, width, column.shape[1], dtype=torch.bool)
    for place in range(length):
        first = total[:, steps.state[0]] + cost[place][:, column[0]]
        second = total[:, steps.state[1]] + cost[place][:, column[1]]
        torch.lt(second, first, out=decisions[place])
        total = torch.minimum(first, second)
    state = total.argmin(1)
    parity, quantizer = torch.empty(2, length, width, dtype=torch.int64)
    for place in range(length - 1, -1, -1):
        decision = decisions[place].gather(1, state[:, None])[:, 0].long()
        parity[place] = steps.parity[decision, state]
        quantizer[place] = steps.quantizer[decision, state]
        state = steps.state[decision, state]
    return parity, quantizer
