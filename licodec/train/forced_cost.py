"""What a prior pays for cached crops, given at every step what was known there (teacher forcing).

The symbols before a step are those of the cache, whatever the prior would have done itself, so that
no analysis, wavelet or synthesis runs in a step of training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.decision import decision_terms
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.float_net import Prior
from licodec.prior.layout import fold_of
from licodec.prior.walk import Visit, walk
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.train.prior_crops import OFF_UNIT, CropBatch, coding_order
from licodec.transform.grid import NUM_LEVELS

_LN2 = math.log(2)
_NATS_PER_SQUARED_STEP = BITS_PER_SQUARED_STEP * _LN2
_VALUE_UNIT = 1 << VALUE_BITS
# Elements of a block: its some twenty temporaries stay in the cache of a core.
_BLOCK = 1 << 15


class LevelCost(NamedTuple):
    """Of the n crops that have a level.

    Attributes:
        cost: (n,) bits and what errors are worth in bits; the one to be differentiated.
        bits: (n,) without the errors.
        errors: (n, 9 fold^2) sums of squared errors in steps, channels in coding order.
    """

    cost: Tensor
    bits: Tensor
    errors: Tensor


def forced_costs(
    prior: Prior, crops: CropBatch, weights: Tensor, *, has_dead_zone: bool
) -> Mapping[int, LevelCost]:
    """Walk the levels.

    Args:
        prior: to be trained.
        crops: N of them, of some levels the first n.
        weights: (N, knots) of their qualities.
        has_dead_zone: how symbols are chosen.

    Returns:
        the cost of each level, coarse to fine.
    """
    walker = _ForcedWalk(prior, crops, weights, has_dead_zone)
    walk(walker)
    return walker.costs


class _ForcedWalk:
    """`Walker` that gets what the steps before each have coded; arguments as above."""

    def __init__(
        self, prior: Prior, crops: CropBatch, weights: Tensor, has_dead_zone: bool
    ) -> None:
        self.costs: dict[int, LevelCost] = {}
        self._prior, self._crops, self._weights = prior, crops, weights
        self._has_dead_zone = has_dead_zone
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None
        self._starts: tuple[Tensor, ...] = ()  # what the trunk gives to each head
        self._hidden: Tensor | None = None  # of the last head
        self._base = weights  # (n, 9 fold^2) log scales of the level, channels in coding order
        self._parts: list[LevelCost] = []  # of the level's steps so far
        self._num_coded = 0  # channels of them

    def visit_low_pass(self, step: int) -> None:
        """Its bits are in the cache."""

    def leave_low_pass(self) -> None:
        """The inputs of the levels are in the cache."""

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        net, inputs = self._prior.net(level), self._crops.features[level]
        weights, trunk = self._weights[: len(inputs)], self._trunk
        if level < NUM_LEVELS:
            assert trunk is not None
            assert self._parents is not None
            inputs = torch.cat([inputs, self._parents[: len(inputs)]], 1)
            trunk = trunk[: len(inputs)]
        self._trunk = net.trunk(inputs, trunk, self._prior.bias(level, weights))
        self._starts, self._hidden = net.starts(self._trunk), None
        self._base = self._prior.log_scales(level, weights)[:, coding_order(level)]
        self._parts, self._num_coded = [], 0

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        level, first = visit.level, self._num_coded
        known = self._crops.known[level][:, :first] if first else None
        net, start = self._prior.net(level), self._starts[visit.head]
        out, self._hidden = net.head(visit.head, start, known, self._hidden)
        self._num_coded += len(visit.channels)
        part = slice(first, self._num_coded)
        given = (x[level][:, part] for x in (self._crops.values, self._crops.off))
        cost = _Cost.apply(out, *given, self._base[:, part], self._has_dead_zone)  # type: ignore[no-untyped-call]
        self._parts.append(LevelCost(*cost))

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        costs, bits, errors = zip(*self._parts, strict=True)
        self.costs[level] = LevelCost(sum(costs), sum(bits), torch.cat(errors, 1))
        order = coding_order(level)
        inverse = sorted(range(len(order)), key=order.__getitem__)
        self._parents = F.pixel_shuffle(self._crops.known[level][:, inverse], fold_of(level))


class _Cost(torch.autograd.Function):
    """Cost of a step's values and its gradients, in one pass over blocks.

    A symbol that is not 0 leaves the error of quantisation. One that is 0 decodes to the mean
    itself; the gradient holds that mean to the one in the cache, which the synthesis, kept as it
    is, was trained with.
    """

    @staticmethod
    def forward(
        ctx: Any, out: Tensor, values: Tensor, off: Tensor, base: Tensor, has_dead_zone: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        count, channels = base.shape
        rows = out.permute(0, 2, 3, 1).reshape(count, -1, 2 * channels)
        value_rows = values.permute(0, 2, 3, 1).reshape(count, -1, channels)
        off_rows = off.permute(0, 2, 3, 1).reshape(count, -1, channels)
        grad = torch.empty_like(rows)
        nats, errors, to_base = (base.new_zeros(count, channels) for _ in range(3))
        unit = 0.5 + torch.exp(base)
        for crop, part in _blocks(count, rows.shape[1], channels):
            raw, correction = rows[crop, part].float().chunk(2, 2)
            scale, log_scale = unit[crop, None], base[crop, None]
            value = value_rows[crop, part].float()
            mean = (raw * scale).mul_(_VALUE_UNIT).round_().div_(_VALUE_UNIT)
            terms = decision_terms(
                value - mean, correction + log_scale, has_dead_zone=has_dead_zone
            )
            error = terms.size - terms.magnitude
            is_coded = terms.magnitude.clamp(max=1.0)
            by_size = terms.by_size.addcmul_(
                error, is_coded - terms.pull, value=2 * _NATS_PER_SQUARED_STEP
            )
            # The mean less what the cache has there.
            held = mean.sub_(value).add_(off_rows[crop, part], alpha=1 / OFF_UNIT)
            held.mul_(1 - is_coded).mul_(2 * _NATS_PER_SQUARED_STEP)
            by_raw = held.addcmul_(by_size, terms.sign, value=-1).mul_(scale)
            grad[crop, part, :channels] = by_raw
            grad[crop, part, channels:] = terms.by_log_scale
            nats[crop] += terms.nats.sum(1)
            errors[crop] += (error * error).sum(1)
            # The base is the log scale's and, as part of its unit, the mean's.
            through_mean = by_raw * raw * (1 - 0.5 / scale)
            to_base[crop] += (terms.by_log_scale + through_mean).sum(1)
        ctx.save_for_backward(grad, to_base)
        ctx.map_shape = out.shape
        bits = nats.sum(1) / _LN2
        ctx.mark_non_differentiable(bits, errors)
        return bits + BITS_PER_SQUARED_STEP * errors.sum(1), bits.clone(), errors

    @staticmethod
    def backward(ctx: Any, to_cost: Tensor, *_others: Tensor) -> tuple[Tensor | None, ...]:
        grad, to_base = ctx.saved_tensors
        weight = to_cost / _LN2
        count, channels, height, width = ctx.map_shape
        to_out = (grad * weight[:, None, None]).view(count, height, width, channels)
        return to_out.permute(0, 3, 1, 2), None, None, to_base * weight[:, None], None


def _blocks(count: int, places: int, channels: int) -> Iterator[tuple[slice, slice]]:
    """Crops and places of blocks: some whole crops, or some places of one."""
    whole = _BLOCK // (places * channels)
    if whole:
        for first in range(0, count, whole):
            yield slice(first, first + whole), slice(None)
        return
    some = max(1, _BLOCK // channels)
    for crop in range(count):
        for first in range(0, places, some):
            yield slice(crop, crop + 1), slice(first, first + some)
