"""Integers of a family in, layers that convolve them on float carriers out.

Maps lie in rows of positions with their channels innermost, (h, w, C): what convolves fastest, and
what makes 1x1 convolutions matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.errors import ModelError

MAX_INPUT = 127  # companded inputs, 1/16
MAX_ACTIVATION = 255  # 1/16
EXACT_LIMIT = {torch.float32: 1 << 24, torch.float64: 1 << 53}


@dataclass(frozen=True, slots=True)
class IntLayer:
    """One integer layer: convolutions that add up, shifted down to 1/16.

    The shift is folded into weights and bias: a power of two moves the binary point of every
    partial sum and rounds nothing.
    """

    weights: tuple[Tensor, ...]  # each (O, I, k, k) carrier dtype, 8-bit integers times 2^-shift
    bias: Tensor  # (O,) carrier dtype, 1/2 for rounding included


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


def matrix(layer: IntLayer, number: int = 0) -> Tensor:
    """(O, I) weights of a 1x1 convolution."""
    return layer.weights[number][:, :, 0, 0]


def activate(x: Tensor) -> Tensor:
    """Sums to activations, in place."""
    return x.clamp_(0, MAX_ACTIVATION).floor_()


class Block:
    """3x3 layer beside the identity, fed strip by strip; keeps the rows that the next one needs."""

    def __init__(self, layer: IntLayer) -> None:
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
        (weight,) = self._layer.weights
        total = convolve(x, weight, self._layer.bias, is_first=is_first, is_last=is_last)
        same = x[0 if is_first else 1 : len(x) if is_last else -1]
        return total.floor_().add_(same).clamp_(0, MAX_ACTIVATION)


def load_layers(tensors: Mapping[str, Tensor], carrier: torch.dtype) -> dict[str, IntLayer]:
    """All layers of a family by name.

    Raises:
        KeyError: a tensor is missing.
        ModelError: an accumulator could leave the exact range of the carrier.
    """
    names = sorted(k.removesuffix(".shift") for k in tensors if k.endswith(".shift"))
    return {name: _load_layer(tensors, name, carrier) for name in names}


def _load_layer(tensors: Mapping[str, Tensor], name: str, carrier: torch.dtype) -> IntLayer:
    weights: list[Tensor] = []
    while f"{name}.weight{len(weights)}" in tensors:
        weights.append(tensors[f"{name}.weight{len(weights)}"].to(carrier))
    bias = tensors[f"{name}.bias"].to(carrier)
    extra = tensors.get(f"{name.removesuffix('.first')}.quality_bias")
    check_bounds(name, weights, bias, carrier, 0 if extra is None else int(extra.abs().max()))
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
        carrier: float dtype that carries the integers.
        extra_bias: largest size of what is added to the bias.

    Returns:
        The bound: the largest size that any partial sum can have.

    Raises:
        ModelError: the bound reaches 2^24 (float32) or 2^53 (float64).
    """
    total = bias.abs().double() + extra_bias + (1 << 15)  # 2^15: more than any rounding half
    for weight in weights:
        total = total + weight.double().abs().sum((1, 2, 3)) * MAX_ACTIVATION
    bound = int(total.max())
    if bound >= EXACT_LIMIT[carrier]:
        raise ModelError(f"layer {name} of the prior can reach {bound}, beyond exact {carrier}")
    return bound
