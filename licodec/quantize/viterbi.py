"""Residuals, weights and table costs of chains in, the best path through the trellis out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from licodec.coding.trellis import UNIT, Trellis, num_chains
from licodec.entropy.tables import MAX_SYMBOL
from licodec.quantize.costs import bits_at

_UNIT_STEPS = UNIT / 16
# States times chains that are searched at once: 64 elements with a decision of one byte in each of
# them make 4 MiB.
_STATES_AT_ONCE = 1 << 16


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
    at_once = _STATES_AT_ONCE // len(trellis.quantizer)
    for elements, length, width in _blocks(count, chains, at_once):
        parts = residual[elements], weight[elements], index[elements].to(torch.int32)
        cost, magnitude = _candidates(*parts, bits)
        missing = length * width - len(elements)
        padded = torch.cat([cost, cost.new_zeros(4, missing)], 1) if missing else cost
        parity, quantizer = _best_path(padded.view(4, length, width), steps)
        quantizer = quantizer.view(-1)[: len(elements)]
        column = 2 * quantizer + parity.view(-1)[: len(elements)]
        chosen = magnitude.gather(0, column[None])[0]
        symbols[elements] = torch.copysign(chosen, parts[0]).to(torch.int32)
        quantizers[elements] = quantizer.to(torch.uint8)
    return symbols, quantizers


def _blocks(count: int, chains: int, at_once: int) -> Iterator[tuple[Tensor, int, int]]:
    """Elements of neighbouring chains, place by place; their length, how many chains."""
    for first in range(0, chains, at_once):
        width = min(at_once, chains - first)
        length = -(-(count - first) // chains)
        elements = torch.arange(length)[:, None] * chains + torch.arange(first, first + width)
        elements = elements.view(-1)
        yield elements[elements < count], length, width


def _candidates(
    residual: Tensor, weight: Tensor, index: Tensor, bits: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Costs (4, n) and magnitudes (4, n) float of the best symbol by quantizer and parity."""
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
        zero = weight * size.square() + bits[quantizer][:, 0].index_select(0, index)
        is_zero = zero < costs[-2]
        costs[-2] = torch.where(is_zero, zero, costs[-2])
        magnitudes[-2] = magnitudes[-2].masked_fill(is_zero, 0)
    return torch.stack(costs), torch.stack(magnitudes)


def _best_path(cost: Tensor, steps: _Steps) -> tuple[Tensor, Tensor]:
    """Costs (4, L, C) to the parities and quantizers (L, C) int64 of the cheapest paths."""
    _, length, width = cost.shape
    num_states = steps.state.shape[1]
    before, column = steps.state.reshape(-1), steps.column.reshape(-1)  # by decision, state
    total = cost.new_full((num_states, width), torch.inf)
    total[0] = 0
    decisions = torch.empty(length, num_states, width, dtype=torch.bool)
    for place in range(length):
        both = total.index_select(0, before).add_(cost[:, place].index_select(0, column))
        first, second = both[:num_states], both[num_states:]
        torch.lt(second, first, out=decisions[place])
        total = torch.minimum(first, second)
    state = total.argmin(0)
    ways = torch.empty(length, width, dtype=torch.int64)  # decision and state after, together
    for place in range(length - 1, -1, -1):
        decision = decisions[place].gather(0, state[None])[0]
        torch.add(state, decision, alpha=num_states, out=ways[place])
        state = before.index_select(0, ways[place])
    return steps.parity.reshape(-1)[ways], steps.quantizer.reshape(-1)[ways]
