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
    used = np.flatnonzero(np.diff(bounds))
    values = symbols[order]
    reach = np.repeat(tables.reaches[used].astype(np.int16), np.diff(bounds)[used])
    entries = values + reach
    escaped = (values > reach) | (values < -reach)
    if escaped.any():
        _push_escapes(coder, values[escaped].astype(np.int32), reach[escaped].astype(np.int32))
        entries[escaped] = 2 * reach[escaped] + 1
    for table in used[::-1].tolist():
        run = entries[bounds[table] : bounds[table + 1]]
        coder.encode_reverse(run.astype(np.int32), tables.models[table])


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
