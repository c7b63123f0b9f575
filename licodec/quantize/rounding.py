"""Residuals and table costs in, symbols out: rounding with a dead zone per scale index."""

from __future__ import annotations

import torch
from torch import Tensor

from licodec.entropy.tables import MAX_SYMBOL, Tables
from licodec.quantize.dead_zone import DEAD_ZONE_STRENGTH, choose_magnitude, decision_shifts


def dead_zones(tables: Tables, strength: float = DEAD_ZONE_STRENGTH) -> tuple[Tensor, Tensor]:
    """Decision shifts of every scale index, from what its table charges.

    Args:
        tables: of the latent family.
        strength: see `decision_shifts`.

    Returns:
        (K,) float32 shifts between 0 and 1, and (K,) float32 between all higher magnitudes.
    """
    first, second = [], []
    for index, reach in enumerate(tables.reaches):
        bits = tables.bits(index)[reach:-1]  # magnitudes 0 .. R
        first.append(float(bits[1] - bits[0]))
        second.append(float(bits[2] - bits[1]) if reach > 1 else first[-1])
    costs = torch.tensor([first, second], dtype=torch.float32)
    return decision_shifts(costs[0], costs[1], strength)


def round_with_dead_zone(residual: Tensor, index: Tensor, zones: tuple[Tensor, Tensor]) -> Tensor:
    """Choose symbols.

    Args:
        residual: value minus mean in steps, float32, any shape.
        index: scale index of each, uint8.
        zones: from `dead_zones`.

    Returns:
        int32 symbols, same shape, at most 32767 in size.
    """
    at = index.long()
    magnitude = choose_magnitude(residual.abs(), zones[0][at], zones[1][at]).clamp_(max=MAX_SYMBOL)
    return torch.copysign(magnitude, residual).to(torch.int32)
