"""The networks of one set of levels in floating point: a trunk, and a head for each step.

Every operation here has an integer form in `licodec.prior.reference_network`; with their rounding
switched on (`licodec.prior.qat`) the networks give what it gives.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.prior.fixed_point import MAX_INPUT, MAX_OUTPUT, SIXTEENTHS, VALUE_BITS
from licodec.prior.inputs import box_mean
from licodec.prior.layout import NUM_DETAIL_CHANNELS, detail_steps, fold_of
from licodec.prior.qat import Activation, Companding, RoundedConv, Rounding, convolved, share_scales
from licodec.transform.grid import NUM_LEVELS, NUM_PLANES

_BRIGHTNESS_PX = 32.0  # grey levels of one unit


def with_magnitudes(inputs: Tensor, num_high_pass: int) -> Tensor:
    """A trunk's inputs, then the sizes of those that have a sign.

    Args:
        inputs: (N, I, h, w) high-pass, brightness of each plane, parents if there are any.
        num_high_pass: channels of the high-pass.

    Returns:
        (N, 2 I - 3, h, w).
    """
    parents = inputs[:, num_high_pass + NUM_PLANES :]
    return torch.cat([inputs, inputs[:, :num_high_pass].abs(), parents.abs()], 1)


class Head(nn.Module):
    """One step's network: trunk features and known symbols to mean and log-scale correction.

    Args:
        num_trunk: channels of the trunk.
        num_known: channels of what is known, 0 for a level's first step.
        num_hidden: channels between.
        num_out: elements that are coded at each place.
        carries_hidden: whether the last head's hidden state joins, where there is a last one.
    """

    def __init__(
        self,
        num_trunk: int,
        num_known: int,
        num_hidden: int,
        num_out: int,
        *,
        carries_hidden: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = RoundedConv(num_trunk, num_hidden, 1)
        self.known = (
            RoundedConv(num_known, num_hidden, 3, padding=1, bias=False) if num_known else None
        )
        self.mix = RoundedConv(num_hidden, num_hidden, 1)
        self.out = RoundedConv(num_hidden, 2 * num_out, 1)
        self.carry = (
            RoundedConv(num_hidden, num_hidden, 1, bias=False)
            if carries_hidden and num_known
            else None
        )
        self.activate, self.round = Activation(), Rounding(limit=MAX_OUTPUT / SIXTEENTHS)
        share_scales(*self.summed)
        for conv in (self.trunk, self.known, self.mix):
            if conv is not None:
                nn.init.kaiming_normal_(conv.weight)
        if self.carry is not None:  # small beside what the trunk says
            nn.init.kaiming_normal_(self.carry.weight, a=2.0)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.zero_()  # type: ignore[union-attr]

    @property
    def summed(self) -> tuple[RoundedConv, ...]:
        """Convolutions of the first layer, which add up."""
        return tuple(c for c in (self.trunk, self.known, self.carry) if c is not None)

    def forward(
        self, start: Tensor, known: Tensor | None, carried: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Outputs and hidden state of a step.

        Args:
            start: (N, H, h, w) what `self.trunk` makes of the trunk.
            known: (N, K, h, w) companded, None at a level's first step.
            carried: (N, H, h, w) hidden state of the last step; ignored unless it is carried.

        Returns:
            (N, 2 * num_out, h, w) means, then log scales; (N, H, h, w).
        """
        hidden = start
        if self.known is not None:
            hidden = hidden + self.known(known)
        if self.carry is not None:
            hidden = hidden + self.carry(carried)
        hidden = self.activate(self.mix(self.activate(hidden)))
        return self.round(self.out(hidden).float()), hidden


class LevelNet(nn.Module):
    """Trunk and heads of one set of levels.

    Args:
        level: the highest of the levels.
        num_levels: that it serves.
        num_knots: qualities with biases of their own.
        width: channels of the trunk.
        depth: layers of the trunk.
        head_width: channels of a head.
        coarser_width: channels of the next coarser level's trunk.
        has_magnitudes, carries_hidden: see `FamilyConfig`.
    """

    def __init__(
        self,
        level: int,
        num_levels: int,
        num_knots: int,
        width: int,
        depth: int,
        head_width: int,
        coarser_width: int,
        *,
        has_magnitudes: bool = False,
        carries_hidden: bool = False,
    ) -> None:
        super().__init__()
        self.has_magnitudes = has_magnitudes
        self._fold = fold_of(level)
        self._num_high_pass = NUM_PLANES * self._fold**2
        num_signed = self._num_high_pass + (0 if level == NUM_LEVELS else NUM_DETAIL_CHANNELS)
        times = 2 if has_magnitudes else 1
        self.first = RoundedConv(times * num_signed + NUM_PLANES, width, 3, padding=1, bias=False)
        self.coarser = (
            RoundedConv(coarser_width, width, 1, bias=False) if level < NUM_LEVELS else None
        )
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, num_levels, width))
        self.blocks = nn.ModuleList(
            RoundedConv(width, width, 3, padding=1) for _ in range(depth - 1)
        )
        self.heads = nn.ModuleList(
            Head(
                width,
                times * len(s.known),
                head_width,
                len(s.channels),
                carries_hidden=carries_hidden,
            )
            for s in detail_steps(level)
        )
        self.activate, self.compand = Activation(), Companding()
        self.round_brightness = Rounding(limit=MAX_INPUT / SIXTEENTHS, is_down=True)
        self.round_mean = Rounding(VALUE_BITS)
        share_scales(*self.layers()["first"])
        nn.init.kaiming_normal_(self.first.weight)
        for block in self.blocks:  # small beside the identity
            nn.init.kaiming_normal_(block.weight, a=2.0)  # type: ignore[arg-type]

    def layers(self) -> dict[str, tuple[RoundedConv, ...]]:
        """The integer layers by name, each with its convolutions, which add up; then a bias.

        Where there is a bias, the first one has it; that of "first" depends on the quality.
        """
        first = (self.first,) if self.coarser is None else (self.first, self.coarser)
        layers: dict[str, tuple[RoundedConv, ...]] = {"first": first}
        for number, block in enumerate(self.blocks):
            assert isinstance(block, RoundedConv)
            layers[f"block{number}"] = (block,)
        for number, head in enumerate(self.heads):
            assert isinstance(head, Head)
            layers[f"head{number}.in"] = head.summed
            layers[f"head{number}.mix"] = (head.mix,)
            layers[f"head{number}.out"] = (head.out,)
        return layers

    def inputs(self, low: Tensor, parents: Tensor | None, steps_px: Tensor) -> Tensor:
        """Inputs of a level's trunk, without the magnitudes.

        Args:
            low: (N, 3, h, w) low-pass of the level in grey levels.
            parents: (N, 9, h/fold, w/fold) details of the coarser level, companded; None at the
                top.
            steps_px: (N, 9) steps of the level's details in grey levels.

        Returns:
            (N, 3 fold^2 + 3 (+ 9), h/fold, w/fold) companded high-pass, brightness, parents.
        """
        reference = steps_px[:, ::3, None, None]  # each plane's horizontal band
        high_pass = self.compand((low - box_mean(low)) / reference)
        brightness = F.avg_pool2d(low, self._fold) / _BRIGHTNESS_PX
        maps = [F.pixel_unshuffle(high_pass, self._fold), self.round_brightness(brightness)]
        return torch.cat(maps if parents is None else [*maps, parents], 1)

    def trunk(self, inputs: Tensor, coarser: Tensor | None, bias: Tensor) -> Tensor:
        """Features of one level.

        Args:
            inputs: (N, I, h, w) companded known values, without the magnitudes.
            coarser: (N, T, h or h/2, w or w/2) trunk of the next coarser level, None at the top.
            bias: (N, width) from the quality.
        """
        if self.has_magnitudes:
            inputs = with_magnitudes(inputs, self._num_high_pass)
        hidden = self.first(inputs) + bias[:, :, None, None].to(inputs.dtype)
        if self.coarser is not None and coarser is not None:
            up = self.coarser(coarser)
            if up.shape[2:] != hidden.shape[2:]:
                up = F.interpolate(up, scale_factor=2.0, mode="nearest")
            hidden = hidden + up
        hidden = self.activate(hidden)
        for block in self.blocks:
            hidden = self.activate(hidden + block(hidden))
        return torch.as_tensor(hidden)

    def starts(self, trunk: Tensor, count: int | None = None) -> tuple[Tensor, ...]:
        """What the trunk gives to each of the first `count` heads, (N, H, h, w); one product."""
        heads = [head for head in self.heads if isinstance(head, Head)][:count]
        weight = torch.cat([head.trunk.rounded_weight() for head in heads])
        bias = torch.cat([torch.as_tensor(head.trunk.bias) for head in heads])
        is_exact = heads[0].trunk.is_rounding
        return convolved(trunk, weight, bias, 0, is_exact=is_exact).chunk(len(heads), 1)

    def head(
        self, number: int, start: Tensor, known: Tensor | None, carried: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """As `Head.forward` of one of the heads; `known` without the magnitudes."""
        if known is not None and self.has_magnitudes:
            known = torch.cat([known, known.abs()], 1)
        out: tuple[Tensor, Tensor] = self.heads[number](start, known, carried)
        return out
