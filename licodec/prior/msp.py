"""Wavelet coefficients in, estimated bits and the quantised picture out: the prior in training.

                 low-pass of level l (known)      details of level l + 1 (known, "parents")
                          |                                   |
              local high-pass, companded                 companded         trunk of level l + 1
                          |                                   |                    |
                          +--------------- trunk: 3x3 convolutions ----------------+
                                                |
     luma, first colour -> luma, second colour -> chroma, first colour -> chroma, second colour
       (each head sees the trunk and all symbols that this level has coded; gives mean and scale)

Float twin of `licodec.prior.integer`; every operation here has an integer form there.
Source of the idea: Zhang et al. 2022, arXiv:2210.04112 (multi-scale progressive model).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.prior.density import logistic_bits
from licodec.prior.fake_integers import RoundedConv, Rounding
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    VALUE_BITS,
    detail_steps,
    fold_of,
)
from licodec.prior.walk import Visit, walk
from licodec.quantize.dead_zone import decision_shifts
from licodec.transform.quality import interpolate
from licodec.transform.wavelet import synthesise_level

# Activations live in [0, 16) so that the integer twin holds them in 8 bits with 4 fractional bits.
ACTIVATION_LIMIT = 255 / 16

# Of the sigmoid that passes gradients across a decision, per step: they reach about 0.3 of one.
_DECISION_SLOPE = 8.0

# (values in steps, mean, log scale) -> (bits per sample (N,), quantised values)
Quantize = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def activate(x: Tensor) -> Tensor:
    """Rectifier with the ceiling of the 8-bit integer twin."""
    return F.hardtanh(x, 0.0, ACTIVATION_LIMIT)  # as clamp, with one kernel on the way back


def quantize_rounding(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding to the nearest; gradients as of soft decisions."""
    half = torch.full_like(log_scale, 0.5)
    return _decide(values - mean, mean, log_scale, half, half)


def quantize_dead_zone(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding with the encoder's dead zone; gradients as of soft decisions."""
    with torch.no_grad():
        zero, one, two = (
            logistic_bits(torch.full_like(log_scale, k), log_scale) for k in (0, 1, 2)
        )
        first, higher = decision_shifts(one - zero, two - one)
    return _decide(values - mean, mean, log_scale, 0.5 + first, 0.5 + higher)


def _decide(
    residual: Tensor, mean: Tensor, log_scale: Tensor, first: Tensor, higher: Tensor
) -> tuple[Tensor, Tensor]:
    """Symbols on their side of a decision; their gradients are those of a sigmoid across it.

    What the dead zone is sure to drop costs nothing and gets next to no gradient; near a decision
    gradients tell which side pays. With gradients as if nothing were rounded the analysis drifts.

    Args:
        residual: in steps, any shape, as all others.
        mean, log_scale: of the residual's density.
        first: where 0 turns into 1.
        higher: how far past a magnitude above 0 that turns into the next.

    Returns:
        bits per sample (N,) and quantised values.
    """
    size = residual.abs()
    below = size.detach().floor()
    place = size - below - torch.where(below == 0, first, higher)
    soft = torch.sigmoid(_DECISION_SLOPE * place)
    above = (place.detach() >= 0).to(soft) - soft.detach() + soft  # 0 or 1
    bits = torch.lerp(logistic_bits(below, log_scale), logistic_bits(below + 1, log_scale), above)
    return bits.flatten(1).sum(1), mean + residual.detach().sign() * (below + above)


class Head(nn.Module):
    """One step's network: trunk features and known symbols to mean and log-scale correction."""

    def __init__(self, num_trunk: int, num_known: int, num_hidden: int, num_out: int) -> None:
        super().__init__()
        self.trunk = RoundedConv(num_trunk, num_hidden, 1)
        self.known = (
            RoundedConv(num_known, num_hidden, 3, padding=1, bias=False) if num_known else None
        )
        self.mix = RoundedConv(num_hidden, num_hidden, 1)
        self.out = RoundedConv(num_hidden, 2 * num_out, 1)
        self.round = Rounding()
        for conv in (self.trunk, self.known, self.mix):
            if conv is not None:
                nn.init.kaiming_normal_(conv.weight)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.zero_()  # type: ignore[union-attr]

    def forward(self, trunk: Tensor, known: Tensor | None) -> Tensor:
        """(N, T, h, w) and (N, K, h, w) to (N, 2 * num_out, h, w): means, then log scales."""
        hidden = self.trunk(trunk)
        if self.known is not None:
            hidden = hidden + self.known(known)
        hidden = self.round(activate(self.mix(self.round(activate(hidden)))))
        out: Tensor = self.round(self.out(hidden).float())
        return out


class LevelNet(nn.Module):
    """Trunk and heads of one set of levels."""

    def __init__(
        self,
        level: int,
        num_levels: int,
        num_knots: int,
        width: int,
        depth: int,
        head_width: int,
        coarser_width: int,
    ) -> None:
        super().__init__()
        folded = fold_of(level) ** 2
        num_parents = 0 if level == NUM_LEVELS else NUM_DETAIL_CHANNELS
        self.first = RoundedConv(
            NUM_PLANES * (folded + 1) + num_parents, width, 3, padding=1, bias=False
        )
        self.coarser = (
            RoundedConv(coarser_width, width, 1, bias=False) if level < NUM_LEVELS else None
        )
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, num_levels, width))
        self.blocks = nn.ModuleList(
            RoundedConv(width, width, 3, padding=1) for _ in range(depth - 1)
        )
        self.heads = nn.ModuleList(
            Head(width, len(s.known), head_width, len(s.channels)) for s in detail_steps(level)
        )
        self.round, self.round_mean = Rounding(), Rounding(VALUE_BITS)
        nn.init.kaiming_normal_(self.first.weight)
        for block in self.blocks:  # small beside the identity
            nn.init.kaiming_normal_(block.weight, a=2.0)  # type: ignore[arg-type]

    def trunk(self, inputs: Tensor, coarser: Tensor | None, bias: Tensor) -> Tensor:
        """Features of one level.

        Args:
            inputs: (N, I, h, w) companded known values.
            coarser: (N, T, h or h/2, w or w/2) trunk of the next coarser level, None at the top.
            bias: (N, width) from the quality.
        """
        hidden = self.first(inputs) + bias[:, :, None, None].to(inputs.dtype)
        if self.coarser is not None and coarser is not None:
            up = self.coarser(coarser)
            if up.shape[2:] != hidden.shape[2:]:
                up = F.interpolate(up, scale_factor=2.0, mode="nearest")
            hidden = hidden + up
        hidden = self.round(activate(hidden))
        for block in self.blocks:
            hidden = self.round(activate(hidden + block(hidden)))
        return torch.as_tensor(hidden)


class Prior(nn.Module):
    """All levels; see the drawing above."""

    def __init__(
        self,
        *,
        num_knots: int,
        widths: dict[str, int],
        depths: dict[str, int],
        head_widths: dict[str, int],
    ) -> None:
        super().__init__()
        self.detail_log_scale = nn.Parameter(
            torch.zeros(num_knots, NUM_LEVELS, NUM_DETAIL_CHANNELS)
        )
        self.low_log_scale = nn.Parameter(torch.zeros(num_knots, NUM_LOW_PASS_STEPS, NUM_PLANES))
        self.nets = nn.ModuleDict()
        for name in dict.fromkeys(NET_OF_LEVEL.values()):
            levels = [lv for lv, net in NET_OF_LEVEL.items() if net == name]
            coarser = NET_OF_LEVEL.get(max(levels) + 1, name)
            self.nets[name] = LevelNet(
                max(levels),
                len(levels),
                num_knots,
                widths[name],
                depths[name],
                head_widths[name],
                widths[coarser],
            )

    def net(self, level: int) -> LevelNet:
        """The network that serves a level."""
        net = self.nets[NET_OF_LEVEL[level]]
        assert isinstance(net, LevelNet)
        return net

    def forward(
        self,
        low: Tensor,
        details: list[Tensor],
        weights: Tensor,
        detail_steps_px: Tensor,
        low_steps_px: Tensor,
        quantize: Quantize,
    ) -> tuple[Tensor, Tensor]:
        """Walk all steps, coarse to fine.

        Args:
            low: (N, 3, H/64, W/64) float low-pass in grey levels.
            details: per level 1..6, (N, 3, 3, h, w) float details, planes then bands.
            weights: (N, knots) interpolation weights of the quality.
            detail_steps_px: (N, 6, 9) quantization steps in grey levels of the coefficients.
            low_steps_px: (N, 3) the same for the low-pass.
            quantize: how symbols are chosen.

        Returns:
            bits (N,) of each sample, planes (N, 3, H, W) float of the linear synthesis.
        """
        batch = _Batch(self, low, details, weights, detail_steps_px, low_steps_px, quantize)
        walk(batch)
        return batch.bits, batch.low


class _Batch:
    """`Walker` of pictures in training; arguments as of `Prior.forward`.

    Attributes:
        bits: (N,) of the steps so far.
        low: (N, 3, h, w) float planes so far, in grey levels.
    """

    def __init__(
        self,
        prior: Prior,
        low: Tensor,
        details: list[Tensor],
        weights: Tensor,
        detail_steps_px: Tensor,
        low_steps_px: Tensor,
        quantize: Quantize,
    ) -> None:
        self.bits = low.new_zeros(low.shape[0])
        self.low = torch.zeros_like(low)  # in steps, until the low-pass is left
        self._prior, self._weights, self._quantize = prior, weights, quantize
        self._low_steps_px, self._steps_px = low_steps_px, detail_steps_px
        self._low_values = low / low_steps_px[:, :, None, None]
        self._mask = torch.zeros_like(low[:1, :1])
        self._details = details
        self._log_scales = interpolate(weights, prior.detail_log_scale)
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None
        self._values = low  # of the level, folded
        self._coded: list[Tensor] = []  # the same of its steps so far, quantised
        self._order: list[int] = []  # folded channels that they are of

    def visit_low_pass(self, step: int) -> None:
        """Nested lattices: every second element, then the diagonal ones, then the rest."""
        values = self._low_values
        mean = neighbour_mean(self.low, self._mask, diagonal=step == 1)
        chosen = low_pass_mask(step, *values.shape[2:]).to(values)
        log_scale = interpolate(self._weights, self._prior.low_log_scale[:, step])
        scale = log_scale[:, :, None, None].expand_as(values)
        _, quantised = self._quantize(values, mean, scale)
        bits, _ = self._quantize(*(low_pass_part(x, step) for x in (values, mean, scale)))
        self.bits = self.bits + bits
        self.low = self.low + quantised * chosen
        self._mask = self._mask + chosen

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        self.low = self.low * self._low_steps_px[:, :, None, None]

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        net, fold = self._prior.net(level), fold_of(level)
        steps_px = self._steps_px[:, level - 1]
        row = level - min(lv for lv, n in NET_OF_LEVEL.items() if n == NET_OF_LEVEL[level])
        inputs = net.round(trunk_inputs(self.low.detach(), self._parents, steps_px, fold))
        bias = interpolate(self._weights, net.quality_bias[:, row])
        self._trunk = net.trunk(inputs, self._trunk, bias)
        values = self._details[level - 1].flatten(1, 2) / steps_px[:, :, None, None]
        self._values = F.pixel_unshuffle(values, fold)
        self._coded, self._order = [], []

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        net, channels = self._prior.net(visit.level), list(visit.channels)
        log_scale = self._log_scales[:, visit.level - 1]
        folded = fold_of(visit.level) ** 2
        log_scale = log_scale.repeat_interleave(folded, 1)[:, channels, None, None]
        known = None
        if self._coded:
            known = net.round(torch.cat([torch.asinh(c.detach()) for c in self._coded], 1))
        mean, correction = net.heads[visit.head](self._trunk, known).float().chunk(2, 1)
        bits, quantised = self._quantize(
            self._values[:, channels],
            net.round_mean(mean * (0.5 + torch.exp(log_scale))),
            correction + log_scale,
        )
        self.bits = self.bits + bits
        self._coded.append(quantised)
        self._order += channels

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        inverse = sorted(range(len(self._order)), key=self._order.__getitem__)
        values = F.pixel_shuffle(torch.cat(self._coded, 1)[:, inverse], fold_of(level))
        self._parents = values.detach()
        dequantised = values * self._steps_px[:, level - 1, :, None, None]
        dequantised = dequantised.view(len(values), 3, 3, *values.shape[2:])
        self.low = synthesise_level(self.low, dequantised)


def trunk_inputs(low: Tensor, parents: Tensor | None, steps_px: Tensor, fold: int) -> Tensor:
    """What a level's trunk sees, companded.

    Args:
        low: (N, 3, h, w) low-pass of the level in grey levels.
        parents: (N, 9, h/fold, w/fold) details of the coarser level in its steps, None at the top.
        steps_px: (N, 9) steps of the level's details.
        fold: 1 or 2.

    Returns:
        (N, 3 fold^2 + 3 (+ 9), h/fold, w/fold).
    """
    high_pass = low - box_mean(low)
    reference = steps_px[:, ::3, None, None]  # each plane's horizontal band
    features = [
        F.pixel_unshuffle(torch.asinh(high_pass / reference), fold),
        F.avg_pool2d(low, fold) / 32,
    ]
    if parents is not None:
        features.append(torch.asinh(parents))
    return torch.cat(features, 1)


def box_mean(plane: Tensor) -> Tensor:
    """Mean over 3x3 neighbours, the border repeated."""
    return F.avg_pool2d(F.pad(plane, (1, 1, 1, 1), mode="replicate"), 3, 1)


def low_pass_part(x: Tensor, step: int) -> Tensor:
    """(N, C, h, w) to (N, C, n): the elements that a low-pass step codes.

    Slices rather than a mask, whose number of elements a GPU would have to report first.
    """
    first = ((0, 0), (1, 1), (0, 1))[step]
    part = x[:, :, first[0] :: 2, first[1] :: 2].flatten(2)
    return part if step < 2 else torch.cat([part, x[:, :, 1::2, ::2].flatten(2)], 2)


def low_pass_mask(step: int, height: int, width: int) -> Tensor:
    """(1, 1, height, width) float: 1 at the elements that a low-pass step codes."""
    y, x = torch.arange(height) % 2, torch.arange(width) % 2
    odd = y[:, None] + x[None]
    both = y[:, None] * x[None]
    chosen = (odd == 0, both == 1, odd == 1)[step]
    return chosen.float()[None, None]


def neighbour_mean(known: Tensor, mask: Tensor, diagonal: bool) -> Tensor:
    """Mean of the known among four neighbours, 0 where none is known.

    Args:
        known: (N, C, h, w) float, 0 where unknown.
        mask: (1, 1, h, w) float, 1 where known.
    """
    shifts = (
        ((-1, -1), (-1, 1), (1, -1), (1, 1)) if diagonal else ((-1, 0), (1, 0), (0, -1), (0, 1))
    )
    height, width = known.shape[2:]
    padded, padded_mask = F.pad(known, (1, 1, 1, 1)), F.pad(mask, (1, 1, 1, 1))

    def window(x: Tensor, dy: int, dx: int) -> Tensor:
        return x[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    total = sum((window(padded, *s) for s in shifts), torch.zeros_like(known))
    count = sum((window(padded_mask, *s) for s in shifts), torch.zeros_like(mask))
    return total / count.clamp_min(1)
