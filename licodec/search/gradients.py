"""Tensors in, what the twin needs of them out: functions whose gradients are written down.

Autograd would keep every step of a lifting or of a density in memory and walk all of them back;
these do in few passes what it does in many, which is most of a search round's time.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from licodec.prior.density import LOG_SCALE_MAX, LOG_SCALE_MIN, SCALES_PER_NAT
from licodec.prior.layers import MAX_INPUT
from licodec.transform.grid import LOW_GAIN
from licodec.transform.wavelet import LIFT

_SMALLEST_PROBABILITY = 2.0**-24
_SMALLEST_LOG_SCALE = LOG_SCALE_MIN + 1 / SCALES_PER_NAT  # of what is coded


def floor(x: Tensor) -> Tensor:
    """Floor with the gradient of the identity."""
    fixed = x.detach()
    return x + fixed.floor().sub_(fixed)


class _Compand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, eighths: Tensor) -> Tensor:
        size = eighths.abs().div_(8)
        root = size.square().add_(1).sqrt_()
        companded = size.add_(root).log_().mul_(16).round_()
        ctx.save_for_backward((companded <= MAX_INPUT) * 2 / root)
        return companded.clamp_(max=MAX_INPUT).copysign_(eighths)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        slope: Tensor = ctx.saved_tensors[0]
        return grads[0] * slope


def compand(eighths: Tensor) -> Tensor:
    """Values in 1/8 step to 1/16 of asinh, rounded, at most 127; any shape."""
    out: Tensor = _Compand.apply(eighths)  # type: ignore[no-untyped-call]
    return out


def _lift(
    target: Tensor, source: Tensor, factor: float, dim: int, *, is_next: bool, is_adjoint: bool
) -> None:
    """target += factor (source + its neighbour), or the transpose of that, in place."""
    last = target.shape[dim] - 1
    inner, moved, edge = (0, 1, last) if is_next else (1, 0, 0)
    for t, s in (
        (target, source),
        (target.narrow(dim, inner, last), source.narrow(dim, moved, last)),
        (target.narrow(dim, edge, 1), source.narrow(dim, edge, 1)),
    ):
        if is_adjoint:
            s.add_(t, alpha=factor)
        else:
            t.add_(s, alpha=factor)


def _merge(low: Tensor, high: Tensor, dim: int, *, is_adjoint: bool) -> None:
    """One direction of the synthesis in place: low and high become even and odd samples."""
    alpha, beta, gamma, delta = LIFT
    steps = [
        (low, high, delta, False),
        (high, low, gamma, True),
        (low, high, beta, False),
        (high, low, alpha, True),
    ]
    for target, source, factor, is_next in reversed(steps) if is_adjoint else steps:
        _lift(target, source, -factor, dim, is_next=is_next, is_adjoint=is_adjoint)


class _SynthesiseLevel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, low: Tensor, details: Tensor) -> Tensor:
        channels, height, width = low.shape
        # (even or odd column, C, row, even or odd row, column)
        parts = low.new_empty(2, channels, height, 2, width)
        torch.mul(low, LOW_GAIN, out=parts[0, :, :, 0])
        for column, row, band in ((0, 1, 1), (1, 0, 0), (1, 1, 2)):
            parts[column, :, :, row] = details[:, band]
        _merge(parts[:, :, :, 0], parts[:, :, :, 1], 2, is_adjoint=False)
        rows = parts.view(2, channels, 2 * height, width)
        _merge(rows[0], rows[1], 2, is_adjoint=False)
        return torch.stack((rows[0], rows[1]), 3).view(channels, 2 * height, 2 * width)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        channels, height, width = (n // m for n, m in zip(grads[0].shape, (1, 2, 2), strict=True))
        columns = grads[0].view(channels, 2 * height, width, 2)
        rows = torch.stack((columns[..., 0], columns[..., 1]))
        _merge(rows[0], rows[1], 2, is_adjoint=True)
        parts = rows.view(2, channels, height, 2, width)
        _merge(parts[:, :, :, 0], parts[:, :, :, 1], 2, is_adjoint=True)
        details = torch.stack((parts[1, :, :, 0], parts[0, :, :, 1], parts[1, :, :, 1]), 1)
        return parts[0, :, :, 0] * LOW_GAIN, details


def synthesise_level(low: Tensor, details: Tensor) -> Tensor:
    """`transform.wavelet.synthesise_level` of one picture.

    Args:
        low: (C, h, w) float.
        details: (C, 3, h, w) float.

    Returns:
        (C, 2h, 2w) float.
    """
    out: Tensor = _SynthesiseLevel.apply(low, details)  # type: ignore[no-untyped-call]
    return out


class _Bits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, log_scale: Tensor, is_coded: Tensor) -> Tensor:
        inverse = log_scale.clamp(_SMALLEST_LOG_SCALE, LOG_SCALE_MAX).neg_().exp_()
        a = residual.abs().neg_().add_(0.5).mul_(inverse)
        upper, lower = a.sigmoid(), torch.sigmoid(a - inverse)
        p = (upper - lower).clamp_min_(_SMALLEST_PROBABILITY)
        # The logistic's slopes, which differ by p (1 - upper - lower).
        slope = (1 - upper).sub_(lower)
        weight = is_coded / math.log(2)
        d_log_scale = (1 - lower).mul_(lower).mul_(inverse).div_(p).addcmul_(a, slope).mul_(weight)
        d_residual = slope.mul_(inverse).mul_(weight).copysign_(residual)
        is_inside = (log_scale > _SMALLEST_LOG_SCALE) & (log_scale < LOG_SCALE_MAX)
        ctx.save_for_backward(d_residual, d_log_scale.mul_(is_inside))
        return -p.log_().mul_(weight).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        d_residual, d_log_scale = ctx.saved_tensors
        return grads[0] * d_residual, grads[0] * d_log_scale, None


def coded_bits(residual: Tensor, log_scale: Tensor, is_coded: Tensor) -> Tensor:
    """Sum of `prior.density.logistic_bits` over the coded elements.

    Args:
        residual: value minus mean in steps, float, any shape.
        log_scale: same shape; at least that of the first coded table is assumed.
        is_coded: same shape, bool.

    Returns:
        Bits, a number.
    """
    out: Tensor = _Bits.apply(residual, log_scale, is_coded)  # type: ignore[no-untyped-call]
    return out
