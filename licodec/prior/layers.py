"""Layers of the integer prior that convolve integers which floats carry exactly.

Maps lie in rows of positions with their channels innermost, (h, w, C): what convolves fastest, and
what makes 1x1 convolutions matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.errors import ModelError

MAX_INPUT = 127  # companded inputs, 1/16
MAX_ACTIVATION = 255  # 1/16
# By carrier; bytes are rounded in float32 with one bit more below the point.
EXACT_LIMIT = {torch.float32: 1 << 24, torch.float64: 1 << 53, torch.uint8: 1 << 23}


@dataclass(frozen=True, slots=True)
class IntLayer:
    """One integer layer: convolutions that add up, shifted down to 1/16.

    The shift is folded into weights and bias: a power of two moves the binary point of every
    partial sum and rounds nothing.
    """

    weights: tuple[Tensor, ...]  # each (O, I, k, k) carrier dtype, 8-bit integers times 2^-shift
    bias: Tensor  # (O,) carrier dtype, 1/2 for rounding included

    def with_bias(self, more: Tensor) -> IntLayer:
        """The same layer with more (O,) on its bias."""
        return IntLayer(self.weights, self.bias + more)

    def num_inputs(self, number: int) -> int:
        """Channels that one of the convolutions takes."""
        return int(self.weights[number].shape[1])

    def inputs(self, maps: Sequence[Tensor]) -> Tensor:
        """(C, h, w) int8 maps, joined, as (h, w, C) carriers."""
        return channels_last(torch.cat([*maps]).to(self.bias.dtype))

    def activations(self, x: Tensor) -> Tensor:
        """(h, w, T) uint8 as carriers."""
        return x.to(self.bias.dtype)

    def sums(
        self,
        x: Tensor,
        number: int = 0,
        *,
        is_first: bool = True,
        is_last: bool = True,
        onto: Tensor | None = None,
    ) -> Tensor:
        """One of the layer's convolutions, the first of them with the bias.

        Args:
            x: (n, w, I) carriers, of a 3x3 convolution with the rows beside those asked for.
            number: of the convolution.
            is_first, is_last: see `convolve`.
            onto: (n', w, O) sums to add to, in place.

        Returns:
            (n', w, O); not rounded.
        """
        weight, bias = self.weights[number], None if number else self.bias
        if weight.shape[2] > 1:
            out = convolve(x, weight, bias, is_first=is_first, is_last=is_last)
            return out if onto is None else onto.add_(out)
        columns = weight[:, :, 0, 0].t()
        out = (
            x.flatten(0, 1) @ columns
            if onto is None
            else onto.flatten(0, 1).addmm_(x.flatten(0, 1), columns)
        )
        return (out if bias is None else out.add_(bias)).view(*x.shape[:2], -1)

    def active(self, total: Tensor) -> Tensor:
        """Sums to activations as carriers, in place."""
        return activate(total)

    def conv_relu(self, x: Tensor) -> Tensor:
        """Activations, as carriers, of a layer with one 1x1 convolution."""
        return activate(self.sums(x))

    def residual(self, x: Tensor, *, is_first: bool, is_last: bool) -> Tensor:
        """Activations of a layer with one 3x3 convolution beside the identity."""
        total = self.sums(x, is_first=is_first, is_last=is_last)
        return total.floor_().add_(inner_rows(x, is_first, is_last)).clamp_(0, MAX_ACTIVATION)


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, is_first: bool, is_last: bool
) -> Tensor:
    """3x3 convolution of rows of a map.

    Args:
        x: (n, w, I) carriers; the rows asked for and those beside them that the map has.
        weight: (O, I, 3, 3).
        bias: (O,) or None.
        is_first, is_last: x begins or ends where the map does, so that zeros lie beyond.

    Returns:
        (n', w, O), n' = n - 2 + is_first + is_last; not rounded.
    """
    padding = (int(is_first or is_last), 1)
    out = F.conv2d(x.permute(2, 0, 1)[None], weight, bias, padding=padding)[0]
    if is_first != is_last:  # a row too much is cheaper than a copy with zeros at one end
        out = out[:, :-1] if is_first else out[:, 1:]
    return out.permute(1, 2, 0).contiguous()


def channels_last(planes: Tensor) -> Tensor:
    """(C, h, w) to (h, w, C), contiguous."""
    return planes.flatten(1).t().contiguous().view(*planes.shape[1:], -1)


def inner_rows(x: Tensor, is_first: bool, is_last: bool) -> Tensor:
    """Rows (n', w, C) of x that `convolve` gives sums of."""
    return x[0 if is_first else 1 : len(x) if is_last else -1]


def activate(x: Tensor) -> Tensor:
    """Sums to activations, in place."""
    return x.clamp_(0, MAX_ACTIVATION).floor_()


class Layer(Protocol):
    """What the prior asks of a layer, see `IntLayer`; x may be in another form there."""

    def with_bias(self, more: Tensor) -> Layer: ...
    def inputs(self, maps: Sequence[Tensor]) -> Tensor: ...
    def activations(self, x: Tensor) -> Tensor: ...
    def sums(
        self,
        x: Tensor,
        number: int = 0,
        *,
        is_first: bool = True,
        is_last: bool = True,
        onto: Tensor | None = None,
    ) -> Tensor: ...
    def active(self, total: Tensor) -> Tensor: ...
    def conv_relu(self, x: Tensor) -> Tensor: ...
    def residual(self, x: Tensor, *, is_first: bool, is_last: bool) -> Tensor: ...


class Block:
    """3x3 layer beside the identity, fed strip by strip; keeps the rows that the next one needs."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._kept: Tensor | None = None

    def __call__(self, x: Tensor, *, is_last: bool) -> Tensor:
        """The next rows of the map to those of the result: one row behind, but for the last.

        Args:
            x: (n, w, T) activations as carriers, n >= 2 unless the strip is the last.
            is_last: the map ends here.

        Returns:
            (n - is first + is_last, w, T).
        """
        is_first = self._kept is None
        if self._kept is not None:
            x = torch.cat([self._kept, x])
        if not is_last:
            self._kept = x[-2:].clone()
        return self._layer.residual(x, is_first=is_first, is_last=is_last)


def load_layers(tensors: Mapping[str, Tensor], carrier: torch.dtype) -> dict[str, IntLayer]:
    """All layers of a family by name.

    Raises:
        KeyError: a tensor is missing.
        ModelError: an accumulator could leave the exact range of the carrier.
    """
    names = sorted(k.removesuffix(".shift") for k in tensors if k.endswith(".shift"))
    return {name: load_layer(tensors, name, carrier) for name in names}


def load_layer(
    tensors: Mapping[str, Tensor],
    name: str,
    carrier: torch.dtype,
    bounded: torch.dtype | None = None,
) -> IntLayer:
    """One layer by name; its sums stay in the exact range of `bounded`, or of the carrier."""
    weights: list[Tensor] = []
    while f"{name}.weight{len(weights)}" in tensors:
        weights.append(tensors[f"{name}.weight{len(weights)}"].to(carrier))
    bias = tensors[f"{name}.bias"].to(carrier)
    extra = tensors.get(f"{name.removesuffix('.first')}.quality_bias")
    extra_bias = 0 if extra is None else int(extra.abs().max())
    check_bounds(name, weights, bias, bounded or carrier, extra_bias)
    shift = tensors[f"{name}.shift"].to(carrier)
    scale = 2.0**-shift
    scaled = [w * scale[:, None, None, None] for w in weights]
    layout = torch.channels_last
    # Half a unit where something is shifted away: floor then rounds.
    half = torch.where(shift > 0, 0.5, 0.0).to(carrier)
    return IntLayer(tuple(w.contiguous(memory_format=layout) for w in scaled), bias * scale + half)


def check_bounds(
    name: str, weights: list[Tensor], bias: Tensor, carrier: torch.dtype, extra_bias: int = 0
) -> int:
    """Prove that no partial sum of a layer can leave the carrier's exact integer range.

    Args:
        name: of the layer, for the message.
        weights: integer weights, each (O, I, k, k).
        bias: (O,) integers.
        carrier: float dtype that carries the integers, or uint8.
        extra_bias: largest size of what is added to the bias.

    Returns:
        The bound: the largest size that any partial sum can have.

    Raises:
        ModelError: the bound reaches 2^24 (float32), 2^53 (float64) or 2^23 (uint8).
    """
    total = bias.abs().double() + extra_bias + (1 << 15)  # 2^15: more than any rounding half
    for weight in weights:
        total = total + weight.double().abs().sum((1, 2, 3)) * MAX_ACTIVATION
    bound = int(total.max())
    if bound >= EXACT_LIMIT[carrier]:
        raise ModelError(f"layer {name} of the prior can reach {bound}, beyond exact {carrier}")
    return bound
