"""Quantises a trained synthesis to integers after training, layer by layer.

Each layer's weights are rounded one input after another, and what an input's rounding does to the
layer's outputs is taken up by the inputs that are still to come (Frantar et al. 2022, GPTQ), on
what the layers before it give in integers. Bytes cover what each channel of the trained network
takes on pictures of all qualities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family, quality_inputs
from licodec.config import MAX_QUALITY_INDEX, CorrectionConfig, FamilyConfig
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.metrics.psnr import finite_psnr_of
from licodec.train.data import Pictures
from licodec.transform.colour import planes_to_rgb
from licodec.transform.correction import Block, Correction, PatchNet
from licodec.transform.grid import FINE_PATCH_PX, FRACTION_BITS
from licodec.transform.integer import (
    INPUT_SHIFT,
    MAX_WEIGHT,
    SHORT_WEIGHT,
    STREAM_BITS,
    IntegerPart,
    IntegerSynthesis,
    grey_levels,
)
from licodec.transform.patches import to_patches
from licodec.transform.quality import interpolate
from licodec.transform.reference import add_correction, corrected_planes, features

_INPUT_SCALE = 2.0 ** (INPUT_SHIFT - FRACTION_BITS) / 64.0
# Crops that ranges and roundings are fitted to, and their largest height and width.
_NUM_SAMPLES, _CROP_PX = 48, (192, 256)
# Share of a channel's values beyond each end of what bytes hold.
_OUTSIDE = 2e-4
# Positions of a map that are looked at.
_MOST_POSITIONS = 4096
_DAMPING = 0.005
# Bits of factors: many where sums give bytes, few where they give 16 bits.
_FACTOR_BITS, _STREAM_FACTOR_BITS = 10, 15
_SHRINKS = (1.0, 0.92, 0.85, 0.78, 0.7, 0.6)


@dataclass(frozen=True, slots=True)
class Sample:
    """Planes of a coded picture, (3, H, W) int32 in 1/64 grey level, before their correction."""

    quality_index: int
    planes: Tensor


def integer_synthesis(
    correction: Correction,
    shape: CorrectionConfig,
    family: FamilyConfig,
    samples: Sequence[Sample],
) -> dict[str, Tensor]:
    """Quantise a synthesis.

    Args:
        correction: trained, in floating point.
        shape: of it.
        family: that it belongs to.
        samples: of all qualities.

    Returns:
        Tensors of a synthesis-PROFILE.safetensors but for its directions, see "Weights" in
        docs/format.md.
    """
    with torch.inference_mode():
        tensors = _Part(correction, "", shape.num_blocks, family, samples).tensors
        if correction.fine is not None:
            part = IntegerPart(arrays_of(tensors), "", shape.patch_px, shape.num_blocks)
            moved = [Sample(s.quality_index, _corrected(part, s)) for s in samples]
            tensors |= _Part(correction.fine, "fine.", shape.fine_blocks, family, moved).tensors
    IntegerSynthesis(arrays_of(tensors), shape)
    return tensors


def calibration_samples(family: Family, pictures: Pictures) -> list[Sample]:
    """Planes of crops at qualities from the lowest to the highest, evenly."""
    random = np.random.default_rng(0)
    samples = []
    for number in range(_NUM_SAMPLES):
        picture = pictures.arrays[int(random.integers(len(pictures.arrays)))]
        crop = _crop(picture, random)
        index = number * MAX_QUALITY_INDEX // (_NUM_SAMPLES - 1)
        encoded = encode_pixels(crop, family, index, "cpu")
        samples.append(Sample(index, torch.from_numpy(encoded.planes)))
    return samples


def _crop(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    height, width = (min(n, m) for n, m in zip(_CROP_PX, picture.shape[:2], strict=True))
    top = int(random.integers(picture.shape[0] - height + 1))
    left = int(random.integers(picture.shape[1] - width + 1))
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def measure_loss(
    correction: Correction,
    synthesis: IntegerSynthesis,
    family: Family,
    pictures: Sequence[np.ndarray],
    index: int,
) -> float:
    """Mean dB of PSNR that integers cost at a quality, of crops of (H, W, 3) uint8 pictures."""
    losses = []
    random = np.random.default_rng(1)
    weights, step_px = _quality_tensors(family.config, index)
    for picture in pictures:
        pixels = _crop(picture, random)
        height, width = pixels.shape[:2]
        planes = torch.from_numpy(encode_pixels(pixels, family, index, "cpu").planes)
        with torch.inference_mode():
            levels = correction(planes[None].float() / 2**FRACTION_BITS, weights, step_px)
            rgb = planes_to_rgb(levels)[0].permute(1, 2, 0)[:height, :width]
            corrected, _ = corrected_planes(synthesis.at(index, NO_FILTER), planes)
        shown = grey_levels(corrected.numpy().astype(np.int16), is_grey=False)[:height, :width]
        in_integers, in_floats = (
            finite_psnr_of(float(np.square(a.astype(np.float64) - pixels).mean()))
            for a in (shown, rgb.round().clamp(0, 255).numpy())
        )
        losses.append(in_floats - in_integers)
    return float(np.mean(losses))


def _quality_tensors(config: FamilyConfig, index: int) -> tuple[Tensor, Tensor]:
    """`quality_inputs` as tensors."""
    weights, step_px = quality_inputs(config, index)
    return torch.from_numpy(weights), torch.from_numpy(step_px)


def arrays_of(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Tensors as arrays that share their memory."""
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _corrected(part: IntegerPart, sample: Sample) -> Tensor:
    form = part.at(sample.quality_index, None)
    return add_correction(form, sample.planes, features(form, sample.planes))


class _Part:
    """Quantises one network."""

    def __init__(
        self,
        net: PatchNet,
        prefix: str,
        num_blocks: int,
        family: FamilyConfig,
        samples: Sequence[Sample],
    ) -> None:
        self._net, self._prefix, self._num_blocks = net, prefix, num_blocks
        self._family, self._samples = family, samples
        self.tensors: dict[str, Tensor] = {}
        self._ranges()
        self._make_placeholders()
        inputs = torch.full((net.into.in_channels,), _INPUT_SCALE, dtype=torch.float64)
        self._layer(0, "into", net.into, net.quality_bias, inputs, "stream")
        for b, block in enumerate(net.blocks):
            assert isinstance(block, Block)
            middle = f"blocks.{b}.into"
            self._layer(
                2 * b + 1, middle, block.into, block.quality_bias, self._scale["stream"], middle
            )
            self._layer(
                2 * b + 2, f"blocks.{b}.back", block.back, None, self._scale[middle], "stream"
            )
        self._last()

    def _ranges(self) -> None:
        """Scale and zero of each map of bytes."""
        seen: dict[str, list[Tensor]] = {}
        for sample in self._samples:
            for name, values in self._float_maps(sample).items():
                seen.setdefault(name, []).append(_some(values.flatten(1)))
        self._scale, self._zero = {}, {}
        for name, parts in seen.items():
            values = torch.cat(parts, 1).double()
            ends = _ends(values)
            low, high = ends[0].clamp_max(0), ends[1].clamp_min(0)
            scale = ((high - low) / 255).clamp_min(1e-6)
            self._scale[name] = scale
            self._zero[name] = (-low / scale).round().clamp(0, 255)

    def _float_maps(self, sample: Sample) -> dict[str, Tensor]:
        """Maps that become bytes, in floating point; those of the stream beside each other."""
        net = self._net
        weights, _ = _quality_tensors(self._family, sample.quality_index)
        patches = to_patches(sample.planes[None].float() / 2**FRACTION_BITS / 64, net.patch_px)

        def biased(x: Tensor, table: Tensor) -> Tensor:
            return F.leaky_relu(x + interpolate(weights, table)[:, :, None, None], 0.1)

        hidden = biased(net.into(patches), net.quality_bias)
        if not net.blocks:
            return {"stream": hidden[0], "last": F.leaky_relu(hidden, 0.1)[0]}
        stream, maps = [hidden[0]], {}
        for b, block in enumerate(net.blocks):
            assert isinstance(block, Block)
            middle = biased(block.into(hidden), block.quality_bias)
            hidden = hidden + block.back(middle)
            maps[f"blocks.{b}.into"] = middle[0]
            if b + 1 < len(net.blocks):
                stream.append(hidden[0])
        return maps | {"stream": torch.cat(stream, 1), "last": F.leaky_relu(hidden, 0.1)[0]}

    def _make_placeholders(self) -> None:
        """Layers that give zeros, until they are quantised in turn."""
        net = self._net
        width = net.into.out_channels
        for name, conv in self._convolutions().items():
            knots = 1 if name.endswith("back") else len(net.quality_bias)
            self._put(
                name,
                weight=torch.zeros(conv.weight.shape, dtype=torch.int8),
                bias=torch.zeros(knots, width, dtype=torch.int32),
                shift=torch.zeros(width, dtype=torch.uint8),
                factor=torch.ones(width, dtype=torch.int16),
            )
        for name, zero in self._zero.items():
            self._put(name, zero=zero.to(torch.uint8))
        ratio = self._scale["stream"] / self._scale["last"] * 2.0 ** (15 - STREAM_BITS)
        self._put("last", factor=ratio.round().clamp(1, 32767).to(torch.int16))
        self._put(
            "out",
            weight=torch.zeros(net.out.out_channels, width, dtype=torch.int32),
            bias=torch.zeros(net.out.out_channels, dtype=torch.int32),
        )
        self.tensors[f"{self._prefix}gain"] = torch.ones(MAX_QUALITY_INDEX + 1, dtype=torch.int32)
        self.tensors[f"{self._prefix}gain_bits"] = torch.full((1,), 30, dtype=torch.int32)

    def _convolutions(self) -> dict[str, torch.nn.Conv2d]:
        found = {"into": self._net.into}
        for b, block in enumerate(self._net.blocks):
            assert isinstance(block, Block)
            found |= {f"blocks.{b}.into": block.into, f"blocks.{b}.back": block.back}
        return found

    def _put(self, name: str, **tensors: Tensor) -> None:
        for key, tensor in tensors.items():
            self.tensors[f"{self._prefix}{name}.{key}"] = tensor

    def _layer(
        self,
        number: int,
        name: str,
        conv: torch.nn.Conv2d,
        quality_bias: Tensor | None,
        scale: Tensor,
        out: str,
    ) -> None:
        """Quantise the layer of that number, on what those before it give."""
        wanted = (conv.weight.double() * scale[:, None, None]).flatten(1)  # for integer inputs
        products, mean = self._moments(number)
        most = MAX_WEIGHT if self._net.patch_px == FINE_PATCH_PX else SHORT_WEIGHT
        unit = _units(wanted, products, most)
        weight = _rounded(wanted * unit[:, None], products, most)
        assert conv.bias is not None
        bias = conv.bias.double()[None] + (0 if quality_bias is None else quality_bias.double())
        # What rounding moves on average.
        bias = bias + (wanted - weight / unit[:, None]) @ mean
        fraction, bits = (
            (STREAM_BITS, _STREAM_FACTOR_BITS) if out == "stream" else (0, _FACTOR_BITS)
        )
        ratio = 2.0**fraction / (unit * self._scale[out])
        shift = (bits - 15 - torch.log2(ratio)).floor().clamp(0, 24)
        self._put(
            name,
            weight=weight.view(conv.weight.shape).to(torch.int8),
            bias=(bias * unit).round().to(torch.int32),
            shift=shift.to(torch.uint8),
            factor=(ratio * 2 ** (15 + shift)).round().clamp(1, 32767).to(torch.int16),
        )

    def _moments(self, number: int) -> tuple[Tensor, Tensor]:
        """Second moments (I k^2, I k^2) and means of a layer's inputs in integers."""
        part = IntegerPart(
            arrays_of(self.tensors), self._prefix, self._net.patch_px, self._num_blocks
        )
        total, mean, count = None, None, 0
        for sample in self._samples:
            taken: list[Tensor] = []
            features(part.at(sample.quality_index, None), sample.planes, taken.append)
            columns = _some(F.unfold(taken[number][None].float(), 3, padding=1)[0])
            own = columns @ columns.t()
            total = own if total is None else total.add_(own)
            mean = columns.sum(1) if mean is None else mean.add_(columns.sum(1))
            count += columns.shape[1]
        assert total is not None
        assert mean is not None
        return total.double() / count, mean.double() / count

    def _last(self) -> None:
        out, scale = self._net.out, self._scale["last"]
        assert out.bias is not None
        wanted = out.weight.double()[:, :, 0, 0] * scale
        unit = 32767 / wanted.abs().max()
        self._put(
            "out",
            weight=(wanted * unit).round().to(torch.int32),
            bias=(out.bias.double() * unit).round().to(torch.int32),
        )
        gains = []
        for index in range(MAX_QUALITY_INDEX + 1):
            weights, step_px = _quality_tensors(self._family, index)
            gains.append(float(step_px * torch.exp(interpolate(weights, self._net.log_gain))))
        gain = torch.tensor(gains, dtype=torch.float64) * 2**FRACTION_BITS / unit
        bits = int(30 - torch.log2(gain.max()).ceil())
        self.tensors[f"{self._prefix}gain"] = (gain * 2.0**bits).round().to(torch.int32)
        self.tensors[f"{self._prefix}gain_bits"] = torch.full((1,), bits, dtype=torch.int32)


def _some(values: Tensor) -> Tensor:
    """Columns of (C, n), evenly spread ones where there are many."""
    stride = -(-values.shape[1] // _MOST_POSITIONS)
    return values[:, stride // 2 :: stride]


def _ends(values: Tensor) -> tuple[Tensor, Tensor]:
    """Per row of (C, n) what nearly all values lie between."""
    outside = max(1, round(_OUTSIDE * values.shape[1]))
    low = values.topk(outside, 1, largest=False).values[:, -1]
    return low, values.topk(outside, 1).values[:, -1]


def _units(wanted: Tensor, products: Tensor, most: int) -> Tensor:
    """(O,) units of integer weights: the largest are cut where that costs less than it gains."""
    largest = wanted.abs().amax(1).clamp_min(1e-9)
    powers = products.diagonal()
    best, unit = torch.full_like(largest, torch.inf), most / largest
    for shrink in _SHRINKS:
        tried = most / (largest * shrink)
        rounded = (wanted * tried[:, None]).round().clamp(-most, most)
        error = ((wanted - rounded / tried[:, None]).square() * powers).sum(1)
        unit, best = torch.where(error < best, tried, unit), torch.minimum(error, best)
    return unit


def _rounded(wanted: Tensor, products: Tensor, most: int) -> Tensor:
    """(O, n) whole numbers up to most whose products with inputs are near those of wanted.

    Args:
        wanted: (O, n) float64.
        products: (n, n) second moments of the inputs.
        most: largest size of a number.
    """
    order = products.diagonal().argsort(descending=True)
    left, moments = wanted[:, order].clone(), products[order][:, order]
    level = moments.diagonal().mean() * _DAMPING + 1e-9
    moments = moments + torch.eye(len(moments), dtype=moments.dtype) * level
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moments))
    factor = torch.linalg.cholesky(inverse, upper=True)
    found = torch.empty_like(left)
    for i in range(len(order)):
        found[:, i] = left[:, i].round().clamp(-most, most)
        error = (left[:, i] - found[:, i]) / factor[i, i]
        left[:, i:] -= error[:, None] * factor[i, i:]
    back = torch.empty_like(found)
    back[:, order] = found
    return back
