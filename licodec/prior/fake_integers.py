"""Floats in, the floats nearest to what the integer prior would hold out; gradients pass unchanged.

With these in the loop the prior learns to live with its integers (straight-through estimator,
Bengio et al. 2013, arXiv:1308.3432). Off by default: `round_to_integers` switches a prior.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_WEIGHT = 127
MAX_SHIFT = 14


def weight_shift(largest: Tensor) -> Tensor:
    """Largest power of two by which weights of this size still fit 8 bits; float, any shape."""
    fitting = torch.log2(MAX_WEIGHT / largest.clamp_min(1e-6))
    return torch.floor(fitting).clamp(0, MAX_SHIFT)


def nearest(x: Tensor, per_unit: Tensor | float) -> Tensor:
    """x rounded to multiples of 1 / per_unit, with the gradient of x."""
    return x + (torch.round(x.detach() * per_unit) / per_unit - x.detach())


class RoundedConv(nn.Conv2d):
    """A convolution whose weights can be rounded to 8 bits, a power of two per output channel."""

    is_rounding = False

    def forward(self, x: Tensor) -> Tensor:
        """As nn.Conv2d."""
        weight = self.weight
        if self.is_rounding:
            largest = weight.detach().abs().amax((1, 2, 3), keepdim=True)
            per_unit: Tensor = 2.0 ** weight_shift(largest)
            weight = nearest(weight, per_unit)
        out: Tensor = self._conv_forward(x, weight, self.bias)
        return out


class Rounding(nn.Module):
    """Rounds to a power of two, if switched on.

    Args:
        bits: fractional bits that are left; activations have 4.
    """

    is_rounding = False

    def __init__(self, bits: int = 4) -> None:
        super().__init__()
        self._per_unit = 2.0**bits

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return nearest(x, self._per_unit) if self.is_rounding else x


def round_to_integers(network: nn.Module, on: bool) -> None:
    """Switch all of a network's rounding."""
    for module in network.modules():
        if isinstance(module, RoundedConv | Rounding):
            module.is_rounding = on
