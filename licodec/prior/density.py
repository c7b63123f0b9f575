"""Residuals and scales in, bits out: the density that stands in for the tables while training."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.entropy.tables import NUM_SCALES

# Scale index i stands for the logistic scale exp(LOG_SCALE_MIN + i / SCALES_PER_NAT).
LOG_SCALE_MIN = -3.0
SCALES_PER_NAT = 8
LOG_SCALE_MAX = LOG_SCALE_MIN + (NUM_SCALES - 1) / SCALES_PER_NAT

_SMALLEST_PROBABILITY = 2.0**-24


def logistic_bits(residual: Tensor, log_scale: Tensor) -> Tensor:
    """Bits of the unit cell around each residual under a logistic density.

    Args:
        residual: value minus mean in quantization steps, float, any shape.
        log_scale: natural logarithm of the logistic scale in steps, same shape.

    Returns:
        Bits per element, at most 24; same shape.
    """
    inverse = torch.exp(-F.hardtanh(log_scale, LOG_SCALE_MIN, LOG_SCALE_MAX))
    size = residual.abs()
    upper = torch.sigmoid((0.5 - size) * inverse)
    lower = torch.sigmoid((-0.5 - size) * inverse)
    return -torch.log((upper - lower).clamp_min(_SMALLEST_PROBABILITY)) / math.log(2)
