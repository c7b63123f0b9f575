"""The decoder of steps in the native library."""

from __future__ import annotations

import zlib

import numpy as np

from licodec.coding.scale_offsets import rows_of
from licodec.coding.step import StepRule, read_filter
from licodec.native.coder import NativeDecoder, NativeTables


class NativeStepReader:
    """As `licodec.coding.step.StepReader`, many times as fast.

    Attributes:
        crc: checksum of the symbols so far.

    Args:
        payload: little-endian 32-bit words.
        tables: of the family.
        rule: of the file.
        crc: checksum of what stands before the symbols.

    Raises:
        CorruptFileError: not whole words, or a last word of zero, which no encoder writes.
    """

    def __init__(self, payload: bytes, tables: NativeTables, rule: StepRule, crc: int) -> None:
        self.crc = crc
        chains = None if rule.chains is None else rule.chains.as_arrays()
        self._decoder = NativeDecoder(payload, tables, rule.skip_below, chains)

    def step(self, index: np.ndarray, num_bands: int) -> np.ndarray:
        """Read one step.

        Args:
            index: (C, ..) uint8 scale indices; they are shifted in place.
            num_bands: bands, in the low-pass planes, that the channels belong to.

        Returns:
            (C, ..) int32, what the quantizer adds to the means, in 1/16 step.

        Raises:
            CorruptFileError: a symbol that no encoder writes.
        """
        self._count(self._decoder.shifts(rows_of(index, num_bands)))
        offsets, symbols = self._decoder.step(index.reshape(-1))
        self._count(symbols)
        return offsets.reshape(index.shape)

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
        numbers = self._decoder.batch(count)
        self._count(numbers)
        return numbers

    def _count(self, symbols: np.ndarray) -> None:
        self.crc = zlib.crc32(symbols.astype("<i2", copy=False).data, self.crc)
