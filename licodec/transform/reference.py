"""The synthesis in integers on torch: what the native library is tested against.

Convolutions add bytes times weights in 32-bit floating-point numbers, which `IntegerSynthesis`
proves to be exact. Also runs where there is no native library.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.transform.integer import (
    INPUT_LOW_BITS,
    INPUT_SHIFT,
    INPUT_ZERO,
    LAST_LOW_BITS,
    LEAK,
    PLANE_BITS,
    LastLayer,
    Layer,
    PartAt,
    SynthesisAt,
)
from licodec.transform.patches import from_patches, to_patches

_PLANE_END = 1 << PLANE_BITS - 1


def corrected_planes(form: SynthesisAt, planes: Tensor) -> tuple[Tensor, Tensor]:
    """Correct planes, all at once.

    Args:
        form: of the synthesis.
        planes: (3, H, W) int32, 1/64 grey level, H and W multiples of the patches.

    Returns:
        (3, H, W) int32 within 16 bits, 1/64 grey level, and (C, h, w) int32 bytes, less their zero
        points, that the last layer of all saw.
    """
    planes = planes.clamp(-_PLANE_END, _PLANE_END - 1)
    seen = planes
    for part in form.parts:
        seen = features(part, planes)
        planes = add_correction(part, planes, seen)
    return planes, seen


def corrected_window(form: SynthesisAt, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`corrected_planes` of arrays: (3, H, W) int16; (h, C / 4, w, 4) uint8 with zero points."""
    with torch.inference_mode():
        corrected, seen = corrected_planes(form, torch.from_numpy(planes))
        channels, height, width = seen.shape
        seen = (seen + column(form.parts[-1].last_zero)).view(channels // 4, 4, height, width)
        bytes_seen = seen.permute(2, 0, 3, 1).to(torch.uint8).contiguous()
        return corrected.to(torch.int16).numpy(), bytes_seen.numpy()


def features(part: PartAt, planes: Tensor, taken: Callable[[Tensor], None] | None = None) -> Tensor:
    """What the last layer of a network sees of (3, H, W) int32 planes: (C, h, w) int32.

    Args:
        taken: is called with the inputs of each layer, less their zero points.
    """
    note = taken or (lambda _: None)
    inputs = ((planes + (1 << INPUT_SHIFT >> 1)) >> INPUT_SHIFT) + INPUT_ZERO
    inputs = to_patches(inputs.clamp(0, 2 * INPUT_ZERO - 1)[None], part.patch_px)[0]
    high = (inputs >> INPUT_LOW_BITS) - (INPUT_ZERO >> INPUT_LOW_BITS)
    low = inputs & ((1 << INPUT_LOW_BITS) - 1)
    note((high << INPUT_LOW_BITS) + low)
    sums = (convolve(high, part.into.weight) << INPUT_LOW_BITS) + convolve(low, part.into.weight)
    stream, layer = leak(scaled(sums, part.into)), part.into
    for into, back in part.blocks:
        hidden = bytes_of(stream, layer)
        note(hidden)
        middle = to_byte(leak(scaled(convolve(hidden, into.weight), into)), into)
        note(middle)
        stream = to_short(stream + scaled(convolve(middle, back.weight), back))
        layer = back
    return bytes_of(leak(stream), layer)


def add_correction(part: PartAt, planes: Tensor, seen: Tensor) -> Tensor:
    """(3, H, W) int32 planes plus what the last layer makes of (C, h, w) features."""
    change = from_patches(last_layer(part.out, seen)[None], part.patch_px)[0]
    return (planes + change).clamp(-_PLANE_END, _PLANE_END - 1)


def last_layer(layer: LastLayer, seen: Tensor) -> Tensor:
    """(O, h, w) int32 of (C, h, w) int32, 1/64 grey level."""
    weight = layer.weight.astype(np.int32)
    low_unit = 1 << LAST_LOW_BITS
    high = (weight + low_unit // 2) >> LAST_LOW_BITS
    low = weight - (high << LAST_LOW_BITS)
    sums = (convolve(seen, high[:, :, None, None]) << LAST_LOW_BITS) + convolve(
        seen, low[:, :, None, None]
    )
    sums = (sums + column(layer.bias) + (1 << layer.shift - 1)) >> layer.shift
    return sums.clamp(-_PLANE_END, _PLANE_END - 1)


def convolve(x: Tensor, weight: np.ndarray) -> Tensor:
    """Exact: (C, h, w) int32 with (O, C, k, k) integers to (O, h, w) int32."""
    kernel = torch.from_numpy(weight.astype(np.float32))
    return F.conv2d(x[None].float(), kernel, padding=weight.shape[-1] // 2)[0].to(torch.int32)


def scaled(sums: Tensor, layer: Layer) -> Tensor:
    """(O, h, w) int32 sums to units of the layer's bytes."""
    shift = column(layer.shift)
    half = torch.bitwise_left_shift(torch.ones_like(shift), shift) >> 1
    short = to_short(torch.bitwise_right_shift(sums + (column(layer.bias) + half), shift))
    return multiplied(short, column(layer.factor))


def multiplied(x: Tensor, factor: Tensor | int) -> Tensor:
    """x within 16 bits times a factor in 1/32768, rounded to nearest, halves up; int32."""
    return (x * factor + (1 << 14)) >> 15


def to_short(x: Tensor) -> Tensor:
    """x clamped to 16 bits; int32."""
    return x.clamp(-(1 << 15), (1 << 15) - 1)


def leak(x: Tensor) -> Tensor:
    """x where it is above 0, else about a tenth of it; int32 within 16 bits."""
    return torch.maximum(x, multiplied(x, LEAK))


def bytes_of(stream: Tensor, layer: Layer) -> Tensor:
    """Bytes, less their zero points, of the residual stream, as the layer made it."""
    return to_byte(multiplied(stream, column(layer.byte_factor)), layer)


def to_byte(x: Tensor, layer: Layer) -> Tensor:
    """x plus the layer's zero points, clamped to bytes, less these zero points."""
    zero = column(layer.zero)
    return (x + zero).clamp(0, 255) - zero


def column(values: np.ndarray) -> Tensor:
    """(O,) as (O, 1, 1) int32."""
    return torch.from_numpy(values.astype(np.int32))[:, None, None]
