"""The visual distance of two pictures, with gradients: what SSIMULACRA 2 makes its score of.

`licodec.metrics.ssimulacra2` measures whole pictures; this is for batches of crops. It differs in
five things: halving may begin at any pixel; the border of the blur is renormalised; halving leaves
out the last row and column of odd sides; crops with fewer than six scales keep the weights of those
that they have, where the score takes the first ones of the list; and gradients are kept finite.

Source: Jon Sneyers, github.com/cloudinary/ssimulacra2, version 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.metrics.blur import blur, gaussian
from licodec.metrics.light import light_of_levels
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.phases import UNCUT, Phase, cut
from licodec.metrics.ssimulacra2 import (
    NUM_SCALES,
    OPSIN,
    OPSIN_BIAS,
    RADIUS,
    SIGMA,
    STRUCTURE_FLOOR,
    distance_of_sum,
    scale_weights,
)

# The cube root has an endless slope at black; below this it is flat.
_LEAST_MIXED = 1e-6
_LEAST_NORM = 1e-20
_MIDDLE_LIGHTNESS = 0.4
_KERNEL = gaussian(SIGMA, RADIUS)


def visual_distance(
    reference: Tensor, decoded: Tensor, phases: Sequence[Phase] = (UNCUT,)
) -> Tensor:
    """How far decoded pictures look from their originals, in the mean over some cuts.

    Only what is halved begins at a cut. The finest scale, which has three quarters of the pixels,
    is the same for all, so that four cuts take twice as long as one.

    Args:
        reference: (N, 3, H, W) float grey levels of sRGB, 0..255; sides of MIN_SIDE_PX or more.
        decoded: same shape; has the gradient. Levels beyond 0..255 count as these.
        phases: the cuts.

    Returns:
        (N,) float32, 0 for equal pictures; 100 - 10 distance ** 0.63 is the score.
    """
    with torch.autocast(decoded.device.type, enabled=False):
        a, b = light_of_levels(reference.float()), light_of_levels(decoded.float())
        finest = _scale_sum(a, b, 0)
        each = [distance_of_sum(finest + _halved_sum(cut(a, p), cut(b, p))) for p in phases]
        return torch.stack(each).mean(0)


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
    weights = scale_weights(scale).to(b)  # (channel, norm, map)
    parts = [
        error.mean((2, 3)) * weights[:, 0, kind] + _norm4(error) * weights[:, 1, kind]
        for kind, error in enumerate(errors)
    ]
    return torch.stack(parts).sum((0, 2))


def _norm4(error: Tensor) -> Tensor:
    return (error.square().square().mean((2, 3)) + _LEAST_NORM).pow(0.25)


def _centred_xyb(linear: Tensor) -> Tensor:
    """XYB around zero: where the metric's offsets would cancel, float32 would lose small errors."""
    mixed = torch.einsum("dc,nchw->ndhw", OPSIN.to(linear), linear) + OPSIN_BIAS
    long, middle, short = (mixed.clamp_min(_LEAST_MIXED).pow(1 / 3) - OPSIN_BIAS ** (1 / 3)).unbind(
        1
    )
    y = 0.5 * (long + middle)
    return torch.stack([7 * (long - middle), y - _MIDDLE_LIGHTNESS, short - y], 1)


def _blur(x: Tensor) -> Tensor:
    """Gaussian along both sides of (N, C, H, W)."""
    return blur(x.flatten(0, 1), _KERNEL, rows="renormalise", columns="renormalise").view_as(x)
