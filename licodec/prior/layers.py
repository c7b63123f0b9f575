"""Layers of the integer prior, which convolve integers that floats carry exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.errors import ModelError

MAX_INPUT = 127  # companded inputs, 1/16
MAX_ACTIVATION = 255  # 1/16
# Integers below it are exact, by carrier.
EXACT_LIMIT = {torch.float32: 1 << 24, torch.float64: 1 << 53}


@dataclass(frozen=True, slots=True)
class IntLayer:
    """One integer layer: convolutions that add up, shifted down to 1/16.

    The shift is folded into weights and bias: a power of two moves the binary point of every
    partial sum and rounds nothing.
    """

    weights: tuple[Tensor, ...]  # each (O, I, k, k) carrier dtype, 8-bit integers times 2^-shift
    bias: Tensor  # (O,) carrier dtype, 1/2 for rounding included

    def num_inputs(self, number: int) -> int:
        """Channels that one of the convolutions takes."""
        return int(self.weights[number].shape[1])

    @property
    def num_outputs(self) -> int:
        """Channels of the sums."""
        return len(self.bias)

    def sums(self, x: Tensor, number: int = 0) -> Tensor:
        """One of the layer's convolutions, the first of them with the bias.

        Args:
            x: (I, h, w) int8 or uint8 integers, or carriers; zeros lie beyond.
            number: of the convolution.

        Returns:
            (O, h, w) carriers; not rounded.
        """
        weight = self.weights[number]
        bias = None if number else self.bias
        x = x.to(weight.dtype)[None].contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2)[0]


def activate(sums: Tensor) -> Tensor:
    """Sums to activations, in place."""
    return sums.clamp_(0, MAX_ACTIVATION).floor_()


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
    extra_bias = 0 if extra is None else int(extra.abs().max())
    check_bounds(name, weights, bias, carrier, extra_bias)
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
