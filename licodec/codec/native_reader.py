"""Reads each step's symbols from the payload with the native library."""

from __future__ import annotations

import time
import zlib

import numpy as np
import torch
from torch import Tensor

from licodec.codec.model import Family
from licodec.container.format import Container
from licodec.entropy.shifts import rows_of
from licodec.entropy.tables import coding_bound
from licodec.entropy.tuning import NO_TUNING, NUM_DIRECTIONS
from licodec.errors import CorruptFileError
from licodec.native.coder import NativeDecoder, NativeTables
from licodec.prior.integer import Where


class NativeReader:
    """As `licodec.codec.decode.SymbolReader`.

    Attributes:
        decoder: of the payload.
        seconds: that it took so far.
        crc: checksum of the symbols so far, begun with that of the front.
    """

    def __init__(self, container: Container, family: Family, tables: NativeTables) -> None:
        header = container.header
        assert container.payload is not None  # read_container always fills it
        chains = family.chains_of(header.quantizer)
        self.decoder = NativeDecoder(
            container.payload,
            tables,
            coding_bound(family.tables, is_all_coded=header.is_all_coded),
            None if chains is None else chains.as_arrays(),
        )
        self.seconds = 0.0
        self.crc = container.front_crc

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        started = time.perf_counter()
        self._count(self.decoder.shifts(rows_of(index, where)))
        offsets, symbols = self.decoder.step(index.view(-1).numpy())
        self._count(symbols)
        self.seconds += time.perf_counter() - started
        return torch.from_numpy(offsets).view(mean.shape)

    def tuning(self) -> np.ndarray:
        """Read what follows the last step: (K,) int16, (0,) where there is none.

        Raises:
            CorruptFileError: a number that no encoder writes.
        """
        flag = self.decoder.batch(1)
        self._count(flag)
        if flag[0] not in (0, 1):
            raise CorruptFileError(
                f"payload ends with {flag[0]}, expected 0 or 1; copy or download the file again"
            )
        numbers = self.decoder.batch(NUM_DIRECTIONS) if flag[0] else NO_TUNING
        self._count(numbers)
        return numbers

    def _count(self, symbols: np.ndarray) -> None:
        self.crc = zlib.crc32(symbols.astype("<i2", copy=False).data, self.crc)
