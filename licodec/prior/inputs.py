"""Inputs of a level's network, made of the planes that are known, on torch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.fixed_point import (
    COMPAND_ENTRIES,
    EIGHTHS,
    MAX_INPUT,
    RECIPROCAL_BITS,
    SIXTEENTHS,
    signed_compand,
)
from licodec.transform.grid import FRACTION_BITS


def compand_table() -> Tensor:
    """(4096,) int16: 16 asinh(i / 8), rounded, at most 127; a family stores it."""
    eighths = range(COMPAND_ENTRIES)
    companded = [min(MAX_INPUT, round(SIXTEENTHS * math.asinh(i / EIGHTHS))) for i in eighths]
    return torch.tensor(companded, dtype=torch.int16)


class Compand:
    """Maps integers in 1/8 step, of any shape, to int8 in 1/16.

    Args:
        table: (4096,) int16, see `compand_table`.
    """

    def __init__(self, table: Tensor) -> None:
        self._table = torch.from_numpy(signed_compand(table.numpy()))

    def __call__(self, eighths: Tensor) -> Tensor:
        limit = COMPAND_ENTRIES - 1
        entries = eighths.clamp(-limit, limit).to(torch.int32).add_(limit)
        return self._table.index_select(0, entries.view(-1)).view(entries.shape)


def plane_inputs(
    low: Tensor, first: int, last: int, fold: int, reciprocal: Tensor, compand: Compand
) -> Tensor:
    """High-pass and brightness of rows first to last - 1 of a level's grid.

    Args:
        low: (3, h, w) int16 or int32 planes, 1/64 grey level.
        fold: side of the block that a grid point has in the planes.
        reciprocal: (3,) int64, 2^-20.

    Returns:
        (3 fold^2 + 3, last - first, w / fold) int8.
    """
    top, bottom = first * fold, last * fold
    above, below = max(top - 1, 0), min(bottom + 1, low.shape[1])
    part = low[:, above:below].to(torch.int32)
    high = _nine_times_high_pass(part)[:, top - above : bottom - above]
    # Products of 32 and 21 bits are exact in float64, which is faster here than int64.
    scaled = (
        high.double().mul_(reciprocal.double()[:, None, None] / (1 << RECIPROCAL_BITS)).floor_()
    )
    high_pass = fold_maps(compand(scaled), fold)
    # low / 32 grey levels in 1/16, averaged over the block
    block = _block_sum(part[:, top - above : bottom - above], fold)
    shift = FRACTION_BITS + 1 + 2 * (fold - 1)
    brightness = (block >> shift).clamp_(-MAX_INPUT, MAX_INPUT).to(torch.int8)
    return torch.cat([high_pass, brightness])


def fold_maps(maps: Tensor, fold: int) -> Tensor:
    """(C, h, w) to (C fold^2, h / fold, w / fold)."""
    return F.pixel_unshuffle(maps, fold) if fold > 1 else maps


def _nine_times_high_pass(planes: Tensor) -> Tensor:
    """9 x - sum of the 3x3 neighbourhood, border repeated; (C, h, w) int32."""
    tall = torch.cat([planes[:, :1], planes, planes[:, -1:]], 1)
    rows = tall[:, :-2] + tall[:, 2:]
    rows.add_(planes)
    out = 9 * planes
    out.sub_(rows)
    out[:, :, 1:].sub_(rows[:, :, :-1])
    out[:, :, 0].sub_(rows[:, :, 0])
    out[:, :, :-1].sub_(rows[:, :, 1:])
    out[:, :, -1].sub_(rows[:, :, -1])
    return out


def _block_sum(planes: Tensor, fold: int) -> Tensor:
    if fold == 1:
        return planes
    rows = planes[:, ::2] + planes[:, 1::2]
    return rows[:, :, ::2] + rows[:, :, 1::2]


def box_mean(planes: Tensor) -> Tensor:
    """Mean over 3x3 neighbours, the border repeated; (N, C, h, w) float."""
    return F.avg_pool2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), 3, 1)
