"""Whether this CPU gains from bfloat16."""

from __future__ import annotations

import torch


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies tiles of bfloat16 (AMX).

    The corrections then take half the time; their 8 bits of mantissa move samples by 0.1 (low
    qualities) to 0.02 grey levels on average, single ones by two, and PSNR by less than 0.05 dB.
    Vectors of bfloat16 (AVX512_BF16) are slower than those of float32.
    """
    found = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(found is not None and found())
