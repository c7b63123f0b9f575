"""Reads the symbols of each step from one ANS stream."""

from __future__ import annotations

from collections.abc import Sequence

import constriction
import numpy as np

from licodec.entropy.groups import ESCAPE_CLASSES, group_by_table, runs_of
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
        self._models = tables.models
        self._reaches: list[int] = tables.reaches.tolist()

    def step(self, index: np.ndarray) -> np.ndarray:
        """Decode one step.

        Args:
            index: (n,) uint8 table of each coded element.

        Returns:
            (n,) int16 symbols.

        Raises:
            CorruptFileError: a magnitude that no encoder writes.
        """
        values = np.empty(len(index), np.int16)
        order, bounds = group_by_table(index, len(self._models))
        values[order] = self.runs(runs_of(bounds))
        return values

    def runs(self, runs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Decode one batch whose elements are sorted by table.

        Args:
            runs: table and number of elements, at least 1, by ascending table.

        Returns:
            (n,) int16 symbols in that order.

        Raises:
            CorruptFileError: a magnitude that no encoder writes.
        """
        count = sum([n for _, n in runs])
        values = np.empty(count, np.int16)
        if not count:
            return values
        first, smallest = 0, MAX_SYMBOL
        for table, n in runs:
            reach = self._reaches[table]
            entries = self._coder.decode(self._models[table], n)
            np.subtract(entries, reach, out=values[first : first + n], casting="unsafe")
            first += n
            if reach < smallest:
                smallest = reach
        if values.max() > smallest:
            reaches = np.repeat(
                np.array([self._reaches[t] for t, _ in runs], np.int16), [n for _, n in runs]
            )
            escaped = np.flatnonzero(values > reaches)
            if len(escaped):
                values[escaped] = self._escapes(reaches[escaped])
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
        signed: np.ndarray = np.where(is_negative, -magnitude, magnitude).astype(np.int16)
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
