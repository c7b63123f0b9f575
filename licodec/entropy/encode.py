"""Steps of symbols in, one ANS stream out."""

from __future__ import annotations

from typing import Any

import constriction
import numpy as np

from licodec.entropy.groups import ESCAPE_CLASSES, group_by_table
from licodec.entropy.tables import MAX_SYMBOL, Tables


def encode_steps(steps: list[tuple[np.ndarray, np.ndarray]], tables: Tables) -> bytes:
    """Code all steps of a picture.

    Args:
        steps: in decoding order, (symbols (n,) int16, table index (n,) uint8) each; only elements
            whose index is not skipped.
        tables: of the latent family.

    Returns:
        Little-endian 32-bit words.

    Raises:
        ValueError: a symbol's size is beyond 32767.
    """
    coder = constriction.stream.stack.AnsCoder()
    for symbols, index in reversed(steps):
        _push_step(coder, symbols, index, tables)
    return bytes(coder.get_compressed().astype("<u4").tobytes())


def _push_step(coder: Any, symbols: np.ndarray, index: np.ndarray, tables: Tables) -> None:
    if not len(symbols):
        return
    order, bounds = group_by_table(index, len(tables.models))
    runs = [(t, slice(bounds[t], bounds[t + 1])) for t in np.flatnonzero(np.diff(bounds)).tolist()]
    entries = np.empty(len(order), np.int16)
    escaped: list[np.ndarray] = []  # values and reaches
    for table, run in runs:
        reach = int(tables.reaches[table])
        values = symbols[order[run]].astype(np.int32)
        above = values + reach
        if above.min() < 0 or above.max() > 2 * reach:
            beyond = np.abs(values) > reach
            escaped.append(np.stack([values[beyond], np.full(int(beyond.sum()), reach, np.int32)]))
            above[beyond] = 2 * reach + 1
        entries[run] = above
    if escaped:
        _push_escapes(coder, *np.concatenate(escaped, 1))
    for table, run in reversed(runs):
        coder.encode_reverse(entries[run].astype(np.int32), tables.models[table])


def _push_escapes(coder: Any, values: np.ndarray, reach: np.ndarray) -> None:
    """Suffixes of a step, in reverse: bits by class, then classes, then signs."""
    size = np.abs(values)
    if int(size.max()) > MAX_SYMBOL:
        raise ValueError(f"a symbol of size {int(size.max())} is beyond {MAX_SYMBOL}")
    uniform = constriction.stream.model.Uniform
    magnitude = size - reach  # >= 1
    classes = (np.frexp(magnitude.astype(np.float64))[1] - 1).astype(np.int32)
    for c in range(ESCAPE_CLASSES - 1, 0, -1):
        rest = magnitude[classes == c] - (1 << c)
        if len(rest):
            coder.encode_reverse(np.ascontiguousarray(rest, dtype=np.int32), uniform(1 << c))
    coder.encode_reverse(classes, uniform(ESCAPE_CLASSES))
    coder.encode_reverse((values < 0).astype(np.int32), uniform(2))
