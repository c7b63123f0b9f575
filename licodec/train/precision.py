"""The type that convolutions are trained in."""

from __future__ import annotations

import torch

from licodec.codec.bfloat16 import has_fast_bfloat16


def training_autocast(device: torch.device) -> torch.autocast:
    """Convolutions in bfloat16 where the device multiplies it in hardware, else in float32.

    A CPU without it would emulate: a step of `fast` then takes five times as long as in float32.
    """
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bfloat16 = has_fast_bfloat16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16)
