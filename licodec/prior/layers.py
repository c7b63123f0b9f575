"""Layers of the integer prior, which convolve integers that floats carry exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.errors import ModelError
from licodec.prior.fixed_point import MAX_ACTIVATION, MAX_SHIFT
from licodec.prior.shapes import layer_shapes

_LARGEST_HALF = 1 << MAX_SHIFT - 1  # that rounds
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


def load_layers(tensors: Mapping[str, np.ndarray], carrier: torch.dtype) -> dict[str, IntLayer]:
    """All layers of a family's prior by name.

    Args:
        tensors: of the family by name, which `check_tensors` accepts.
        carrier: torch.float32 or torch.float64.

    Raises:
        ModelError: an accumulator could leave the exact range of the carrier.
    """
    return {name: _load_layer(tensors, name, len(w), carrier) for name, w in layer_shapes(tensors)}


def _load_layer(
    tensors: Mapping[str, np.ndarray], name: str, num_convolutions: int, carrier: torch.dtype
) -> IntLayer:
    names = [f"{name}.weight{number}" for number in range(num_convolutions)]
    weights = [torch.from_numpy(tensors[n]).to(carrier) for n in names]
    bias = torch.from_numpy(tensors[f"{name}.bias"]).to(carrier)
    extra = tensors.get(f"{name.removesuffix('.first')}.quality_bias")
    extra_bias = 0 if extra is None else int(np.abs(extra.astype(np.int64)).max())
    check_bounds(name, weights, bias, carrier, extra_bias)
    shift = torch.from_numpy(tensors[f"{name}.shift"]).to(carrier)
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
    total = bias.abs().double() + extra_bias + _LARGEST_HALF
    for weight in weights:
        total = total + weight.double().abs().sum((1, 2, 3)) * MAX_ACTIVATION
    bound = int(total.max())
    if bound >= EXACT_LIMIT[carrier]:
        raise ModelError(f"layer {name} of the prior can reach {bound}, beyond exact {carrier}")
    return bound
