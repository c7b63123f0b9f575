"""Rounds residuals to symbols with a dead zone per scale index."""

from __future__ import annotations

import numpy as np

from licodec.entropy.tables import MAX_SYMBOL, Tables
from licodec.quantize.dead_zone import DEAD_ZONE_STRENGTH, choose_magnitude, decision_shifts


def dead_zones(
    tables: Tables, strength: float = DEAD_ZONE_STRENGTH
) -> tuple[np.ndarray, np.ndarray]:
    """Decision shifts of every scale index, from what its table charges.

    Args:
        tables: of the latent family.
        strength: see `decision_shifts`.

    Returns:
        (K,) float32 shifts between 0 and 1, and (K,) float32 between all higher magnitudes.
    """
    costs = np.empty((2, len(tables.reaches)), np.float32)
    for index, reach in enumerate(tables.reaches.tolist()):
        bits = tables.bits(index)[reach:-1]  # magnitudes 0 .. R
        costs[0, index] = bits[1] - bits[0]
        costs[1, index] = bits[2] - bits[1] if reach > 1 else costs[0, index]
    return decision_shifts(costs[0], costs[1], strength)


def round_with_dead_zone(
    residual: np.ndarray, index: np.ndarray, zones: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Choose symbols.

    Args:
        residual: value minus mean in steps, float32, any shape.
        index: scale index of each, uint8.
        zones: from `dead_zones`.

    Returns:
        int32 symbols, same shape, at most 32767 in size.
    """
    magnitude = choose_magnitude(np.abs(residual), zones[0][index], zones[1][index])
    magnitude = magnitude.clip(max=MAX_SYMBOL)
    symbols: np.ndarray = np.copysign(magnitude, residual).astype(np.int32)
    return symbols
