"""Frequency tables in, bits by magnitude out: what encoders weigh against distortion."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from licodec.entropy.groups import SUFFIX_BITS
from licodec.entropy.tables import Tables

_LARGEST = 2050  # beyond it, costs are taken as flat; every reach is smaller


def magnitude_bits(tables: Tables) -> Tensor:
    """Bits of coding each magnitude with one sign, escapes with their suffix.

    Returns:
        (K, 2051) float32 by table and magnitude.
    """
    rows = []
    for table, reach in enumerate(tables.reaches):
        bits = tables.bits(table)
        beyond = np.arange(1, _LARGEST + 1 - int(reach))
        escape = bits[-1] + SUFFIX_BITS + np.floor(np.log2(beyond))
        rows.append(np.concatenate([bits[reach : 2 * reach + 1], escape]))
    return torch.from_numpy(np.stack(rows)).float()


def bits_at(bits: Tensor, table: Tensor, magnitude: Tensor) -> Tensor:
    """Look up `magnitude_bits`.

    Args:
        bits: (K, 2051) float32.
        table: int32.
        magnitude: float, of any size, the same shape.

    Returns:
        float32 of that shape.
    """
    # By 32 bits `index_select` takes a quarter of the time of indexing by 64.
    flat = magnitude.clamp(max=bits.shape[1] - 1).to(torch.int32)
    flat.add_(table, alpha=bits.shape[1])
    return bits.view(-1).index_select(0, flat.view(-1)).view(flat.shape)
