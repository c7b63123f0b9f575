"""The prior in floating point, as it is trained: all its networks.

`licodec.prior.float_walk` leads pictures through them; they are those of `licodec.prior.integer` in
floating point.

Source of the idea: Zhang et al. 2022, arXiv:2210.04112 (multi-scale progressive model).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from licodec.config import FamilyConfig
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    VALUE_BITS,
    fold_of,
)
from licodec.prior.level_net import LevelNet
from licodec.prior.qat import RoundedConv, Rounding
from licodec.transform.quality import interpolate


class Prior(nn.Module):
    """All levels.

    Args:
        family: shapes of the networks.
        num_knots: qualities with parameters of their own; None takes the family's.
    """

    def __init__(self, family: FamilyConfig, num_knots: int | None = None) -> None:
        super().__init__()
        num_knots = num_knots or family.num_knots
        widths, self.max_weight = family.widths, family.max_weight
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
                family.depths[name],
                family.head_widths[name],
                widths[coarser],
                has_magnitudes=family.has_magnitudes,
                carries_hidden=family.carries_hidden,
            )
        self.round_low_mean = Rounding(VALUE_BITS, is_down=True)
        for module in self.modules():
            if isinstance(module, RoundedConv):
                module.max_weight = self.max_weight

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

    def mean_units(self, level: int, log_scales: Tensor) -> Tensor:
        """(N, 9 fold^2) steps of a head's unit of the mean, from the level's log scales."""
        return 0.5 + torch.exp(log_scales)

    def low_log_scales(self, step: int, weights: Tensor) -> Tensor:
        """(N, 3) log scales of a step of the low-pass."""
        return interpolate(weights, self.low_log_scale[:, step])
