"""The logistic density that stands in for the tables in floating point: residuals to bits."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from licodec.entropy.tables import NUM_SCALES
from licodec.prior.fixed_point import LOG_SCALE_MIN, SCALES_PER_NAT

LOG_SCALE_MAX = LOG_SCALE_MIN + (NUM_SCALES - 1) / SCALES_PER_NAT
# The integer prior halves sixteenths to an index by (s + 1) >> 1, half a sixteenth too much on
# average; the tables of log scales give it back.
HALVING_BIAS = 0.5

# No symbol costs more bits.
MAX_BITS = 24
_SMALLEST_PROBABILITY = 2.0**-MAX_BITS


def logistic_bits(residual: Tensor, log_scale: Tensor) -> Tensor:
    """Bits of the unit cell around each residual under a logistic density.

    Gradients are written down: autograd would keep every step of the way in memory. They are those
    of the density also where the bits are at their limit.

    Args:
        residual: value minus mean in quantization steps, float, any shape.
        log_scale: natural logarithm of the logistic scale in steps, same shape.

    Returns:
        Bits per element, at most 24; same shape.
    """
    bits: Tensor = _LogisticBits.apply(residual, log_scale)  # type: ignore[no-untyped-call]
    return bits


class _LogisticBits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, log_scale: Tensor) -> Tensor:
        inverse = log_scale.clamp(LOG_SCALE_MIN, LOG_SCALE_MAX).neg_().exp_()
        a = residual.abs().neg_().add_(0.5).mul_(inverse)
        upper, lower = a.sigmoid(), torch.sigmoid(a - inverse)
        p = (upper - lower).clamp_min_(_SMALLEST_PROBABILITY)
        if any(ctx.needs_input_grad):
            # The logistic's slopes, which differ by p (1 - upper - lower).
            slope = (1 - upper).sub_(lower)
            by_log_scale = (1 - lower).mul_(lower).mul_(inverse).div_(p).addcmul_(a, slope)
            by_residual = slope.mul_(inverse).copysign_(residual)
            is_inside = (log_scale > LOG_SCALE_MIN) & (log_scale < LOG_SCALE_MAX)
            ctx.save_for_backward(by_residual, by_log_scale.mul_(is_inside))
        return p.log_().mul_(-1 / math.log(2))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        by_residual, by_log_scale = ctx.saved_tensors
        nats = grad / math.log(2)
        return nats * by_residual, nats * by_log_scale
