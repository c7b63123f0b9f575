"""The analysis correction in integers: derived from its weights in floating point.

Maps are 16-bit numbers, and so are weights; their products are added in 32 bits. Each map has a
unit of its own, a power of two, and so has each row of weights, so that layers end with a shift.
Integers make an encode the same everywhere. Needs numpy alone. Who computes with it:
`licodec.transform.native_correction` in C, `licodec.transform.analysis_reference` on torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.transform.grid import FINE_PATCH_PX, FRACTION_BITS, NUM_PLANES, PATCHES_PX
from licodec.transform.integer import LEAK, MAX_SHIFT
from licodec.transform.quality import interpolate

_WORD_END = 1 << 15
# Least numbers of a map: of any, and of one that was leaky last.
_LEAST, _LEAST_LEAKY = -_WORD_END, (-_WORD_END * LEAK + (1 << 14)) >> 15
# What sums of products and biases, rounding included, stay below; 2^31 together.
_MAX_BIAS = 1 << 28
_MAX_PRODUCTS = (1 << 31) - _MAX_BIAS - 1
# Networks see planes in units of 64 grey levels.
_UNIT_BITS = 6
# Largest input: black or white samples, in these units.
_EXTREME = 128 * NUM_PLANES**0.5 / (1 << _UNIT_BITS)
# Bits of a gain, so few that no rounding of its logarithm or exponential shows in them.
_GAIN_BITS = 16


@dataclass(frozen=True, slots=True)
class WordLayer:
    """A convolution of 16-bit numbers to 16-bit numbers.

    Attributes:
        weight: (O, I, k, k) int16.
        bias: (O,) int32, half of what the shift drops included.
        shift: (O,) uint8, 1 .. MAX_SHIFT.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True, slots=True)
class WordPart:
    """One network at a quality.

    Attributes:
        patch_px: side of a patch.
        layers: of 3x3: from patches, then two for each block, of which the second is added to the
            map before both; after the first, the middle of each block and the last of all follows
            a leak.
        out: of 1x1, back to patches in 1/64 grey level; all its shifts are equal.
    """

    patch_px: int
    layers: tuple[WordLayer, ...]
    out: WordLayer


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """A layer whose biases the quality moves.

    Attributes:
        weight, shift: as in `WordLayer`; the shifts are int64.
        bias: (knots, O) float64.
        bias_bits: (O,) fractional bits of biases.
    """

    weight: np.ndarray
    shift: np.ndarray
    bias: np.ndarray
    bias_bits: np.ndarray

    def at(self, weights: np.ndarray) -> WordLayer:
        """The layer at knot weights (1, knots)."""
        bias = interpolate(weights, self.bias)[0]
        return _layer(self.weight, bias, self.shift, self.bias_bits)


class IntegerCorrection:
    """One network, or two after each other.

    Attributes:
        parts: them.
        halo_px: pixels on each side that a pixel of the result depends on.

    Args:
        shape: of the networks.
        arrays: floating-point weights, by the names that `licodec.transform.correction.Correction`
            gives them.

    Raises:
        KeyError: an array is missing; it is named.
        ModelError: shapes that do not fit, or weights that 16 bits cannot hold.
    """

    def __init__(self, shape: CorrectionConfig, arrays: Mapping[str, np.ndarray]) -> None:
        prefixes = [("", shape.patch_px, shape.num_blocks)]
        if shape.fine_blocks:
            prefixes.append(("fine.", FINE_PATCH_PX, shape.fine_blocks))
        self.parts = [PartWeights(arrays, *prefix) for prefix in prefixes]
        self.halo_px = sum(part.patch_px * len(part.layers) for part in self.parts)
        if sum(6 + 5 * blocks for _, _, blocks in prefixes) != len(arrays):
            raise ModelError("a correction has more weights than its shape")

    def at(self, inputs: tuple[np.ndarray, np.ndarray]) -> tuple[WordPart, ...]:
        """The networks at knot weights (1, knots) and step (1,) in grey levels of a quality."""
        weights, step_px = (x.astype(np.float64) for x in inputs)
        return tuple(part.at(weights, float(step_px[0])) for part in self.parts)


class PartWeights:
    """One network, its layers in integers.

    Attributes:
        patch_px: side of a patch.
        layers: all but the last, whose weights the quality moves, too.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], prefix: str, patch_px: int, num_blocks: int
    ) -> None:
        self.patch_px = patch_px
        patch, width = NUM_PLANES * patch_px**2, len(arrays[f"{prefix}into.weight"])
        if patch_px not in PATCHES_PX or width % 4:
            raise ModelError("patches of a correction are not 2, 4 or 8 px, or its width is no 4n")

        def of(name: str, *shape: int) -> np.ndarray:
            if arrays[prefix + name].shape != shape:
                found = arrays[prefix + name].shape
                raise ModelError(f"{prefix}{name} of a correction is {found}, not {shape}")
            if not np.isfinite(arrays[prefix + name]).all():
                raise ModelError(f"{prefix}{name} of a correction has numbers that are not finite")
            return arrays[prefix + name]

        self._log_gain = arrays[f"{prefix}log_gain"].astype(np.float64)
        num_knots = len(self._log_gain)
        blocks = [f"blocks.{b}." for b in range(num_blocks)]
        names = ["into", *(b + k for b in blocks for k in ("into", "back"))]
        inputs = [patch, *[width] * (2 * num_blocks)]
        weights = [of(f"{n}.weight", width, i, 3, 3) for n, i in zip(names, inputs, strict=True)]
        bias = [np.tile(of(f"{n}.bias", width).astype(np.float64), (num_knots, 1)) for n in names]
        for number, block in enumerate(["", *blocks]):
            shifted = max(2 * number - 1, 0)  # the first layer of each block, and the first of all
            bias[shifted] += of(f"{block}quality_bias", num_knots, width)
        self._out = of("out.weight", patch, width, 1, 1).astype(np.float64)
        self._out_bias = of("out.bias", patch).astype(np.float64)
        sizes = [np.abs(b).max(0) for b in bias]
        self._stream_bits, middle_bits = _units(weights, sizes)
        self.layers = []
        before = FRACTION_BITS + _UNIT_BITS
        for number, (exact, size) in enumerate(zip(weights, sizes, strict=True)):
            is_middle = number % 2 == 1
            after = middle_bits[number // 2] if is_middle else self._stream_bits
            is_leaky = number > 0 and not is_middle
            weight, shift = _rounded(exact, size, before, after, is_leaky=is_leaky)
            self.layers.append(LayerWeights(weight, shift, bias[number], shift + after))
            before = after

    def at(self, weights: np.ndarray, step_px: float) -> WordPart:
        """The network at knot weights (1, knots) and a step in grey levels."""
        mantissa, exponent = np.frexp(step_px * np.exp(interpolate(weights, self._log_gain)[0]))
        gain = np.ldexp(np.rint(np.ldexp(mantissa, _GAIN_BITS)), exponent - _GAIN_BITS)
        exact, bias = self._out * gain, self._out_bias * gain
        weight, shift = _rounded(
            exact, np.abs(bias), self._stream_bits, FRACTION_BITS, is_leaky=True, is_common=True
        )
        out = _layer(weight, bias, shift, shift + FRACTION_BITS)
        return WordPart(self.patch_px, tuple(layer.at(weights) for layer in self.layers), out)


def _layer(
    weight: np.ndarray, bias: np.ndarray, shift: np.ndarray, bias_bits: np.ndarray
) -> WordLayer:
    whole = np.rint(np.ldexp(bias, bias_bits)) + (1 << shift - 1)
    return WordLayer(weight, whole.astype(np.int32), shift.astype(np.uint8))


def _units(weights: list[np.ndarray], biases: list[np.ndarray]) -> tuple[int, list[int]]:
    """Fractional bits of the residual stream, and of the middle of each block.

    Maps have room for three standard deviations of what noise of black and white samples gives,
    which is the independent samples' variance times the squares of all weights, and biases squared.
    Photographs give less: in the installed families at most nine tenths of it, and what exceeds it
    is only clamped.
    """
    squares = [
        (w**2).sum((2, 3), dtype=np.float64) * share  # half of what follows a leak is negative
        for w, share in zip(weights, [1, *[1, 0.5] * (len(weights) // 2)], strict=True)
    ]
    variance = squares[0].sum(1) * _EXTREME**2 + biases[0] ** 2
    middles, largest = [], variance.max()
    for number in range(1, len(weights), 2):
        middle = squares[number] @ variance + biases[number] ** 2
        middles.append(_bits_for(middle.max()))
        variance = variance + squares[number + 1] @ middle + biases[number + 1] ** 2
        largest = max(largest, variance.max())
    return _bits_for(largest), middles


def _bits_for(variance: float) -> int:
    """Fractional bits with which three standard deviations fit 16 bits."""
    reach = 3 * float(np.sqrt(variance))
    return int(np.clip(15 - np.ceil(np.log2(max(reach, 1e-9))), -8, 15))


def _rounded(
    weight: np.ndarray,
    bias: np.ndarray,
    before: int,
    after: int,
    *,
    is_leaky: bool,
    is_common: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (O, I, k, k) with as many fractional bits as 32 bits hold sums of.

    Args:
        weight: floating point.
        bias: (O,) largest size of biases.
        before, after: fractional bits of inputs and of outputs.
        is_leaky: inputs are above _LEAST_LEAKY.
        is_common: all rows have the same.

    Returns:
        (O, I, k, k) int16, and (O,) integers by how much sums are shifted to be outputs.
    """
    rows = weight.reshape(len(weight), -1)
    most, largest = _most(rows, is_leaky=is_leaky)
    # One more than what fits but for rounding, as far as the shift allows.
    bits = 1 + np.minimum(_bits_below(_MAX_PRODUCTS, most), _bits_below(_WORD_END, largest))
    bits = np.minimum(bits, _bits_below(_MAX_BIAS >> 1, bias) - before)
    bits = np.minimum(bits, MAX_SHIFT + after - before)
    if is_common:
        bits[:] = bits.min()
    while True:
        rounded = np.rint(rows * np.ldexp(1.0, bits).astype(rows.dtype)[:, None])
        most, largest = _most(rounded, is_leaky=is_leaky)
        is_large = (most > _MAX_PRODUCTS) | (largest >= _WORD_END)
        if not is_large.any():
            break
        bits -= is_large.any() if is_common else is_large
    shift = bits + before - after
    if shift.min() < 1:
        raise ModelError("a correction has weights that 16 bits cannot hold")
    return rounded.astype(np.int16).reshape(weight.shape), shift


def _most(rows: np.ndarray, *, is_leaky: bool) -> tuple[np.ndarray, np.ndarray]:
    """(O,) largest size of a sum of inputs times weights (O, n), in any order, and of a weight."""
    least = -(_LEAST_LEAKY if is_leaky else _LEAST)
    sizes = np.abs(rows)
    total, signed = sizes.sum(1, dtype=np.float64), np.abs(rows.sum(1, dtype=np.float64))
    return ((_WORD_END + least) * total + (_WORD_END - least) * signed) / 2, sizes.max(1)


def _bits_below(limit: int, sizes: np.ndarray) -> np.ndarray:
    """Bits by which sizes can be shifted to the left and stay below a limit, or a few less."""
    bits: np.ndarray = np.frexp(limit / np.maximum(sizes, 1e-30))[1] - 1
    return bits
