"""The order of symbols within a step, which encoder and decoder must agree on."""

from __future__ import annotations

import numpy as np

# An escaped magnitude is R + m, m >= 1; the suffix codes the bit length of m, then the bits below
# its highest one. Magnitudes stay below 2^15, so a length fits 16 classes.
ESCAPE_CLASSES = 16
SUFFIX_BITS = 1 + 4  # of sign and class, before the bits below the highest one
# Elements that are sorted at once: the sort takes 16 bytes each, what it leaves 4.
SORTED_AT_ONCE = 1 << 20


def group_by_table(
    index: np.ndarray, num_tables: int, first_table: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Stable order by table.

    Args:
        index: (n,) uint8 table of each element, n below 2^31.
        num_tables: K.
        first_table: elements of smaller tables are left out.

    Returns:
        order (m,) integers that sorts by table and keeps the order inside one; bounds (K + 1,) of
        the tables' runs in it.
    """
    starts = range(0, len(index), SORTED_AT_ONCE)
    if len(starts) < 2:
        order, counts = _sorted(index, num_tables, first_table)
        return order, np.concatenate([[0], np.cumsum(counts)])
    parts = [index[start : start + SORTED_AT_ONCE] for start in starts]
    counts = np.stack([np.bincount(part, minlength=num_tables) for part in parts])
    counts[:, :first_table] = 0
    bounds = np.concatenate([[0], np.cumsum(counts.sum(0))])
    ends = bounds[:-1] + np.cumsum(counts, 0)  # of each table's elements in each part
    order = np.empty(bounds[-1], np.int32)
    for part, start, count, end in zip(parts, starts, counts, ends, strict=True):
        found = _sorted(part, num_tables, first_table)[0] + start
        last = np.cumsum(count)
        for table in np.flatnonzero(count):
            run = found[last[table] - count[table] : last[table]]
            order[end[table] - count[table] : end[table]] = run
    return order, bounds


def _sorted(index: np.ndarray, num_tables: int, first_table: int) -> tuple[np.ndarray, np.ndarray]:
    """`group_by_table` with the tables' counts (K,) in place of bounds."""
    if not first_table:
        return index.argsort(kind="stable"), np.bincount(index, minlength=num_tables)
    kept = np.flatnonzero(index >= first_table)
    tables = index[kept]
    return kept[tables.argsort(kind="stable")], np.bincount(tables, minlength=num_tables)


def runs_of(bounds: np.ndarray) -> list[tuple[int, int]]:
    """Tables that have elements, and how many, from bounds of `group_by_table`."""
    counts = np.diff(bounds)
    tables = np.flatnonzero(counts)
    return list(zip(tables.tolist(), counts[tables].tolist(), strict=True))
