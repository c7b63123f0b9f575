"""The prior in floating point, as it is trained: the networks of all levels.

`licodec.prior.float_walk` leads pictures through them; the same in integers is
`licodec.prior.reference_network`.

Source of the idea: Zhang et al. 2022, arXiv:2210.04112 (multi-scale progressive model).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from licodec.config import FamilyConfig
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.layout import (
    LEVELS_OF_NET,
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LOW_PASS_STEPS,
    fold_of,
    row_in_net,
)
from licodec.prior.level_net import LevelNet
from licodec.prior.qat import RoundedConv, Rounding
from licodec.transform.grid import NUM_LEVELS, NUM_PLANES
from licodec.transform.quality import interpolate


class Prior(nn.Module):
    """The networks of all levels, and the log scales that their heads correct.

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
        for name, levels in LEVELS_OF_NET.items():
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
        return interpolate(weights, self.net(level).quality_bias[:, row_in_net(level)])

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
