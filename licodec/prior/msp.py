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

from licodec.prior.decision import decide
from licodec.prior.fake_integers import MAX_WEIGHT, RoundedConv
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    fold_of,
)
from licodec.prior.level_net import LevelNet
from licodec.prior.walk import Visit, walk
from licodec.transform.quality import interpolate
from licodec.transform.wavelet import synthesise_level

# (values in steps, mean, log scale) -> (bits per sample (N,), quantised values)
Quantize = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def quantize_rounding(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding to the nearest; gradients as of soft decisions, see `licodec.prior.decision`."""
    return decide(values, mean, log_scale, has_dead_zone=False)


def quantize_dead_zone(values: Tensor, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Rounding with the encoder's dead zone; gradients as of soft decisions."""
    return decide(values, mean, log_scale, has_dead_zone=True)


class Prior(nn.Module):
    """All levels; see the drawing above. Shapes as of `FamilyConfig`."""

    def __init__(
        self,
        *,
        num_knots: int,
        widths: dict[str, int],
        depths: dict[str, int],
        head_widths: dict[str, int],
        has_magnitudes: bool = False,
        carries_hidden: bool = False,
        max_weight: int = MAX_WEIGHT,
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
                has_magnitudes=has_magnitudes,
                carries_hidden=carries_hidden,
            )
        self.max_weight = max_weight
        for module in self.modules():
            if isinstance(module, RoundedConv):
                module.max_weight = max_weight

    def net(self, level: int) -> LevelNet:
        """The network that serves a level."""
        net = self.nets[NET_OF_LEVEL[level]]
        assert isinstance(net, LevelNet)
        return net

    def bias(self, level: int, weights: Tensor) -> Tensor:
        """(N, width) bias of a level's trunk at qualities with these weights (N, knots)."""
        row = level - min(lv for lv, n in NET_OF_LEVEL.items() if n == NET_OF_LEVEL[level])
        return interpolate(weights, self.net(level).quality_bias[:, row])

    def log_scales(self, level: int, weights: Tensor) -> Tensor:
        """(N, 9 fold^2) log scales of a level's folded channels, before its heads correct them."""
        each = interpolate(weights, self.detail_log_scale[:, level - 1])
        return each.repeat_interleave(fold_of(level) ** 2, 1)

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
        batch = BatchWalker(self, low, details, weights, detail_steps_px, low_steps_px, quantize)
        walk(batch)
        return batch.bits, batch.low


class BatchWalker:
    """`Walker` of pictures in training; arguments as of `Prior.forward`.

    Attributes:
        bits: (N,) of the steps so far.
        low: (N, 3, h, w) float planes so far, in grey levels.
        inputs: of the level's trunk, without magnitudes.
        values: (N, 9 fold^2, h, w) of the level, folded, in steps.
        coded: the same of its steps so far, quantised.
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
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None
        self.inputs = self.values = low
        self.coded: list[Tensor] = []
        self._starts: tuple[Tensor, ...] = ()  # what the trunk gives to each head
        self._hidden: Tensor | None = None  # of the last head
        self._log_scales = low  # (N, 9 fold^2) of the level
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
        self.inputs = net.round(trunk_inputs(self.low.detach(), self._parents, steps_px, fold))
        bias = self._prior.bias(level, self._weights)
        self._trunk = net.trunk(self.inputs, self._trunk, bias)
        self._starts = net.starts(self._trunk)
        values = self._details[level - 1].flatten(1, 2) / steps_px[:, :, None, None]
        self.values = F.pixel_unshuffle(values, fold)
        self.coded, self._order, self._hidden = [], [], None
        self._log_scales = self._prior.log_scales(level, self._weights)

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        net, channels = self._prior.net(visit.level), list(visit.channels)
        log_scale = self._log_scales[:, channels, None, None]
        known = None
        if self.coded:
            known = net.round(torch.cat([torch.asinh(c.detach()) for c in self.coded], 1))
        out, self._hidden = net.head(visit.head, self._starts[visit.head], known, self._hidden)
        mean, correction = out.float().chunk(2, 1)
        bits, quantised = self._quantize(
            self.values[:, channels],
            net.round_mean(mean * (0.5 + torch.exp(log_scale))),
            correction + log_scale,
        )
        self.bits = self.bits + bits
        self.coded.append(quantised)
        self._order += channels

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        inverse = sorted(range(len(self._order)), key=self._order.__getitem__)
        values = F.pixel_shuffle(torch.cat(self.coded, 1)[:, inverse], fold_of(level))
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
