"""The choice of symbols in training, with gradients in closed form: bits and quantised values.

Symbols are chosen as an encoder does, but gradients are those of a sigmoid across each decision:
they are close to 0 for what the dead zone drops anyway, and near a decision they point to the
cheaper side. With gradients as if nothing were rounded the analysis drifts. One pass over blocks
that fit the cache gives values and derivatives; automatic differentiation of the same formulas
takes several times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from licodec.prior.fixed_point import LOG_SCALE_MIN
from licodec.prior.logistic import LOG_SCALE_MAX, MAX_BITS
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP, DEAD_ZONE_STRENGTH

# Of the sigmoid that passes gradients across a decision, per step: they reach about 0.3 of one.
_DECISION_SLOPE = 8.0
_HUGE = 1e30
_LN2 = math.log(2)
_MOST_NATS = MAX_BITS * _LN2
_SHIFT_PER_NAT = DEAD_ZONE_STRENGTH / (2 * BITS_PER_SQUARED_STEP) / _LN2
# Elements of a block: its some twenty temporaries stay in the cache of a core.
_BLOCK = 1 << 15


# (values in steps, mean, log scale) -> (bits per sample (N,), quantised values)
Quantize = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def quantize_rounding(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding to the nearest; gradients as of soft decisions."""
    return decide(values, mean, log_scale, has_dead_zone=False)


def quantize_dead_zone(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding with the encoder's dead zone; gradients as of soft decisions."""
    return decide(values, mean, log_scale, has_dead_zone=True)


class Terms(NamedTuple):
    """Of each element, float32, all of one shape.

    Attributes:
        nats: of the symbol, at most 24 bits.
        magnitude: of the symbol.
        size: of the residual, in steps.
        sign: of the residual; -1, 0 or 1.
        pull: derivative of the soft magnitude by the size of the residual.
        by_size: derivative of the nats by the size of the residual.
        by_log_scale: derivative of the nats by the log scale.
    """

    nats: Tensor
    magnitude: Tensor
    size: Tensor
    sign: Tensor
    pull: Tensor
    by_size: Tensor
    by_log_scale: Tensor


def decision_terms(residual: Tensor, log_scale: Tensor, *, has_dead_zone: bool) -> Terms:
    """Symbols on their side of each decision, and what training needs to know of them.

    With v = exp((1/2 - k) / s) and t = exp(-1 / (2 s)) the unit cell around k has a chance of
    v (1 - t^2) / ((1 + v) (1 + v t^2)) under a logistic density of scale s.

    Args:
        residual: values less means, in steps.
        log_scale: natural logarithm of the logistic scale in steps, same shape.
        has_dead_zone: decide as `decision_shifts` says, else by rounding.
    """
    size = residual.abs()
    below = size.floor()
    within = log_scale.clamp(LOG_SCALE_MIN, LOG_SCALE_MAX)
    is_free = _is_zero(within - log_scale)
    inverse = within.neg_().exp_()
    t = (inverse * -0.5).exp_()
    t2 = t * t
    gap = 1 - t2
    place = size - below
    if has_dead_zone:
        first, higher = _shifts(inverse, t, t2)
        place.sub_(torch.lerp(first, higher, below.clamp(max=1.0)))
    place.sub_(0.5)
    soft = torch.sigmoid(place * _DECISION_SLOPE)
    pull = (soft - soft * soft).mul_(_DECISION_SLOPE)
    is_above = place.floor_().add_(1.0)  # a place is -1 to 1/2
    # Edges of the cells of `below` and of the magnitude above it.
    before_share = ((0.5 - below) * inverse).exp_()
    after_share = before_share * t2
    beyond_share = after_share * t2
    before, after, beyond = 1 + before_share, 1 + after_share, 1 + beyond_share
    inner, outer = below - 0.5, below + 0.5
    middle = after / gap
    lower = (before * middle).log_().addcmul_(inner, inverse).clamp_max_(_MOST_NATS)
    upper = (beyond * middle).log_().addcmul_(outer, inverse).clamp_max_(_MOST_NATS)
    after_share.div_(after)
    by_lower = (inner / before).addcmul_(outer, after_share, value=-1)
    by_upper = (outer / after).addcmul_(below + 1.5, beyond_share.div_(beyond), value=-1)
    nats = torch.lerp(lower, upper, is_above)
    is_free.mul_(1 - _is_zero(_MOST_NATS - nats))
    by_inverse = torch.lerp(by_lower, by_upper, is_above).sub_(t2 / gap)
    return Terms(
        nats,
        below.add_(is_above),
        size,
        residual.sign(),
        pull,
        upper.sub_(lower).mul_(pull),
        by_inverse.mul_(inverse).neg_().mul_(is_free),
    )


def _is_zero(x: Tensor) -> Tensor:
    """1.0 or 0.0; without the masks of comparisons, which are slow to compute with. Uses x up."""
    return x.abs_().mul_(_HUGE).clamp_(max=1.0).neg_().add_(1.0)


def _shifts(inverse: Tensor, t: Tensor, t2: Tensor) -> tuple[Tensor, Tensor]:
    """`decision_shifts` of logistic densities, from powers of t = exp(-inverse / 2).

    Magnitude 1 costs inverse / 2 + ln((1 + t^3) / (1 + t)) more than 0, which is a polynomial's
    logarithm; 2 costs inverse + ln((1 + t^5) / (1 + t)) more than 1, unless 24 bits are the most
    that it may cost. Only where t is small they are, and there 1 costs inverse / 2 + t + t^2 / 2.
    """
    falling = 1 - t + t2
    first = falling.log().add_(inverse, alpha=0.5)
    higher = (t2 - t).mul_(t2).add_(falling).log_().add_(inverse)
    most = (inverse * -0.5).sub_(t).sub_(t2, alpha=0.5).add_(_MOST_NATS)
    higher = torch.minimum(higher, most)
    return first.mul_(_SHIFT_PER_NAT).clamp_(0, 0.5), higher.mul_(_SHIFT_PER_NAT).clamp_(0, 0.5)


def decide(
    values: Tensor, mean: Tensor, log_scale: Tensor, *, has_dead_zone: bool
) -> tuple[Tensor, Tensor]:
    """Bits per sample and quantised values, differentiable in all three.

    Args:
        values: (N, ..) in steps, float32.
        mean: same shape, of the density.
        log_scale: same shape.
        has_dead_zone: see `decision_terms`.

    Returns:
        (N,) and (N, ..).
    """
    bits, quantised = _Decision.apply(values, mean, log_scale, has_dead_zone)  # type: ignore[no-untyped-call]
    return bits, quantised


class _Decision(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, mean: Tensor, log_scale: Tensor, has_dead_zone: bool
    ) -> tuple[Tensor, Tensor]:
        like = [_innermost_channels(x) for x in (values, mean, log_scale)]
        flat = [x.reshape(-1) for x in like]
        nats, quantised, pull, by_size, by_log = (torch.empty_like(flat[0]) for _ in range(5))
        for part in _blocks(len(nats)):
            centre = flat[1][part]
            terms = decision_terms(
                flat[0][part] - centre, flat[2][part], has_dead_zone=has_dead_zone
            )
            nats[part] = terms.nats
            quantised[part] = torch.addcmul(centre, terms.sign, terms.magnitude)
            pull[part] = terms.pull
            by_size[part] = terms.by_size * terms.sign
            by_log[part] = terms.by_log_scale
        shape = like[0].shape
        ctx.save_for_backward(*(x.view(shape) for x in (pull, by_size, by_log)))
        bits = nats.view(len(values), -1).sum(1) / _LN2
        return bits, _channels_back(quantised.view(shape))

    @staticmethod
    def backward(ctx: Any, to_bits: Tensor, to_quantised: Tensor) -> tuple[Tensor | None, ...]:
        pull, by_size, by_log = ctx.saved_tensors
        weight = (to_bits / _LN2).view(-1, *[1] * (pull.ndim - 1))
        through = _innermost_channels(to_quantised)
        to_residual = torch.addcmul(by_size * weight, through, pull)
        to_values, to_mean = to_residual, through - to_residual
        back = [_channels_back(x) for x in (to_values, to_mean, by_log * weight)]
        return *back, None


def _innermost_channels(x: Tensor) -> Tensor:
    """(N, C, h, w) as (N, h, w, C), which is how convolutions leave it; contiguous."""
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).contiguous()


def _channels_back(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


def _blocks(size: int) -> Iterator[slice]:
    for first in range(0, size, _BLOCK):
        yield slice(first, first + _BLOCK)
