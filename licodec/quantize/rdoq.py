"""Rate-distortion optimised quantization: the symbols of least weighted error and bits."""

from __future__ import annotations

import numpy as np

from licodec.entropy.tables import MAX_SYMBOL
from licodec.quantize.costs import bits_at


def choose_symbols(
    residual: np.ndarray, weight: np.ndarray, table: np.ndarray, bits: np.ndarray
) -> np.ndarray:
    """Choose for each element the cheapest of both neighbours and zero.

    Args:
        residual: value minus mean in steps, (n,) float32.
        weight: bits that a squared error of one step is worth, (n,) float32.
        table: (n,) integers.
        bits: from `magnitude_bits`.

    Returns:
        (n,) int32 symbols, at most 32767 in size.
    """
    size = np.minimum(np.abs(residual), np.float32(MAX_SYMBOL))
    below = np.floor(size)
    above = below + 1
    first = weight * np.square(size - below) + bits_at(bits, table, below)
    second = weight * np.square(size - above) + bits_at(bits, table, above)
    best, cost = np.where(second < first, above, below), np.minimum(first, second)
    zero = weight * np.square(size) + bits[:, 0].take(table)
    best = np.where(zero <= cost, np.float32(0), np.minimum(best, np.float32(MAX_SYMBOL)))
    symbols: np.ndarray = np.copysign(best, residual).astype(np.int32)
    return symbols
