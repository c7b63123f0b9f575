"""The synthesis in integers as a function that can be differentiated: the same without rounding.

A search for better symbols follows its gradients; pixels themselves come from the integers.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.transform.grid import FRACTION_BITS
from licodec.transform.integer import INPUT_SHIFT, STREAM_BITS, Layer, PartAt, SynthesisAt
from licodec.transform.patches import from_patches, to_patches

_INPUTS_PER_LEVEL = 2.0 ** (FRACTION_BITS - INPUT_SHIFT)
_LEAK = 0.1


class SmoothSynthesis:
    """A synthesis at a picture's quality, in floating point.

    Args:
        form: in integers.
        device: where it runs.
    """

    def __init__(self, form: SynthesisAt, device: torch.device) -> None:
        self._parts = [_SmoothPart(part, device) for part in form.parts]

    def __call__(self, planes: Tensor) -> Tensor:
        """Correct (N, 3, H, W) float planes in grey levels, H and W multiples of the patches."""
        for part in self._parts:
            planes = part.corrected(planes)
        return planes


class _SmoothPart:
    """One network: weights and biases that give units of the bytes."""

    def __init__(self, part: PartAt, device: torch.device) -> None:
        self._patch_px = part.patch_px
        unit = 2.0**-STREAM_BITS  # of the residual stream, in that of its bytes
        self._into = _scaled(part.into, unit, device)
        self._blocks = [
            (_scaled(into, 1.0, device), _scaled(back, unit, device)) for into, back in part.blocks
        ]
        last = part.blocks[-1][1] if part.blocks else part.into
        to_bytes = last.byte_factor.astype(np.float64) * 2.0 ** (STREAM_BITS - 15)
        to_levels = 2.0 ** -(part.out.shift + FRACTION_BITS)
        weight = part.out.weight * to_bytes * to_levels
        self._out = (
            _tensor(weight[:, :, None, None], device),
            _tensor(part.out.bias * to_levels, device),
        )

    def corrected(self, planes: Tensor) -> Tensor:
        patches = to_patches(planes * _INPUTS_PER_LEVEL, self._patch_px)
        stream = F.leaky_relu(F.conv2d(patches, *self._into, padding=1), _LEAK)
        for into, back in self._blocks:
            middle = F.leaky_relu(F.conv2d(stream, *into, padding=1), _LEAK)
            stream = stream + F.conv2d(middle, *back, padding=1)
        change = F.conv2d(F.leaky_relu(stream, _LEAK), *self._out)
        return planes + from_patches(change, self._patch_px).to(planes.dtype)


def _scaled(layer: Layer, unit: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weights and biases that give units of bytes."""
    scale = layer.factor * unit * 2.0 ** -(15 + layer.shift.astype(np.float64))
    return (
        _tensor(layer.weight * scale[:, None, None, None], device),
        _tensor(layer.bias * scale, device),
    )


def _tensor(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(device)
