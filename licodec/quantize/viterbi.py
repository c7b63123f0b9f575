"""Finds the best path of chains through the trellis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from licodec.coding.trellis import UNIT, Trellis, num_chains
from licodec.entropy.tables import MAX_SYMBOL
from licodec.quantize.costs import bits_at

_UNIT_STEPS = np.float32(UNIT / 16)
# States times chains that are searched at once: 64 elements with a decision of one byte in each of
# them make 4 MiB.
_STATES_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class _Transitions:
    """The two transitions into each state, by decision 0 and 1."""

    state: np.ndarray  # (2, S) int64 before
    parity: np.ndarray  # (2, S) int64
    quantizer: np.ndarray  # (2, S) int64 of the state before

    @property
    def column(self) -> np.ndarray:
        """(2, S) int64: which of an element's four costs."""
        column: np.ndarray = 2 * self.quantizer + self.parity
        return column


def _transitions(trellis: Trellis) -> _Transitions:
    ways: list[list[tuple[int, int]]] = [[] for _ in trellis.quantizer]
    for state, following in enumerate(trellis.next_state):
        for parity, after in enumerate(following):
            ways[int(after)].append((state, parity))
    state, parity = np.array(ways).transpose(2, 1, 0)  # by decision, S
    return _Transitions(state, parity, trellis.quantizer.astype(np.int64)[state])


def search_chains(
    residual: np.ndarray,
    weight: np.ndarray,
    index: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
    trellis: Trellis,
) -> tuple[np.ndarray, np.ndarray]:
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
    symbols = np.empty(count, np.int32)
    quantizers = np.empty(count, np.uint8)
    transitions = _transitions(trellis)
    at_once = _STATES_AT_ONCE // len(trellis.quantizer)
    for elements, length, width in _blocks(count, chains, at_once):
        parts = residual[elements], weight[elements], index[elements]
        cost, magnitude = _candidates(*parts, bits)
        padded = np.zeros((4, length * width), np.float32)
        padded[:, : len(elements)] = cost
        parity, quantizer = _best_path(padded.reshape(4, length, width), transitions)
        quantizer = quantizer.reshape(-1)[: len(elements)]
        column = 2 * quantizer + parity.reshape(-1)[: len(elements)]
        chosen = np.take_along_axis(magnitude, column[None], 0)[0]
        symbols[elements] = np.copysign(chosen, parts[0])
        quantizers[elements] = quantizer
    return symbols, quantizers


def _blocks(count: int, chains: int, at_once: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Elements of neighbouring chains, place by place; their length, how many chains."""
    for first in range(0, chains, at_once):
        width = min(at_once, chains - first)
        length = -(-(count - first) // chains)
        elements = np.arange(length)[:, None] * chains + np.arange(first, first + width)
        elements = elements.reshape(-1)
        yield elements[elements < count], length, width


def _candidates(
    residual: np.ndarray,
    weight: np.ndarray,
    index: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Costs (4, n) and magnitudes (4, n) float of the best symbol by quantizer and parity."""
    size = np.minimum(np.abs(residual), np.float32(MAX_SYMBOL - 2))
    costs, magnitudes = [], []
    for quantizer in (0, 1):
        place = (size / _UNIT_STEPS + quantizer) / 2  # where the symbols are whole numbers
        below = np.floor(place)
        is_odd = below % 2
        for magnitude in (below + is_odd, below + 1 - is_odd):  # even, odd
            distance = size - np.maximum(2 * magnitude - quantizer, 0) * _UNIT_STEPS
            costs.append(weight * np.square(distance) + bits_at(bits[quantizer], index, magnitude))
            magnitudes.append(magnitude)
        zero = weight * np.square(size) + bits[quantizer][:, 0].take(index)
        is_zero = zero < costs[-2]
        costs[-2] = np.where(is_zero, zero, costs[-2])
        magnitudes[-2] = np.where(is_zero, np.float32(0), magnitudes[-2])
    return np.stack(costs), np.stack(magnitudes)


def _best_path(cost: np.ndarray, transitions: _Transitions) -> tuple[np.ndarray, np.ndarray]:
    """Costs (4, L, C) to the parities and quantizers (L, C) int64 of the cheapest paths."""
    _, length, width = cost.shape
    num_states = transitions.state.shape[1]
    before, column = transitions.state.reshape(-1), transitions.column.reshape(-1)
    total = np.full((num_states, width), np.inf, np.float32)
    total[0] = 0
    decisions = np.empty((length, num_states, width), bool)
    for place in range(length):
        both = total.take(before, 0)
        both += cost[:, place].take(column, 0)
        first, second = both[:num_states], both[num_states:]
        np.less(second, first, out=decisions[place])
        total = np.minimum(first, second)
    state = total.argmin(0)
    ways = np.empty((length, width), np.int64)  # decision and state after, together
    for place in range(length - 1, -1, -1):
        ways[place] = state + num_states * np.take_along_axis(decisions[place], state[None], 0)[0]
        state = before.take(ways[place])
    return transitions.parity.reshape(-1).take(ways), transitions.quantizer.reshape(-1).take(ways)
