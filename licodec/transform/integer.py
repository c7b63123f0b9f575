"""The synthesis in integers: the tensors of the networks, as a file's quality and filter set them.

Whatever decides a pixel is an integer here, so that a file has the same pixels everywhere; see
"Pixels" in docs/format.md. Needs numpy alone. `licodec.transform.native_synthesis` computes with
it in C, `licodec.transform.reference` on torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from licodec.config import MAX_QUALITY_INDEX, CorrectionConfig
from licodec.errors import ModelError
from licodec.transform.grid import FINE_PATCH_PX, MID_GREY, NUM_PLANES, PATCHES_PX

# Largest |weight|. Up to SHORT_WEIGHT sums of two products with bytes fit 16 bits, which makes
# layers faster on some CPUs.
MAX_WEIGHT, SHORT_WEIGHT = 127, 64
# Planes are 1/64 grey level in 16 bits; networks see 1/16, INPUT_LOW_BITS of it in a byte apart.
PLANE_BITS = 16
INPUT_SHIFT = 2
INPUT_LOW_BITS = 5
INPUT_ZERO = 128 << INPUT_LOW_BITS
# The residual stream has 16 bits, in 1/16 of the unit of the bytes that layers see of it.
STREAM_BITS = 4
# A leak of 1/10 in 1/32768.
LEAK = 3277
# Of the last layer's weights, low byte apart.
LAST_BITS = 13
LAST_LOW_BITS = 7
MAX_SHIFT = 24
_MAX_BIAS = 1 << 28
_EXACT = 1 << 24  # sums of 32-bit floating-point numbers


@dataclass(frozen=True, slots=True)
class Layer:
    """A 3x3 convolution to bytes, or to the residual stream, of which the next layer sees bytes.

    Attributes:
        weight: (O, I, 3, 3) int8, at most MAX_WEIGHT in size.
        bias: (O,) int32, for inputs less their zero points, without the half that rounds.
        shift: (O,) uint8, 0 .. MAX_SHIFT.
        factor: (O,) int16 above 0, 1/32768.
        byte_factor: (O,) int16 above 0, 1/32768, from the residual stream to bytes.
        zero: (O,) uint8 zero points: the bytes that stand for 0.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    byte_factor: np.ndarray
    zero: np.ndarray


@dataclass(frozen=True, slots=True)
class LastLayer:
    """A 1x1 convolution to what is added to planes.

    Attributes:
        weight: (O, I) int16, less than 2^LAST_BITS in size.
        bias: (O,) int32, for inputs less their zero points.
        shift: 1 .. MAX_SHIFT, to 1/64 grey level.
        gain: of an output in units of `IntegerPart.out_weight` times an input, to grey levels.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: int
    gain: float


@dataclass(frozen=True, slots=True)
class PartAt:
    """One network at a file's quality, fitted to its picture.

    Attributes:
        patch_px: side of a patch.
        into: from patches.
        blocks: two layers each; what the second gives is added to the residual stream, which
            `into` begins.
        out: from the bytes after the last block.
    """

    patch_px: int
    into: Layer
    blocks: tuple[tuple[Layer, Layer], ...]
    out: LastLayer

    @property
    def last_zero(self) -> np.ndarray:
        """(I,) uint8 zero points of what the last layer sees."""
        return (self.blocks[-1][1] if self.blocks else self.into).zero

    @property
    def halo_px(self) -> int:
        """Pixels beyond a patch, on each side, that its result depends on."""
        return self.patch_px * (1 + 2 * len(self.blocks))


class IntegerPart:
    """Tensors of one network.

    Args:
        tensors: of a synthesis, by name.
        prefix: of the names.
        patch_px: side of a patch.
        num_blocks: residual blocks.

    Raises:
        KeyError: a tensor is missing; it is named.
        ModelError: a tensor has another shape, or a sum could leave the exact range.
    """

    def __init__(
        self, tensors: Mapping[str, np.ndarray], prefix: str, patch_px: int, num_blocks: int
    ) -> None:
        self.patch_px, self.num_blocks = patch_px, num_blocks
        names = ["into", *(f"blocks.{b}.{n}" for b in range(num_blocks) for n in ("into", "back"))]
        width = len(tensors[f"{prefix}out.weight"].T)
        outputs = NUM_PLANES * patch_px**2
        self._layers = {
            name: _layer(tensors, f"{prefix}{name}", outputs if name == "into" else width, width)
            for name in names
        }
        stream = _of(tensors, f"{prefix}stream.zero", np.uint8, (width,))
        inner = np.full(width, 1 << 15 - STREAM_BITS, np.int16), stream
        last = (
            _factor(tensors, f"{prefix}last.factor", width),
            _of(tensors, f"{prefix}last.zero", np.uint8, (width,)),
        )
        self._bytes = {
            name: (inner[0], _of(tensors, f"{prefix}{name}.zero", np.uint8, (width,)))
            if is_middle(name)
            else (last if name == names[-1] else inner)
            for name in names
        }
        self.out_weight = _of(tensors, f"{prefix}out.weight", np.int32, (outputs, width))
        self.out_bias = _of(tensors, f"{prefix}out.bias", np.int32, (outputs,))
        self._gain = _of(tensors, f"{prefix}gain", np.int32, (MAX_QUALITY_INDEX + 1,))
        self._gain_bits = int(_of(tensors, f"{prefix}gain_bits", np.int32, (1,))[0])
        if patch_px not in PATCHES_PX or width % 4:
            raise ModelError("patches of the synthesis are not 2, 4 or 8 px, or its width is no 4n")
        if np.abs(self.out_weight).max() >= 1 << 15 or self._gain.min() < 1:
            raise ModelError(f"{prefix}out of the synthesis is outside its range")
        if not 1 <= self._gain_bits <= 60:
            raise ModelError(f"{prefix}gain_bits of the synthesis is outside 1 .. 60")

    def at(self, quality_index: int, moved: np.ndarray | None) -> PartAt:
        """The network at a quality.

        Args:
            quality_index: 0..255.
            moved: (O, I + 1) int64, added to weights and biases of the last layer.
        """
        layers = {
            name: Layer(w, _between_knots(bias, quality_index), shift, factor, *self._bytes[name])
            for name, (w, bias, shift, factor) in self._layers.items()
        }
        blocks = tuple(
            (layers[f"blocks.{b}.into"], layers[f"blocks.{b}.back"]) for b in range(self.num_blocks)
        )
        return PartAt(self.patch_px, layers["into"], blocks, self._last(quality_index, moved))

    def _last(self, quality_index: int, moved: np.ndarray | None) -> LastLayer:
        """Weights times gain, with as many fractional bits as LAST_BITS leave them."""
        weight, bias = self.out_weight.astype(np.int64), self.out_bias.astype(np.int64)
        if moved is not None:
            weight = (weight + moved[:, :-1]).clip(-(1 << 24), 1 << 24)
            bias = (bias + moved[:, -1]).clip(-(1 << 31), 1 << 31)
        gain = int(self._gain[quality_index])
        weight, bias = weight * gain, bias * gain
        excess = int(np.abs(weight).max()).bit_length() - LAST_BITS
        excess = min(max(excess, self._gain_bits - MAX_SHIFT, 0), self._gain_bits - 1)
        limit = (1 << LAST_BITS) - 1
        return LastLayer(
            shift_rounded(weight, excess).clip(-limit, limit).astype(np.int16),
            shift_rounded(bias, excess).clip(-_MAX_BIAS, _MAX_BIAS).astype(np.int32),
            self._gain_bits - excess,
            gain * 2.0 ** -(self._gain_bits + 6),
        )


class IntegerSynthesis:
    """One or two networks after each other, and the directions in which the last can be moved.

    Args:
        tensors: of a synthesis, by name.
        config: its shape.

    Raises:
        KeyError, ModelError: as `IntegerPart`.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], config: CorrectionConfig) -> None:
        self.config = config
        self.packed: Any = None  # what `licodec.codec.synthesis` made of it for the native library
        self.parts = [IntegerPart(tensors, "", config.patch_px, config.num_blocks)]
        if config.fine_blocks:
            self.parts.append(IntegerPart(tensors, "fine.", FINE_PATCH_PX, config.fine_blocks))
        self.directions: np.ndarray | None = None
        if "directions" in tensors:
            outputs, inputs = self.parts[-1].out_weight.shape
            shape = (len(tensors["directions"]), outputs, inputs + 1)
            self.directions = _of(tensors, "directions", np.int32, shape)

    def at(self, quality_index: int, adaptive_filter: np.ndarray) -> SynthesisAt:
        """What a picture is synthesised with.

        Args:
            quality_index: 0..255.
            adaptive_filter: (K,) integers, how far to go in each direction; (0,) changes nothing.
        """
        moved = None
        if len(adaptive_filter) and self.directions is not None:
            moved = np.tensordot(
                adaptive_filter.astype(np.int64), self.directions.astype(np.int64), 1
            )
            moved = shift_rounded(moved, DIRECTION_BITS)
        last = self.parts[-1]
        return SynthesisAt(
            tuple(p.at(quality_index, moved if p is last else None) for p in self.parts)
        )


# Fractional bits of directions beyond those of weights.
DIRECTION_BITS = 6


@dataclass(frozen=True, slots=True)
class SynthesisAt:
    """A synthesis at a file's quality, fitted to its picture."""

    parts: tuple[PartAt, ...]

    @property
    def halo_px(self) -> int:
        """Pixels on each side that a pixel of the result depends on."""
        return sum(part.halo_px for part in self.parts)


def shift_rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Values (..) of any integer type by 2^bits, rounded to nearest, halves up."""
    rounded: np.ndarray = (values + ((1 << bits) >> 1)) >> bits
    return rounded


def _between_knots(table: np.ndarray, quality_index: int) -> np.ndarray:
    """(O,) int32: a row of (K, O) int32 knots, halfway values rounded up."""
    if len(table) == 1:
        row: np.ndarray = table[0]
        return row
    knot, share = divmod(quality_index * (len(table) - 1), MAX_QUALITY_INDEX)
    above = table[min(knot + 1, len(table) - 1)].astype(np.int64)
    mixed = table[knot].astype(np.int64) * (MAX_QUALITY_INDEX - share) + above * share
    between: np.ndarray = (mixed + MAX_QUALITY_INDEX // 2) // MAX_QUALITY_INDEX
    return between.astype(np.int32)


def _of(
    tensors: Mapping[str, np.ndarray], name: str, dtype: type, shape: tuple[int, ...]
) -> np.ndarray:
    found = tensors[name]
    if found.dtype != dtype or found.shape != shape:
        raise ModelError(
            f"{name} of the synthesis is {found.dtype} {found.shape}, expected "
            f"{np.dtype(dtype)} {shape}"
        )
    return np.ascontiguousarray(found)


def _factor(tensors: Mapping[str, np.ndarray], name: str, outputs: int) -> np.ndarray:
    found = _of(tensors, name, np.int16, (outputs,))
    if found.min() < 1:
        raise ModelError(f"{name} of the synthesis is not above 0")
    return found


def is_middle(name: str) -> bool:
    """Whether a layer of that name, such as blocks.0.into, is the first of a block."""
    return name.startswith("blocks.") and name.endswith("into")


def _layer(
    tensors: Mapping[str, np.ndarray], name: str, inputs: int, outputs: int
) -> tuple[np.ndarray, ...]:
    weight = _of(tensors, f"{name}.weight", np.int8, (outputs, inputs, 3, 3))
    bias = _of(tensors, f"{name}.bias", np.int32, (len(tensors[f"{name}.bias"]), outputs))
    shift = _of(tensors, f"{name}.shift", np.uint8, (outputs,))
    factor = _factor(tensors, f"{name}.factor", outputs)
    sizes = np.abs(weight.astype(np.int64)).reshape(outputs, -1)
    if sizes.max() > MAX_WEIGHT or 255 * sizes.sum(1).max() >= _EXACT:
        raise ModelError(f"{name} of the synthesis has larger weights than a sum can hold exactly")
    if shift.max() > MAX_SHIFT or np.abs(bias.astype(np.int64)).max() >= _MAX_BIAS:
        raise ModelError(f"{name} of the synthesis is outside its range")
    return weight, bias, shift, factor


# Rows of 2^-20 by which planes of 1/64 grey level become R, G and B.
_COLOUR = np.array([[9459, 11585, 6689], [9459, 0, -13377], [9459, -11585, 6689]], np.int32)
_COLOUR_BITS = 20


def to_plane_range(planes: np.ndarray) -> np.ndarray:
    """Integers of any type, 1/64 grey level, to int16; beyond it they are clamped."""
    most = 1 << PLANE_BITS - 1
    return planes.clip(-most, most - 1).astype(np.int16)


def grey_levels(planes: np.ndarray, *, is_grey: bool) -> np.ndarray:
    """(3, h, w) int16 planes, 1/64 grey level, to (h, w) or (h, w, 3) uint8."""
    offset = (int(MID_GREY) << _COLOUR_BITS) + (1 << _COLOUR_BITS - 1)
    wide = planes.astype(np.int32)
    if is_grey:
        levels = wide[0] * _COLOUR[0, 0]
    else:
        levels = np.stack(
            [sum(f * p for f, p in zip(row, wide, strict=True)) for row in _COLOUR], -1
        )
    shown: np.ndarray = ((levels + offset) >> _COLOUR_BITS).clip(0, 255).astype(np.uint8)
    return shown
