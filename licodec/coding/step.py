"""How the elements of a step are coded: one rule, its encoder and its decoder side by side.

A step is a batch of shifts of its scale indices, then one of its plain elements, then one for each
place in its chains. By scale index an element is

    below `skip_below`              not coded, its symbol is 0
    below the trellis' first        plain: coded with the table of its index
    from there on                   in a chain, or plain where the step is too small for chains
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from licodec.coding.scale_offsets import rows_of, shift_rows, shifted_groups
from licodec.coding.small_integers import SmallIntegers
from licodec.coding.trellis import PLAIN_SHIFT, Chains, RowRuns, num_chains, offsets_of
from licodec.entropy.adaptive_filter import NO_FILTER, NUM_DIRECTIONS
from licodec.entropy.groups import group_by_table, runs_of
from licodec.entropy.tables import NUM_SCALES
from licodec.errors import CorruptFileError

if TYPE_CHECKING:
    from licodec.entropy.decode import StepDecoder

_PIECE_ELEMENTS = 1 << 20


@dataclass(frozen=True)
class Partition:
    """The elements of a step by how they are coded.

    Attributes:
        order: (m,) elements sorted by scale index, equal ones in coding order.
        bounds: (65,) where the elements of each index begin in it and, for the next, end.
        begin, end: plain elements have indices from begin to end - 1, those in chains from end on.
    """

    order: np.ndarray
    bounds: np.ndarray
    begin: int
    end: int

    @property
    def plain(self) -> np.ndarray:
        """Plain elements, in the order in which the stream has them."""
        return self.order[self.bounds[self.begin] : self.bounds[self.end]]

    @property
    def chained(self) -> np.ndarray:
        """Elements in chains, in the order that chains divide."""
        return self.order[self.bounds[self.end] :]


@dataclass(frozen=True)
class StepRule:
    """What decides how elements are coded; of one file.

    Attributes:
        skip_below: smallest scale index that is coded.
        chains: which elements follow a trellis, none that is not coded; None where none do.
        shift_table: number of the table of shifts.
    """

    skip_below: int
    chains: Chains | None
    shift_table: int

    def partition(self, index: np.ndarray, *, is_plain_sorted: bool) -> Partition:
        """Tell a step's elements apart.

        Args:
            index: (n,) uint8 scale indices, shifted.
            is_plain_sorted: whether `order` has the plain elements, too.
        """
        first = NUM_SCALES if self.chains is None else self.chains.first_index
        lowest = self.skip_below if is_plain_sorted else first
        order, bounds = group_by_table(index, NUM_SCALES, lowest)
        end = first if num_chains(len(order) - int(bounds[first])) else NUM_SCALES
        return Partition(order, bounds, self.skip_below, end)


class StepWriter:
    """Collects what is coded of a picture, step by step.

    Attributes:
        batches: (symbols (n,) int16, tables (n,) uint8) in coding order.
        shifts: (B, 2) int16 of each step's scale indices.

    Args:
        rule: of the file.
    """

    def __init__(self, rule: StepRule) -> None:
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        self.shifts: list[np.ndarray] = []
        self._rule = rule

    def shift(
        self, index: np.ndarray, num_bands: int, choose: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        """Begin a step: shift its scale indices in place.

        Args:
            index: (C, ..) uint8 scale indices.
            num_bands: bands, in the low-pass planes, that the channels belong to.
            choose: groups that have shifts (B, 2) bool -> shifts (B, 2) int16, 0 for the others.
        """
        rows = rows_of(index, num_bands)
        groups = shifted_groups(rows, self._rule.skip_below)
        shifts = np.zeros(groups.shape, np.int16)
        if groups.any():
            shifts = choose(groups)
            shift_rows(rows, shifts, self._rule.skip_below)
        coded = shifts[groups]
        self.batches.append((coded, np.full(len(coded), self._rule.shift_table, np.uint8)))
        self.shifts.append(shifts)

    def put_plain(self, symbols: np.ndarray, index: np.ndarray) -> None:
        """Add the plain elements (n,) int16, with their indices (n,) uint8, in coding order."""
        self.batches.append((symbols, index))

    def put_chains(self, symbols: np.ndarray, tables: np.ndarray) -> None:
        """Add the elements in chains (n,) int16 and uint8, in the order of `Partition.chained`."""
        chains = num_chains(len(symbols))
        for first in range(0, len(symbols), chains):
            place = slice(first, first + chains)
            self.batches.append((symbols[place], tables[place]))


class StepReader:
    """Reads what `StepWriter` collected, step by step.

    Attributes:
        crc: checksum of the symbols so far.

    Args:
        decoder: of the payload.
        rule: of the file.
        crc: checksum of what stands before the symbols.
    """

    def __init__(self, decoder: StepDecoder, rule: StepRule, crc: int) -> None:
        self.crc = crc
        self._decoder = decoder
        self._rule = rule

    def step(self, index: np.ndarray, num_bands: int) -> np.ndarray:
        """Read one step.

        Args:
            index: (C, ..) uint8 scale indices; they are shifted in place.
            num_bands: bands, in the low-pass planes, that the channels belong to.

        Returns:
            (C, ..) int16 or int32, what the quantizer adds to the means, in 1/16 step.

        Raises:
            CorruptFileError: a symbol that no encoder writes.
        """
        self._shift(rows_of(index, num_bands))
        flat = index.reshape(-1)
        parts = self._rule.partition(flat, is_plain_sorted=True)
        offsets = SmallIntegers(*index.shape)
        plain, bounds = parts.plain, parts.bounds
        runs = runs_of(bounds[: parts.end + 1].clip(bounds[parts.begin]))
        symbols = self._decoder.runs(runs)
        for piece in _pieces(len(plain)):
            offsets.put_at(plain[piece], symbols[piece].astype(np.int32) << PLAIN_SHIFT)
        self._count_plain(offsets.flat, flat, parts)
        if bounds[parts.end] < len(parts.order):
            self._put_chains(offsets, parts.chained, bounds - bounds[parts.end])
        return offsets.data

    def adaptive_filter(self) -> np.ndarray:
        """Read what follows the last step: (K,) int16, (0,) without.

        Raises:
            CorruptFileError: a number that no encoder writes, or more than the picture needs.
        """
        numbers = read_filter(self._batch)
        self._decoder.finish()
        return numbers

    def _batch(self, count: int) -> np.ndarray:
        """(count,) int16 numbers of the table of shifts."""
        numbers = self._decoder.runs([(self._rule.shift_table, count)])
        self._count(numbers)
        return numbers

    def _shift(self, rows: np.ndarray) -> None:
        """Read a step's shifts and shift its scale indices (B, n) in place."""
        groups = shifted_groups(rows, self._rule.skip_below)
        shifts = np.zeros(groups.shape, np.int16)
        number = int(np.count_nonzero(groups))
        shifts[groups] = self._decoder.runs([(self._rule.shift_table, number)] if number else [])
        self._count(shifts[groups])
        shift_rows(rows, shifts, self._rule.skip_below)

    def _count_plain(self, offsets: np.ndarray, index: np.ndarray, parts: Partition) -> None:
        """Add plain symbols to the checksum, in the order of their elements."""
        for piece in _pieces(len(index)):
            is_plain = (index[piece] >= parts.begin) & (index[piece] < parts.end)
            self._count(offsets[piece][is_plain] >> PLAIN_SHIFT)

    def _count(self, symbols: np.ndarray) -> None:
        self.crc = zlib.crc32(symbols.astype("<i2", copy=False).data, self.crc)

    def _put_chains(self, offsets: SmallIntegers, order: np.ndarray, bounds: np.ndarray) -> None:
        """Decode elements in chains, one place of all chains after another.

        Args:
            offsets: takes those of the elements.
            order: (n,) elements, sorted by scale index.
            bounds: of the indices' runs in it; below 0 for smaller ones.
        """
        assert self._rule.chains is not None
        trellis = self._rule.chains.trellis
        quantizer_of, following = trellis.quantizer, trellis.next_state.reshape(-1)
        count, chains = len(order), num_chains(len(order))
        symbols, quantizers = np.empty(count, np.int16), np.empty(count, np.uint8)
        states = np.zeros(chains, np.uint8)
        rows = RowRuns(bounds, self._rule.chains.first_index)
        for first in range(0, count, chains):
            last = min(first + chains, count)
            here = states[: last - first]
            quantizer = quantizer_of.take(here)
            runs = rows.runs(first, last, quantizer)
            row = symbols[first:last]
            row[quantizer.argsort(kind="stable")] = self._decoder.runs(runs)
            quantizers[first:last] = quantizer
            following.take(2 * here.astype(np.int16) + (row & 1), out=here, mode="clip")
        self._count(symbols)
        for piece in _pieces(count):
            places = offsets_of(symbols[piece].astype(np.int32), quantizers[piece])
            offsets.put_at(order[piece], places)


def read_filter(batch: Callable[[int], np.ndarray]) -> np.ndarray:
    """Read the numbers that tune the synthesis: (K,) int16, (0,) without.

    Args:
        batch: reads so many numbers of the table of shifts, (n,) int16.

    Raises:
        CorruptFileError: a number that no encoder writes.
    """
    flag = batch(1)[0]
    if flag not in (0, 1):
        raise CorruptFileError(
            f"payload ends with {flag}, expected 0 or 1; copy or download the file again"
        )
    return batch(NUM_DIRECTIONS) if flag else NO_FILTER


def _pieces(count: int) -> Iterator[slice]:
    """Slices of so many elements, each of which may take tens of bytes."""
    for first in range(0, count, _PIECE_ELEMENTS):
        yield slice(first, min(first + _PIECE_ELEMENTS, count))
