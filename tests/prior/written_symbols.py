"""Payload and scale indices in, symbols out, written from docs/format.md alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.entropy.reference_ans import ReferenceDecoder
from tests.prior.written_numbers import Arrays, clamp

STATES = {  # quantizer id: Q, next state after an even and after an odd symbol
    1: ([0, 1] * 4, ([0, 5, 1, 6, 2, 4, 3, 7], [2, 7, 3, 4, 0, 6, 1, 5])),
    2: ([0, 1] * 64, [[s >> 1 ^ 74 * (s % 2) ^ 49 * odd for s in range(128)] for odd in (0, 1)]),
}
SHIFT_HALF = [2056, 330, 290, 180, 100, 50, 25, 12, 8, 6, 5, 5, 8, 2]
SHIFTS = -1  # number of their table


@dataclass
class Symbols:
    """Reads the ANS stream step by step."""

    payload: bytes
    weights: Arrays
    bound: int  # smallest index that is coded
    quantizer: int = 0
    coded: list[int] = field(default_factory=list)  # in coding order
    num_escapes: int = 0
    num_shifted: int = 0

    def __post_init__(self) -> None:
        self.ans = ReferenceDecoder(self.payload)
        self.reaches = self.weights["table_reaches"].tolist()
        self.starts = np.cumsum([0, *(r + 2 for r in self.reaches)]).tolist()
        self.reaches.append(12)  # of the table of shifts, number -1

    def frequencies(self, index: int) -> list[int]:
        if index == SHIFTS:
            half = [2**12 * n for n in SHIFT_HALF]
        else:
            stored = self.weights["table_halves"]
            half = stored[self.starts[index] : self.starts[index + 1]].tolist()
        signed = half[1:-1]
        table = [*reversed(signed), half[0], *signed, half[-1]]
        assert sum(table) == 2**24
        return table

    def step(self, index: np.ndarray, bands: list[int]) -> np.ndarray:
        """Indices (C, ..) of channels that belong to bands to value - mean of the same shape."""
        flat = [int(i) for i in index.ravel()]
        size = len(flat) // len(bands)
        self._shift(flat, [band for band in bands for _ in range(size)])
        chained: list[int] = []
        if self.quantizer:
            first = int(self.weights["trellis_from"][0])
            chained = [e for e, i in enumerate(flat) if i >= first]
        if len(chained) < 128:
            chained = []
        left_out = set(chained)
        plain = [e for e, i in enumerate(flat) if i >= self.bound and e not in left_out]
        added = [0] * len(flat)
        for e, symbol in zip(plain, self._batch([flat[e] for e in plain]), strict=True):
            added[e] = 16 * symbol
        self._chains(sorted(chained, key=lambda e: flat[e]), flat, added)
        return np.array(added, np.int64).reshape(index.shape)

    def _shift(self, flat: list[int], bands: list[int]) -> None:
        groups = []
        for band in dict.fromkeys(bands):
            members = [e for e, b in enumerate(bands) if b == band and flat[e] >= self.bound]
            groups.append([e for e in members if flat[e] < 12])
            groups.append([e for e in members if flat[e] >= 12])
        groups = [group for group in groups if len(group) >= 64]
        for group, shift in zip(groups, self._batch([SHIFTS] * len(groups)), strict=True):
            self.num_shifted += bool(shift)
            for e in group:
                flat[e] = int(clamp(flat[e] + shift, self.bound, 63))

    def _chains(self, ordered: list[int], flat: list[int], added: list[int]) -> None:
        if not ordered:
            return
        number = max(16, -(-len(ordered) // 64))
        quantizer_of, following = STATES[self.quantizer]
        state = [0] * number
        for first in range(0, len(ordered), number):
            place = ordered[first : first + number]
            quantizers = [quantizer_of[s] for s, _ in zip(state, place, strict=False)]
            tables = [flat[e] + 64 * (1 + q) for e, q in zip(place, quantizers, strict=True)]
            for c, symbol in enumerate(self._batch(tables)):
                sign = (symbol > 0) - (symbol < 0)
                added[place[c]] = 10 * (2 * symbol - quantizers[c] * sign)
                state[c] = following[symbol & 1][state[c]]

    def adaptive_filter(self) -> list[int]:
        """What follows the last step."""
        (is_fitted,) = self._batch([SHIFTS])
        assert is_fitted in (0, 1)
        return self._batch([SHIFTS] * 24) if is_fitted else []

    def _batch(self, tables: list[int]) -> list[int]:
        """Symbols of elements with these tables, in coding order."""
        order = sorted(range(len(tables)), key=lambda e: tables[e])
        symbols = [0] * len(tables)
        escaped = []
        for e in order:
            reach = self.reaches[tables[e]]
            entry = self.ans.decode(self.frequencies(tables[e]))
            symbols[e] = entry - reach
            if entry == 2 * reach + 1:
                escaped.append(e)
        self._suffixes(escaped, tables, symbols)
        self.coded += symbols
        return symbols

    def _suffixes(self, escaped: list[int], flat: list[int], symbols: list[int]) -> None:
        self.num_escapes += len(escaped)
        is_negative = {e: self._equal(2) for e in escaped}
        classes = {e: self._equal(16) for e in escaped}
        excess = {e: 1 << k for e, k in classes.items()}
        for k in range(1, 16):
            for e in escaped:
                if classes[e] == k:
                    excess[e] += self._equal(1 << k)
        for e in escaped:
            size = self.reaches[flat[e]] + excess[e]
            assert size <= 32767
            symbols[e] = -size if is_negative[e] else size

    def _equal(self, count: int) -> int:
        return self.ans.decode([2**24 // count] * count)
