"""Residuals, weights and table costs in, symbols out: rate-distortion optimised quantization."""

from __future__ import annotations

import torch
from torch import Tensor

from licodec.entropy.tables import MAX_SYMBOL
from licodec.quantize.costs import bits_at


def choose_symbols(residual: Tensor, weight: Tensor, table: Tensor, bits: Tensor) -> Tensor:
    """Choose for each element the cheapest of both neighbours and zero.

    Args:
        residual: value minus mean in steps, (n,) float32.
        weight: bits that a squared error of one step is worth, (n,) float32.
        table: (n,) int32.
        bits: from `magnitude_bits`.

    Returns:
        (n,) int32 symbols, at most 32767 in size.
    """
    size = residual.abs().clamp_(max=MAX_SYMBOL)
    below = size.floor()
    best, cost = _cheaper(size, weight, table, bits, below, below + 1)
    zero = weight * size.square() + bits[:, 0].index_select(0, table.view(-1)).view(table.shape)
    best = torch.where(zero <= cost, torch.zeros_like(best), best)
    return torch.copysign(best.clamp_(max=MAX_SYMBOL), residual).to(torch.int32)


def _cheaper(
    size: Tensor, weight: Tensor, table: Tensor, bits: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor]:
    first_cost = weight * (size - first).square() + bits_at(bits, table, first)
    second_cost = weight * (size - second).square() + bits_at(bits, table, second)
    is_second = second_cost < first_cost
    return torch.where(is_second, second, first), torch.minimum(first_cost, second_cost)
