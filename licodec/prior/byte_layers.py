"""Layers of the integer prior that multiply bytes and add in 32 bits, by torch.

What `licodec.prior.layers` does on float carriers, four times as fast, for CPUs with instructions
for it (AVX-512 VNNI). The sums are integers of 32 bits; what follows them in float32 (a power of
two, the bias, the identity) is exact, as `check_bounds` proves. Rounding is to nearest there: half
a unit of the finest sum less than a half is added, so that no sum lies between two integers.
Activations are bytes, inputs are bytes 128 higher.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from licodec.errors import ModelError
from licodec.prior.layers import (
    MAX_ACTIVATION,
    IntLayer,
    inner_rows,
    load_layer,
)

_INPUT_ZERO = 128
# Which convolution of a layer sees inputs; the others see activations.
_NUMBER_OF_INPUTS = {"first": 0, "in": 1}


@dataclass(frozen=True, slots=True)
class _Packed:
    """One convolution as oneDNN takes it."""

    weight: Tensor
    zero: int  # the byte that stands for 0
    padding: int


@dataclass(frozen=True, slots=True)
class ByteLayer:
    """As `IntLayer`, whose methods it has; carriers are uint8 of maps and float32 of sums."""

    convolutions: tuple[_Packed, ...]
    scale: Tensor  # (O,) float32, 2^-shift
    zeros: Tensor  # (O,) int64
    bias: Tensor  # (O,) float32, as of IntLayer
    nearest: Tensor  # (O,) float32, the bias where sums are rounded to nearest instead of down

    def with_bias(self, more: Tensor) -> ByteLayer:
        bias, nearest = self.bias + more, self.nearest + more
        return ByteLayer(self.convolutions, self.scale, self.zeros, bias, nearest)

    def inputs(self, maps: Sequence[Tensor]) -> Tensor:
        planes = torch.cat([*maps]).view(torch.uint8).bitwise_xor_(_INPUT_ZERO)
        # numpy turns bytes round in a third of torch's time.
        turned = torch.from_numpy(np.ascontiguousarray(planes.flatten(1).numpy().T))
        return turned.view(*planes.shape[1:], -1)

    def activations(self, x: Tensor) -> Tensor:
        return x

    def sums(
        self,
        x: Tensor,
        number: int = 0,
        *,
        is_first: bool = True,
        is_last: bool = True,
        onto: Tensor | None = None,
    ) -> Tensor:
        bias = None if number else self.bias
        return self._convolve(x, number, bias, torch.float32, is_first, is_last, onto)

    def active(self, total: Tensor) -> Tensor:
        # Nothing is negative, so dropping the fraction is floor; by 16 bits it is fastest.
        return total.clamp_(0, MAX_ACTIVATION).to(torch.int16).to(torch.uint8)

    def conv_relu(self, x: Tensor) -> Tensor:
        return self._convolve(x, 0, self.nearest, torch.uint8, True, True, None)

    def residual(self, x: Tensor, *, is_first: bool, is_last: bool) -> Tensor:
        same = inner_rows(x, is_first, is_last).clone()
        return self._convolve(x, 0, self.nearest, torch.uint8, is_first, is_last, same)

    def _convolve(
        self,
        x: Tensor,
        number: int,
        bias: Tensor | None,
        dtype: torch.dtype,
        is_first: bool,
        is_last: bool,
        onto: Tensor | None,
    ) -> Tensor:
        conv = self.convolutions[number]
        vertical = conv.padding * (is_first and is_last)
        if conv.padding and is_first != is_last:
            zeros = torch.full_like(x[:1], conv.zero)
            x = torch.cat([zeros, x] if is_first else [x, zeros])
        geometry = [1, 1], [vertical, conv.padding], [1, 1], 1
        into = (_nchw(x), 1.0, conv.zero, conv.weight, self.scale, self.zeros)
        if onto is None:
            plain = torch.ops.onednn.qconv2d_pointwise.default
            out = plain(*into, bias, *geometry, 1.0, 0, dtype, "none", [], "")
        else:
            added = torch.ops.onednn.qconv2d_pointwise.binary
            after = 1.0, 0, dtype, 1.0, 0, "sum", 1.0
            out = added(*into, _nchw(onto), bias, *geometry, *after, "none", [], "")
        return torch.as_tensor(out[0].permute(1, 2, 0).contiguous())


def _nchw(x: Tensor) -> Tensor:
    return x.permute(2, 0, 1)[None]


def load_byte_layers(tensors: Mapping[str, Tensor]) -> dict[str, ByteLayer] | None:
    """All layers of a family by name; None where this machine or a sum's size does not allow them.

    Raises:
        KeyError: a tensor is missing.
    """
    if not has_exact_bytes():
        return None
    names = sorted(k.removesuffix(".shift") for k in tensors if k.endswith(".shift"))
    try:
        return {name: _load_layer(tensors, name) for name in names}
    except ModelError:
        return None


def _load_layer(tensors: Mapping[str, Tensor], name: str) -> ByteLayer:
    layer = load_layer(tensors, name, torch.float32, torch.uint8)
    inputs = _NUMBER_OF_INPUTS.get(name.rpartition(".")[2])
    zeros = [_INPUT_ZERO if number == inputs else 0 for number in range(len(layer.weights))]
    return pack(layer, tensors[f"{name}.shift"], zeros)


def pack(layer: IntLayer, shift: Tensor, zeros: Sequence[int]) -> ByteLayer:
    """The same layer in bytes.

    Args:
        layer: on float32 carriers.
        shift: (O,) integers.
        zeros: the byte that stands for 0 in the map that each convolution sees.
    """
    scale = 2.0 ** -shift.float()
    no_zeros = torch.zeros(len(scale), dtype=torch.int64)
    packed = []
    for weight, zero in zip(layer.weights, zeros, strict=True):
        padding = weight.shape[2] // 2
        whole = (weight / scale[:, None, None, None]).to(torch.int8).contiguous()
        geometry = [1, 1], [padding, padding], [1, 1], 1, None
        out = torch.ops.onednn.qconv_prepack(whole, scale, 1.0, zero, *geometry)
        packed.append(_Packed(out, zero, padding))
    nearest = layer.bias + (scale / 2 - 0.5)
    return ByteLayer(tuple(packed), scale, no_zeros, layer.bias, nearest)


@functools.cache
def has_exact_bytes() -> bool:
    """Whether this machine and its oneDNN multiply bytes fast and add them up in 32 bits.

    Other CPUs, and this one where a setting forbids the instructions, add pairs of products in 16
    bits, with saturation: the sums of the test are such that it would show.
    """
    is_known = getattr(torch.cpu, "_is_vnni_supported", None)
    if is_known is None or not is_known():
        return False
    try:
        return all(_agrees(*shape) for shape in ((3, 5, 7), (3, 32, 96), (1, 5, 7), (1, 32, 96)))
    except (AttributeError, RuntimeError, TypeError):  # another torch: other operators
        return False


def _agrees(kernel: int, height: int, width: int) -> bool:
    """Compare both forms of a layer with factors of the largest sizes."""
    make = torch.Generator().manual_seed(height)
    channels, shift = 24, torch.arange(24).float() % 12
    weights = tuple(
        torch.randint(-1, 2, (channels, channels, kernel, kernel), generator=make).float() * 127
        for _ in range(2)
    )
    weights[0][::3] = 127.0
    scaled = tuple(w * 2.0 ** -shift[:, None, None, None] for w in weights)
    bias = torch.randint(-(1 << 20), 1 << 20, (channels,), generator=make) * 2.0**-shift
    exact = IntLayer(scaled, bias + (shift > 0).float() / 2)
    fast = pack(exact, shift, (0, _INPUT_ZERO))
    x = torch.randint(0, 2, (height, width, channels), generator=make, dtype=torch.uint8) * 255
    maps = torch.randint(-1, 2, (channels, height, width), generator=make, dtype=torch.int8) * 127
    pairs = []
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        for layer in (exact, fast):
            inner, inputs = layer.activations(x), layer.inputs([maps])
            total = layer.sums(inputs, 1, onto=layer.sums(inner))
            results = [total.clone(), layer.active(total)]
            if kernel == 1:
                results.append(layer.conv_relu(inner))
            else:
                results.append(layer.residual(inner, is_first=True, is_last=False))
            pairs.append(results)
    return all(torch.equal(a.float(), b.float()) for a, b in zip(*pairs, strict=True))
