"""Quantization-aware training: floats are rounded as the integer prior's are, gradients are not.

With these in the loop the prior learns to live with its integers (straight-through estimator,
Bengio et al. 2013, arXiv:1308.3432), and a search sees what they do. Off by default:
`round_to_integers` switches a prior, `round_activations` one whose weights are integers already.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.prior.fixed_point import COMPAND_ENTRIES, EIGHTHS, MAX_ACTIVATION, SIXTEENTHS

MAX_WEIGHT = 127
# Of a layer's weights, as powers of two: what training makes use of; a family may have up to
# `fixed_point.MAX_SHIFT`.
MAX_TRAINED_SHIFT = 14
# Activations live in [0, 16) so that integers hold them in 8 bits with 4 fractional bits.
ACTIVATION_LIMIT = MAX_ACTIVATION / SIXTEENTHS


def weight_shift(largest: Tensor, max_weight: int = MAX_WEIGHT) -> Tensor:
    """Largest power of two by which weights of this size stay within an integer's range.

    Args:
        largest: float, any shape.
        max_weight: of the integers.

    Returns:
        0 to 14, float, same shape.
    """
    fitting = torch.log2(max_weight / largest.clamp_min(1e-6))
    return torch.floor(fitting).clamp(0, MAX_TRAINED_SHIFT)


def nearest(x: Tensor, per_unit: Tensor | float) -> Tensor:
    """x rounded to multiples of 1 / per_unit, with the gradient of x."""
    return torch.as_tensor(_Nearest.apply(x, per_unit))  # type: ignore[no-untyped-call]


class _Nearest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, per_unit: Tensor | float) -> Tensor:
        return (x * per_unit).round_().div_(per_unit)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


class RoundedConv(nn.Conv2d):
    """A convolution whose weights can be rounded to integers, a power of two per output channel.

    Attributes:
        max_weight: largest integer, see `FamilyConfig`.
        added_to: convolutions that add into the same sums, and so share their power of two.
    """

    is_rounding = False
    max_weight = MAX_WEIGHT
    added_to: tuple[RoundedConv, ...] = ()

    def rounded_weight(self) -> Tensor:
        """(O, I, k, k) as the convolution has them, rounded if that is on."""
        if not self.is_rounding:
            return self.weight
        with torch.no_grad():
            layers = (self, *self.added_to)
            each = [c.weight.abs().amax((1, 2, 3), keepdim=True) for c in layers]
            largest = torch.stack(each).amax(0)
        return nearest(self.weight, 2.0 ** weight_shift(largest, self.max_weight))

    def forward(self, x: Tensor) -> Tensor:
        """As nn.Conv2d; see `convolved`."""
        padding = int(self.padding[0])
        return convolved(x, self.rounded_weight(), self.bias, padding, is_exact=self.is_rounding)


def convolved(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, *, is_exact: bool
) -> Tensor:
    """A convolution, under autocast in the type that it asks for.

    Args:
        x: (N, I, h, w).
        weight: (O, I, k, k).
        bias: (O,).
        padding: on all sides, zeros.
        is_exact: sums are to be those of the integers that both stand for: the result is float32
            under autocast, too, which then shortens gradients alone.
    """
    if is_exact and torch.is_autocast_enabled(x.device.type):
        short = torch.get_autocast_dtype(x.device.type)
        exact = _ExactConvolution.apply(x, weight, bias, padding, short)  # type: ignore[no-untyped-call]
        return torch.as_tensor(exact)
    return F.conv2d(x, weight, bias, padding=padding)


class _ExactConvolution(torch.autograd.Function):
    """Products in float32 forward, in a shorter type backward.

    In bfloat16 a result has 8 bits, and so have biases; where an activation is rounded afterwards,
    one in some is another integer than in a decoder, and training learns to make use of it.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, short: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(x.to(short), weight.to(short))
        ctx.padding, ctx.has_bias, ctx.dtypes = padding, bias is not None, (x.dtype, weight.dtype)
        with torch.autocast(x.device.type, enabled=False):
            whole = None if bias is None else bias.float()
            return F.conv2d(x.float(), weight.float(), whole, padding=padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = [*ctx.needs_input_grad[:2], ctx.has_bias and ctx.needs_input_grad[2]]
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
            grad.to(x.dtype),
            x,
            weight,
            [len(weight)],
            [1, 1],
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            1,
            wanted,
        )
        dtypes = (*ctx.dtypes, torch.float32)
        found = zip((of_x, of_weight, of_bias), dtypes, strict=True)
        return *(None if g is None else g.to(dtype) for g, dtype in found), None, None


def share_scales(*layers: RoundedConv) -> None:
    """Let convolutions whose results are added share the powers of two of their weights."""
    for layer in layers:
        layer.added_to = tuple(other for other in layers if other is not layer)


class _RoundedActivation(torch.autograd.Function):
    """Rectifier with a ceiling, rounded to 1/16; gradients as of the rectifier alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * SIXTEENTHS).round_().clamp_(0, MAX_ACTIVATION).mul_(1 / SIXTEENTHS)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.as_tensor(torch.ops.aten.hardtanh_backward(grad, x, 0.0, ACTIVATION_LIMIT))


class Activation(nn.Module):
    """Rectifier with the ceiling of 8-bit integers; rounds to 1/16, if that is switched on."""

    is_rounding = False

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        if self.is_rounding:
            return torch.as_tensor(_RoundedActivation.apply(x))  # type: ignore[no-untyped-call]
        return F.hardtanh(x, 0.0, ACTIVATION_LIMIT)  # as clamp, with one kernel on the way back


class Rounding(nn.Module):
    """Rounds to a power of two, if switched on.

    Args:
        bits: fractional bits that are left; activations have 4.
        limit: largest size of the result.
        is_down: to the multiple below, as shifts of integers do; else to the nearest.
    """

    is_rounding = False

    def __init__(self, bits: int = 4, *, limit: float = math.inf, is_down: bool = False) -> None:
        super().__init__()
        self._per_unit, self._limit, self._is_down = 2.0**bits, limit, is_down

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        if not self.is_rounding:
            return x
        rounded = _Rounded.apply(x, self._per_unit, self._limit, self._is_down)  # type: ignore[no-untyped-call]
        return torch.as_tensor(rounded)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, per_unit: float, limit: float, is_down: bool) -> Tensor:
        out = x * per_unit
        out = (out.floor_() if is_down else out.round_()).mul_(1 / per_unit)
        return out if limit == math.inf else out.clamp_(-limit, limit)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, None, None, None


class Companding(nn.Module):
    """asinh of values in steps; if switched on, what the integers' table has (`compand_table`)."""

    is_rounding = False

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        if self.is_rounding:
            return torch.as_tensor(_Companded.apply(x))  # type: ignore[no-untyped-call]
        return torch.asinh(x)


class _Companded(torch.autograd.Function):
    """Floors to eighths, asinh, rounded to 1/16; gradients as of asinh within the table."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        limit = COMPAND_ENTRIES - 1
        eighths = (x * EIGHTHS).floor_().clamp_(-limit, limit)
        size = eighths.abs().mul_(1 / EIGHTHS)
        root = size.square().add_(1).sqrt_()
        size.add_(root).log_().mul_(SIXTEENTHS).round_()
        companded = size.mul_(1 / SIXTEENTHS).copysign_(eighths)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(root.reciprocal_().mul_(eighths.abs_() < limit))
        return companded

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return grad * torch.as_tensor(slope)


def round_to_integers(network: nn.Module, on: bool) -> None:
    """Switch all of a network's rounding."""
    round_activations(network, on)
    for module in network.modules():
        if isinstance(module, RoundedConv):
            module.is_rounding = on


def round_activations(network: nn.Module, on: bool) -> None:
    """Switch all of a network's rounding but that of its weights."""
    for module in network.modules():
        if isinstance(module, Activation | Rounding | Companding):
            module.is_rounding = on
