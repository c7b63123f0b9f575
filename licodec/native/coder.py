"""The entropy coder in the native library: whole steps with their shifts and trellis chains.

Gives what `licodec.entropy` and `licodec.coding` give with constriction.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence

import numpy as np

from licodec.errors import CorruptFileError, ModelError
from licodec.native.binding import ChainsOf, Library, address, check

_MAX_SYMBOL = 32767


class NativeTables:
    """Frequency tables of a family, that of shifts behind them.

    Args:
        frequencies: arrays of 2R + 2 integers, each sums to 2^24.
        reaches: R of each.
        library: that codes with them.

    Raises:
        ModelError: they are not so.
    """

    def __init__(
        self, frequencies: Sequence[np.ndarray], reaches: np.ndarray, library: Library
    ) -> None:
        self.library = library
        self.shift_table = len(reaches) - 1
        joined = np.concatenate(frequencies).astype(np.uint32)
        reach = np.ascontiguousarray(reaches, np.int32)
        self.handle = library.calls.lc_tables_new(
            joined.ctypes.data, len(joined), reach.ctypes.data, len(reach)
        )
        if not self.handle:
            raise ModelError("a frequency table does not have entries >= 1 that sum to 2^24")
        weakref.finalize(self, library.calls.lc_tables_free, self.handle)


class NativeDecoder:
    """Reads the steps of one stream in order.

    Args:
        payload: little-endian 32-bit words.
        tables: of the family.
        skip_below: smallest scale index that is coded.
        chains: smallest scale index in chains, quantizer by state (S,), next state by state and
            parity (S, 2); None without a trellis.

    Raises:
        CorruptFileError: not whole words, or a last word of zero, which no encoder writes.
    """

    def __init__(
        self,
        payload: bytes,
        tables: NativeTables,
        skip_below: int,
        chains: tuple[int, np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self._tables, self._calls = tables, tables.library.calls
        self._skip_below = skip_below
        self._chains = ChainsOf.of(chains)
        self._handle = self._calls.lc_decoder_new(payload, len(payload), tables.handle)
        if not self._handle:
            raise CorruptFileError(
                f"payload of {len(payload)} bytes does not end in a whole word that is not zero; "
                "copy or download the file again"
            )
        weakref.finalize(self, self._calls.lc_decoder_free, self._handle)

    def shifts(self, rows: np.ndarray) -> np.ndarray:
        """Read a step's shifts and shift its scale indices in place.

        Args:
            rows: (B, n) uint8, a row for each band.

        Returns:
            (n,) int16 shifts in the order of the stream.

        Raises:
            CorruptFileError: a magnitude that no encoder writes.
        """
        out = np.empty(2 * len(rows), np.int16)
        count = self._calls.lc_decode_shifts(
            self._handle,
            address(rows, np.uint8, rows.shape),
            *rows.shape,
            self._skip_below,
            out.ctypes.data,
        )
        return out[: check(count)]

    def step(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read a step's symbols.

        Args:
            index: (n,) uint8 shifted scale indices, below 64.

        Returns:
            (n,) int32 distances from the mean in 1/16 step, 0 for what is not coded; (m,) int16
            symbols in the order of the checksum.

        Raises:
            CorruptFileError: a magnitude that no encoder writes.
        """
        offsets = np.empty(len(index), np.int32)
        symbols = np.empty(len(index), np.int16)
        count = self._calls.lc_decode_step(
            self._handle,
            address(index, np.uint8, (len(index),)),
            len(index),
            self._skip_below,
            ctypes.byref(self._chains),
            offsets.ctypes.data,
            symbols.ctypes.data,
        )
        return offsets, symbols[: check(count)]

    def batch(self, count: int) -> np.ndarray:
        """(count,) int16 numbers of the table of shifts. Raises as `step`."""
        out = np.empty(count, np.int16)
        table = self._tables.shift_table
        check(self._calls.lc_decode_batch(self._handle, table, count, out.ctypes.data))
        return out

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            CorruptFileError: the stream holds more than the picture needs.
        """
        if not self._calls.lc_decoder_is_done(self._handle):
            raise CorruptFileError(
                "payload goes on after the last symbol; copy or download the file again"
            )


def encode_batches(batches: Sequence[tuple[np.ndarray, np.ndarray]], tables: NativeTables) -> bytes:
    """Code all batches of a picture.

    Args:
        batches: in decoding order, (symbols (n,) int16, table index (n,) uint8) each.
        tables: of the family.

    Returns:
        Little-endian 32-bit words.

    Raises:
        ValueError: a symbol's size is beyond 32767, or an index beyond the tables.
    """
    lengths = np.array([len(symbols) for symbols, _ in batches], np.int64)
    count = int(lengths.sum())
    if not count:
        return b""
    symbols = np.concatenate([s for s, _ in batches])
    numbers = np.concatenate([t for _, t in batches])
    largest = max(int(symbols.max()), -int(symbols.min()))
    if largest > _MAX_SYMBOL:
        raise ValueError(f"a symbol of size {largest} is beyond {_MAX_SYMBOL}")
    symbols = symbols.astype(np.int16, copy=False)
    words = np.empty(2 * count + 4, np.uint32)
    num_words = check(
        tables.library.calls.lc_encode(
            tables.handle,
            lengths.ctypes.data,
            len(lengths),
            address(symbols, np.int16, (count,)),
            address(numbers, np.uint8, (count,)),
            count,
            words.ctypes.data,
            len(words),
        )
    )
    return words[:num_words].astype("<u4", copy=False).tobytes()
