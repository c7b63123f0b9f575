"""Writes the symbols of all steps into one ANS stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from licodec.entropy.groups import (
    ESCAPE_CLASSES,
    SORTED_AT_ONCE,
    SUFFIX_BITS,
    group_by_table,
)
from licodec.entropy.tables import MAX_SYMBOL, Tables
from licodec.native.coder import encode_batches

# Their numbers, 16 bits, sort in linear time.
_STEPS_AT_ONCE = 1 << 16
_ESTIMATED_AT_ONCE = 1 << 18


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
    if tables.native is not None:
        return encode_batches(steps, tables.native)
    import constriction

    coder = constriction.stream.stack.AnsCoder()
    end = len(steps)
    while end:
        begin = end - 1
        count = len(steps[begin][0])
        while begin and end - begin < _STEPS_AT_ONCE:
            count += len(steps[begin - 1][0])
            if count > SORTED_AT_ONCE:
                break
            begin -= 1
        _push_steps(coder, steps[begin:end], tables)
        end = begin
    return bytes(coder.get_compressed().astype("<u4").tobytes())


def estimated_bits(steps: list[tuple[np.ndarray, np.ndarray]], tables: Tables) -> float:
    """About what `encode_steps` takes for them, in a fraction of its time."""
    costs = [tables.bits(table) for table in range(len(tables.reaches))]
    first = np.cumsum([0, *(len(cost) for cost in costs[:-1])])
    cost, total = np.concatenate(costs), 0.0
    for symbols, index in _portions(steps):
        reach = tables.reaches[index]
        excess = np.abs(symbols.astype(np.int32)) - reach
        entries = np.where(excess > 0, 2 * reach + 1, symbols + reach)
        suffixes = SUFFIX_BITS + np.floor(np.log2(excess[excess > 0]))
        total += float(cost[first[index] + entries].sum()) + float(suffixes.sum())
    return total


def _portions(
    steps: list[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same symbols and table indices in fewer, bounded arrays: steps may be small or huge."""
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    count = 0
    for symbols, index in steps:
        for begin in range(0, len(symbols), _ESTIMATED_AT_ONCE):
            part = slice(begin, begin + _ESTIMATED_AT_ONCE)
            waiting.append((symbols[part], index[part]))
            count += len(waiting[-1][0])
            if count >= _ESTIMATED_AT_ONCE:
                yield _joined(waiting)
                waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([s for s, _ in parts]), np.concatenate([i for _, i in parts])


def _push_steps(coder: Any, steps: Sequence[tuple[np.ndarray, np.ndarray]], tables: Tables) -> None:
    """Push some steps, of which a picture has a thousand small ones, from the last to the first."""
    number = np.repeat(np.arange(len(steps), dtype=np.uint16), [len(s) for s, _ in steps])
    if not len(number):
        return
    index = np.concatenate([index for _, index in steps])
    order, _ = group_by_table(index, len(tables.reaches))
    if len(steps) > 1:
        order = order[number[order].argsort(kind="stable")]
    table = index[order]
    values = np.concatenate([symbols for symbols, _ in steps])[order]
    reach = tables.reaches.astype(np.int16)[table]
    entries = (values + reach).astype(np.int32)
    escaped = np.flatnonzero((values > reach) | (values < -reach))
    entries[escaped] = 2 * reach[escaped] + 1
    escaped_of = {int(n): escaped[number[escaped] == n] for n in np.unique(number[escaped])}
    # Elements of a step are beside each other, those of a table within it, too.
    begins = 1 + np.flatnonzero((np.diff(table) != 0) | (np.diff(number) != 0))
    begins = np.concatenate([[0], begins])
    end, last_number = len(number), -1
    numbers, used = number[begins].tolist(), table[begins].tolist()
    for i, begin in reversed(list(enumerate(begins.tolist()))):
        if numbers[i] != last_number:
            last_number = numbers[i]
            if last_number in escaped_of:
                at = escaped_of[last_number]
                _push_escapes(coder, values[at].astype(np.int32), reach[at].astype(np.int32))
        coder.encode_reverse(entries[begin:end], tables.models[used[i]])
        end = begin


def _push_escapes(coder: Any, values: np.ndarray, reach: np.ndarray) -> None:
    """Suffixes of a step, in reverse: bits by class, then classes, then signs."""
    size = np.abs(values)
    if int(size.max()) > MAX_SYMBOL:
        raise ValueError(f"a symbol of size {int(size.max())} is beyond {MAX_SYMBOL}")
    import constriction

    uniform = constriction.stream.model.Uniform
    magnitude = size - reach  # >= 1
    classes = (np.frexp(magnitude.astype(np.float64))[1] - 1).astype(np.int32)
    for c in range(ESCAPE_CLASSES - 1, 0, -1):
        rest = magnitude[classes == c] - (1 << c)
        if len(rest):
            coder.encode_reverse(np.ascontiguousarray(rest, dtype=np.int32), uniform(1 << c))
    coder.encode_reverse(classes, uniform(ESCAPE_CLASSES))
    coder.encode_reverse((values < 0).astype(np.int32), uniform(2))
