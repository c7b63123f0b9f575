"""What encoder and decoder must agree on in trellis-coded quantization: states, places, chains.

Two quantizers share the line of multiples of UNIT sixteenths of a step around the mean: Q0 holds
the even multiples 2k, Q1 the odd ones 2k - sgn k, and both hold 0. The parity of each symbol k
drives a state, and the state says which quantizer the chain's next element uses.

Source: dependent quantization of VVC (Schwarz et al. 2019, "Hybrid video coding with
trellis-coded quantization"); Marcellin and Fischer 1990 for trellis-coded quantization.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from licodec.entropy.tables import NUM_SCALES

# 1/16 step: half a cell of each quantizer. A cell of 20/16 step with the choice of two quantizers
# distorts about as much as one of 16/16 without, see docs/decisions.
UNIT = 10
# Elements outside of chains: 2^4 of them are a cell, one step.
PLAIN_SHIFT = 4
# Elements in a chain: sub-steps that a decoder takes one after the other in a step of the prior.
CHAIN_LENGTH = 64
# Fewer chains than this are not worth a sub-step of their own; small steps have shorter chains,
# and where those would be too short to gain anything, all elements are rounded.
MIN_CHAINS = 16
MIN_ELEMENTS = 128


@dataclass(frozen=True)
class Trellis:
    """A state machine; every chain starts in state 0.

    Attributes:
        quantizer: (S,) uint8, 0 or 1 by state.
        next_state: (S, 2) uint8 by state and parity of the symbol.
    """

    quantizer: np.ndarray
    next_state: np.ndarray


def _register_trellis(num_bits: int, on_second: int, on_odd: int) -> Trellis:
    """The machine of a shift register whose lowest bit is the quantizer.

    Each symbol shifts it right by one; then it is XORed with `on_second` if the quantizer was Q1
    and with `on_odd` if the symbol is odd. That is the systematic encoder with feedback of
    Ungerboeck 1982, "Channel coding with multilevel/phase signals".
    """
    state = np.arange(1 << num_bits)
    even = state >> 1 ^ on_second * (state & 1)
    following = np.stack([even, even ^ on_odd], 1)
    return Trellis((state & 1).astype(np.uint8), following.astype(np.uint8))


TRELLISES: Mapping[str, Trellis] = MappingProxyType(
    {
        "tcq8": Trellis(
            np.array([0, 1, 0, 1, 0, 1, 0, 1], np.uint8),
            np.array([[0, 2], [5, 7], [1, 3], [6, 4], [2, 0], [4, 6], [3, 1], [7, 5]], np.uint8),
        ),
        # The best of some hundred found on real residuals, see docs/decisions.
        "tcq128": _register_trellis(7, on_second=74, on_odd=49),
    }
)


@dataclass(frozen=True)
class Chains:
    """Which elements of a step follow the trellis of a quantizer.

    Attributes:
        trellis: state machine.
        first_index: smallest scale index of elements in chains; the others are rounded.
    """

    trellis: Trellis
    first_index: int

    def as_arrays(self) -> tuple[int, np.ndarray, np.ndarray]:
        """First index, quantizers (S,) and next states (S, 2), as the native library takes them."""
        return self.first_index, self.trellis.quantizer, self.trellis.next_state


def num_chains(count: int) -> int:
    """How many chains `count` elements form, 0 for none; element e is in chain e modulo that."""
    return 0 if count < MIN_ELEMENTS else max(MIN_CHAINS, -(-count // CHAIN_LENGTH))


def chain_groups(count: int, at_once: int) -> Iterator[np.ndarray]:
    """Elements (n,) int64 of neighbouring chains, place by place, of groups of about equal size.

    The elements of a group alone form the same chains: where there is more than one group, a group
    has MIN_CHAINS or more, and all are CHAIN_LENGTH long but for fewer than that many of them,
    which lack the last place.

    Args:
        count: of elements, enough for chains.
        at_once: most chains in a group, at least 2 * MIN_CHAINS.
    """
    chains = num_chains(count)
    places = np.arange(0, count, chains)[:, None]
    for group in np.array_split(np.arange(chains), -(-chains // at_once)):
        elements = (places + group).ravel()
        yield elements[elements < count]


class RowRuns:
    """Runs of one table each in the places of chains, whose elements are sorted by scale index.

    Args:
        bounds: (K + 1,) integers, where the elements of each index begin and, for the next, end.
        first_index: smallest in chains.
    """

    def __init__(self, bounds: np.ndarray, first_index: int) -> None:
        self._bounds: list[int] = bounds.tolist()
        self._index = first_index

    def runs(self, first: int, last: int, quantizer: np.ndarray) -> list[tuple[int, int]]:
        """Tables and numbers of elements of one place, in coding order; places in their order.

        Args:
            first, last: its elements are those from first to last - 1.
            quantizer: (last - first,) uint8 of them.
        """
        bounds = self._bounds
        runs: tuple[list[tuple[int, int]], ...] = ([], [])
        begin = first
        while begin < last:
            while bounds[self._index + 1] <= begin:
                self._index += 1
            end = min(last, bounds[self._index + 1])
            second = int(np.count_nonzero(quantizer[begin - first : end - first]))
            for number, count in enumerate((end - begin - second, second)):
                if count:
                    runs[number].append((self._index + NUM_SCALES * (number + 1), count))
            begin = end
        return runs[0] + runs[1]


def table_ids(index: np.ndarray, quantizer: np.ndarray) -> np.ndarray:
    """(n,) uint8 tables of elements in chains: those of Q0 and Q1 follow the plain ones."""
    ids: np.ndarray = index + NUM_SCALES * (quantizer + np.uint8(1))
    return ids


def offsets_of(symbols: np.ndarray, quantizer: np.ndarray) -> np.ndarray:
    """(n,) int32 distance from the mean in 1/16 step of symbols (n,) int32 in quantizers (n,)."""
    places: np.ndarray = UNIT * (2 * symbols - np.sign(symbols) * quantizer.astype(np.int32))
    return places
