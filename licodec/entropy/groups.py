"""The order of symbols within a step, which encoder and decoder must agree on."""

from __future__ import annotations

import numpy as np


def group_by_table(index: np.ndarray, num_tables: int) -> tuple[np.ndarray, np.ndarray]:
    """Stable order by table.

    Args:
        index: (n,) uint8 table of each element.
        num_tables: K.

    Returns:
        order (n,) that sorts by table and keeps the order inside one; bounds (K + 1,) of the
        tables' runs in it.
    """
    order = np.argsort(index, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=num_tables))])
    return order, bounds


# An escaped magnitude is R + m, m >= 1; the suffix codes the bit length of m, then the bits below
# its highest one. Magnitudes stay below 2^15, so a length fits 16 classes.
ESCAPE_CLASSES = 16
