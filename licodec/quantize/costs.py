"""Bits of each magnitude by the frequency tables: what encoders weigh against distortion."""

from __future__ import annotations

import numpy as np

from licodec.entropy.groups import SUFFIX_BITS
from licodec.entropy.tables import Tables

_LARGEST = 2050  # beyond it, costs are taken as flat; every reach is smaller


def magnitude_bits(tables: Tables) -> np.ndarray:
    """Bits of coding each magnitude with one sign, escapes with their suffix.

    Returns:
        (K, 2051) float32 by table and magnitude.
    """
    bits = np.empty((len(tables.reaches), _LARGEST + 1), np.float32)
    suffixes = SUFFIX_BITS + np.floor(np.log2(np.arange(1, _LARGEST + 1)))
    for table, reach in enumerate(tables.reaches.tolist()):
        costs = tables.bits(table)
        bits[table, : reach + 1] = costs[reach : 2 * reach + 1]
        bits[table, reach + 1 :] = costs[-1] + suffixes[: _LARGEST - reach]
    return bits


def bits_at(bits: np.ndarray, table: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Look up `magnitude_bits`.

    Args:
        bits: (K, 2051) float32.
        table: integers.
        magnitude: float, of any size, the same shape.

    Returns:
        float32 of that shape.
    """
    flat = np.minimum(magnitude, bits.shape[1] - 1).astype(np.int32)
    flat += table.astype(np.int32) * bits.shape[1]
    found: np.ndarray = bits.reshape(-1).take(flat)
    return found
