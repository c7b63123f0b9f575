"""The visual distance of two pictures, with gradients: what SSIMULACRA 2 makes its score of.

`licodec.metrics.ssimulacra2` measures whole pictures; this is for batches of crops. It differs in
five things: halving may begin at any pixel; the border of the blur is renormalised; halving leaves
out the last row and column of odd sides; crops with fewer than six scales keep the weights of those
that they have, where the score takes the first ones of the list; and gradients are kept finite.

On the CPU the native library makes the sums of norms and their gradients; torch has the same rules.

Source: Jon Sneyers, github.com/cloudinary/ssimulacra2, version 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from licodec import native
from licodec.metrics.blur import blur
from licodec.metrics.light import light_of_levels
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.phases import UNCUT, Phase, cut
from licodec.metrics.ssimulacra2_rules import (
    KERNEL,
    LEAST_NORM,
    MIDDLE_LIGHTNESS,
    NUM_SCALES,
    OPSIN,
    OPSIN_BIAS,
    STRUCTURE_FLOOR,
    distance_of_sum,
    native_rules,
    num_scales,
    scale_weights,
)
from licodec.native.binding import Library
from licodec.native.threads import over_items
from licodec.native.visual import weighted_norms

# The cube root has an endless slope at black; below this it is flat.
_LEAST_MIXED = 1e-6
_KERNEL = torch.from_numpy(KERNEL)
_OPSIN = torch.from_numpy(OPSIN)


def visual_distance(
    reference: Tensor, decoded: Tensor, phases: Sequence[Phase] = (UNCUT,)
) -> Tensor:
    """How far decoded pictures look from their originals, in the mean over some cuts.

    Only what is halved begins at a cut. The finest scale, which has three quarters of the pixels,
    is the same for all, so that four cuts take one and a half times as long as one.

    Args:
        reference: (N, 3, H, W) float grey levels of sRGB, 0..255; sides of MIN_SIDE_PX or more.
        decoded: same shape; has the gradient. Levels beyond 0..255 count as these.
        phases: the cuts.

    Returns:
        (N,) float32, 0 for equal pictures; 100 - 10 distance ** 0.63 is the score.
    """
    with torch.autocast(decoded.device.type, enabled=False):
        a, b = light_of_levels(reference.float()), light_of_levels(decoded.float())
        library = native.find() if b.device.type == "cpu" else None
        if library is not None:
            sums: Tensor = _NativeSums.apply(a, b, tuple(phases), library)  # type: ignore[no-untyped-call]
        else:
            finest = _scale_sum(a, b, 0)
            sums = torch.stack([finest + _halved_sum(cut(a, p), cut(b, p)) for p in phases])
        return distance_of_sum(sums).mean(0)


class _NativeSums(torch.autograd.Function):
    """Weighted sums of norms (phases, N) of linear light (N, 3, H, W)."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, b: Tensor, phases: tuple[Phase, ...], library: Library
    ) -> Tensor:
        has_slope = ctx.needs_input_grad[1]
        original, shown = a.detach().contiguous().numpy(), b.detach().contiguous().numpy()
        count = len(original)
        sums = np.zeros((1 + len(phases), count))
        slopes: list[list[Tensor | None]] = [[None] * count for _ in sums]

        def measure(item: int) -> None:
            n, place = divmod(item, len(sums))
            down, right = phases[place - 1] if place else UNCUT
            pair = original[n, :, down:, right:], shown[n, :, down:, right:]
            scales = range(1, num_scales(*pair[0].shape[1:])) if place else range(1)
            if scales:
                sums[place, n], slope = weighted_norms(
                    *pair, native_rules(), scales, library, has_slope=has_slope
                )
                slopes[place][n] = None if slope is None else torch.from_numpy(slope)

        over_items(measure, count * len(sums))
        ctx.slopes, ctx.phases, ctx.shape = slopes, phases, b.shape
        return torch.from_numpy(sums[:1] + sums[1:]).to(b.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: Tensor) -> tuple[None, Tensor, None, None]:
        slope = torch.empty(ctx.shape)
        for n, of_picture in enumerate(slope):
            torch.mul(ctx.slopes[0][n], pull[:, n].sum(), out=of_picture)
            for (down, right), halves, weight in zip(
                ctx.phases, ctx.slopes[1:], pull[:, n].tolist(), strict=True
            ):
                half = halves[n]
                if half is not None:
                    h, w = half.shape[1:]
                    part = of_picture[:, down : down + 2 * h, right : right + 2 * w]
                    squares = part.unflatten(2, (w, 2)).unflatten(1, (h, 2))
                    squares.add_(half[:, :, None, :, None], alpha=weight / 4)
        return None, slope, None, None


def _halved_sum(a: Tensor, b: Tensor) -> Tensor:
    """Weighted sum (N,) of the norms of all scales but the finest, of linear light (N, 3, H, W)."""
    total = a.new_zeros(len(a))
    for scale in range(1, NUM_SCALES):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        if min(a.shape[2:]) < MIN_SIDE_PX:
            break
        total = total + _scale_sum(a, b, scale)
    return total


def _scale_sum(a: Tensor, b: Tensor, scale: int) -> Tensor:
    """Weighted sum of one scale's norms (N,), of linear light (N, 3, h, w)."""
    with torch.no_grad():
        p = _centred_xyb(a)
        mean_p, square_p = _blur(p), _blur(p * p)
    q = _centred_xyb(b)
    mean_q, square_q, product = _blur(q), _blur(q * q), _blur(p * q)
    top = (1 - (mean_p - mean_q).square()) * (2 * (product - mean_p * mean_q) + STRUCTURE_FLOOR)
    bottom = (square_p - mean_p.square()) + (square_q - mean_q.square()) + STRUCTURE_FLOOR
    edges = (1 + (q - mean_q).abs()) / (1 + (p - mean_p).abs()) - 1
    errors = (1 - top / bottom).clamp_min(0), edges.clamp_min(0), (-edges).clamp_min(0)
    weights = torch.from_numpy(scale_weights(scale)).to(b)  # (channel, norm, map)
    parts = [
        error.mean((2, 3)) * weights[:, 0, kind] + _norm4(error) * weights[:, 1, kind]
        for kind, error in enumerate(errors)
    ]
    return torch.stack(parts).sum((0, 2))


def _norm4(error: Tensor) -> Tensor:
    return (error.square().square().mean((2, 3)) + LEAST_NORM).pow(0.25)


def _centred_xyb(linear: Tensor) -> Tensor:
    """XYB around zero: where the metric's offsets would cancel, float32 would lose small errors."""
    mixed = torch.einsum("dc,nchw->ndhw", _OPSIN.to(linear), linear) + OPSIN_BIAS
    long, middle, short = (mixed.clamp_min(_LEAST_MIXED).pow(1 / 3) - OPSIN_BIAS ** (1 / 3)).unbind(
        1
    )
    y = 0.5 * (long + middle)
    return torch.stack([7 * (long - middle), y - MIDDLE_LIGHTNESS, short - y], 1)


def _blur(x: Tensor) -> Tensor:
    """Gaussian along both sides of (N, C, H, W)."""
    return blur(x.flatten(0, 1), _KERNEL, rows="renormalise", columns="renormalise").view_as(x)
