"""The ANS stream of docs/format.md in plain Python integers: slow, and the definition in code.

A table is a list of frequencies, each >= 1, that sum to 2^24; symbol s is its entry s.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

PRECISION_BITS = 24
WORD_BITS = 32
WORD_MASK = 2**WORD_BITS - 1


def cumulative(table: Sequence[int]) -> list[int]:
    """Sum of the frequencies before each entry."""
    return [0, *accumulate(table[:-1])]


class ReferenceDecoder:
    """Takes symbols from a stream, first coded position first.

    Args:
        payload: little-endian 32-bit words, the last one not zero, or nothing.
    """

    def __init__(self, payload: bytes) -> None:
        if len(payload) % 4 or (payload and payload[-4:] == bytes(4)):
            raise ValueError("payload is not whole words that end in a non-zero one")
        self.words = [
            int.from_bytes(payload[i : i + 4], "little") for i in range(0, len(payload), 4)
        ]
        self.state = 0
        self._refill()
        self._refill()

    def decode(self, table: Sequence[int]) -> int:
        """The next symbol."""
        target = self.state & (2**PRECISION_BITS - 1)
        starts = cumulative(table)
        symbol = max(s for s, start in enumerate(starts) if start <= target)
        self.state = (self.state >> PRECISION_BITS) * table[symbol] + target - starts[symbol]
        self._refill()
        return symbol

    def is_empty(self) -> bool:
        """Whether nothing is left, as it must be after the last symbol."""
        return self.state == 0 and not self.words

    def _refill(self) -> None:
        if self.state < 2**WORD_BITS and self.words:
            self.state = self.state << WORD_BITS | self.words.pop()


def reference_encode(symbols: Sequence[int], tables: Sequence[Sequence[int]]) -> bytes:
    """Payload from which the decoder takes the symbols in this order.

    Args:
        symbols: entry of its table each.
        tables: the table of each symbol.
    """
    state, words = 0, []
    for symbol, table in zip(reversed(symbols), reversed(tables), strict=True):
        frequency, start = table[symbol], cumulative(table)[symbol]
        if state >> (2 * WORD_BITS - PRECISION_BITS) >= frequency:
            words.append(state & WORD_MASK)
            state >>= WORD_BITS
        state = (state // frequency << PRECISION_BITS) | (start + state % frequency)
    while state:
        words.append(state & WORD_MASK)
        state >>= WORD_BITS
    return b"".join(word.to_bytes(4, "little") for word in words)
