"""One ANS stream in, the symbols of each step out."""

from __future__ import annotations

import constriction
import numpy as np

from licodec.entropy.groups import ESCAPE_CLASSES, group_by_table
from licodec.entropy.tables import MAX_SYMBOL, Tables
from licodec.errors import CorruptFileError


class StepDecoder:
    """Reads the steps of one stream in order.

    Args:
        payload: little-endian 32-bit words, as `encode_steps` returned them.
        tables: of the latent family.

    Raises:
        CorruptFileError: not whole words, or a last word of zero, which no encoder writes.
    """

    def __init__(self, payload: bytes, tables: Tables) -> None:
        if len(payload) % 4 or payload[-4:] == bytes(4):
            raise CorruptFileError(
                f"payload of {len(payload)} bytes does not end in a whole word that is not zero; "
                "copy or download the file again"
            )
        words = np.frombuffer(payload, dtype="<u4").astype(np.uint32)
        self._coder = constriction.stream.stack.AnsCoder(words)
        self._tables = tables

    def step(self, index: np.ndarray) -> np.ndarray:
        """Decode one step.

        Args:
            index: (n,) uint8 table of each coded element.

        Returns:
            (n,) int32 symbols.

        Raises:
            CorruptFileError: a magnitude that no encoder writes.
        """
        tables = self._tables
        values = np.empty(len(index), np.int32)
        if not len(index):
            return values
        order, bounds = group_by_table(index, len(tables.models))
        entries = np.empty(len(index), np.int32)
        for table in np.flatnonzero(np.diff(bounds)):
            first, last = int(bounds[table]), int(bounds[table + 1])
            entries[first:last] = self._coder.decode(tables.models[table], last - first)
        reach = tables.reaches[index[order]].astype(np.int32)
        decoded = entries - reach
        escaped = decoded > reach
        if escaped.any():
            decoded[escaped] = self._escapes(reach[escaped])
        values[order] = decoded
        return values

    def _escapes(self, reach: np.ndarray) -> np.ndarray:
        uniform = constriction.stream.model.Uniform
        count = len(reach)
        is_negative = self._coder.decode(uniform(2), count).astype(bool)
        classes = self._coder.decode(uniform(ESCAPE_CLASSES), count)
        magnitude = np.left_shift(1, classes.astype(np.int64))
        for c in range(1, ESCAPE_CLASSES):
            chosen = classes == c
            if chosen.any():
                magnitude[chosen] += self._coder.decode(uniform(1 << c), int(chosen.sum()))
        magnitude += reach
        if int(magnitude.max()) > MAX_SYMBOL:
            raise CorruptFileError(
                f"payload has a symbol of size {int(magnitude.max())}, at most {MAX_SYMBOL} is "
                "possible; copy or download the file again"
            )
        signed: np.ndarray = np.where(is_negative, -magnitude, magnitude).astype(np.int32)
        return signed

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            CorruptFileError: the stream holds more than the picture needs.
        """
        if not self._coder.is_empty():
            raise CorruptFileError(
                "payload goes on after the last symbol; copy or download the file again"
            )
