"""The true cost of a coded picture, and where its latent should move to lower it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.bfloat16 import has_fast_bfloat16
from licodec.codec.distortion_weights import DistortionWeights, rd_lambda
from licodec.codec.encode import Encoded
from licodec.codec.model import Family
from licodec.codec.synthesis import PictureSynthesis, WholePlanes
from licodec.coding.scale_offsets import SPLIT_INDEX
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.entropy.tables import coding_bound
from licodec.metrics.distortion import DISTORTIONS
from licodec.metrics.psnr import mean_squared_error, psnr_of
from licodec.prior.dequantised import DequantisedPrior
from licodec.prior.fixed_point import LOG_SCALE_MIN, SCALES_PER_NAT
from licodec.prior.float_walk import FloatWalk
from licodec.prior.layout import NUM_DETAIL_CHANNELS, StepElements, fold_of
from licodec.prior.logistic import logistic_bits
from licodec.prior.walk import walk
from licodec.search.values import Values, coded_values
from licodec.transform.colour import luma_to_grey, planes_to_rgb
from licodec.transform.grid import GRID_PX, NUM_LEVELS, NUM_PLANES
from licodec.transform.integer import IntegerSynthesis
from licodec.transform.smooth import SmoothSynthesis

# Gradients are computed window by window, which bounds memory; sides in elements of the low-pass.
_WINDOW = 16
_HALO = 2
_WINDOW_PX = _WINDOW * GRID_PX
# Most that a target may be away from the coded value, in steps: the parabola holds near it alone.
_MAX_MOVE = 1.0
_SMALLEST_LOG_SCALE = LOG_SCALE_MIN + 1 / SCALES_PER_NAT  # of what is coded

# (values of a step, their means, which are coded) -> decoded values, residuals that cost bits
Relax = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a coded picture costs.

    Attributes:
        bpp: bits of the payload per pixel.
        mse: mean squared error of the decoded pixels in squared grey levels.
        rd: bpp + lambda times the distortion that the family is tuned to, what encoders minimise.
    """

    bpp: float
    mse: float
    rd: float

    @property
    def psnr_db(self) -> float:
        """Peak signal-to-noise ratio of the 8-bit picture; infinite without error."""
        return psnr_of(self.mse)


def decoded_pixels(
    encoded: Encoded,
    pixels: np.ndarray,
    synthesis: IntegerSynthesis,
    quality_index: int,
) -> np.ndarray:
    """What a decoder makes of a file, uint8 of the original's shape.

    Args:
        encoded: result of `encode_pixels`.
        pixels: (H, W) or (H, W, 3) uint8, the original.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
    """
    fitted = PictureSynthesis(synthesis, quality_index, encoded.adaptive_filter)
    height, width = pixels.shape[:2]
    return fitted.pixels(WholePlanes(encoded.planes), height, width, is_grey=pixels.ndim == 2)


class Objective:
    """lambda distortion + bits of one picture at one quality, networks frozen.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
        device: of the gradients of the synthesis; all else runs on the CPU.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        family: Family,
        synthesis: IntegerSynthesis,
        quality_index: int,
        device: str,
    ) -> None:
        self._pixels = pixels
        self._height, self._width = pixels.shape[:2]
        self._is_grey = pixels.ndim == 2
        self._family = family
        self._synthesis = synthesis
        self._smooth = SmoothSynthesis(synthesis.at(quality_index, NO_FILTER), torch.device(device))
        self._quality_index = quality_index
        self._device = device
        self._distortion = DISTORTIONS[family.tune]
        self._rd_lambda = rd_lambda(family, quality_index)
        self._is_synthesis_bfloat16 = device == "cpu" and has_fast_bfloat16()
        self._is_prior_bfloat16 = has_fast_bfloat16()
        dtype = torch.bfloat16 if self._is_prior_bfloat16 else torch.float32
        tensors = {name: torch.from_numpy(array) for name, array in family.tensors.items()}
        self._prior = DequantisedPrior(family.config, tensors, quality_index, dtype)
        self._curvatures = _curvatures(DistortionWeights(family, quality_index))

    def cost(self, encoded: Encoded) -> Cost:
        """True cost: bytes of the payload, pixels as decoders make them."""
        decoded = decoded_pixels(encoded, self._pixels, self._synthesis, self._quality_index)
        bpp = 8 * len(encoded.payload) / (self._height * self._width)
        mse = mean_squared_error(self._pixels, decoded)
        is_visual = self._family.tune == "visual"
        distortion: float = self._distortion_of(decoded) if is_visual else mse
        return Cost(bpp, mse, bpp + self._rd_lambda * distortion)

    @torch.no_grad()
    def _distortion_of(self, decoded: np.ndarray) -> float:
        """Mean distortion over the picture, window by window."""
        total = 0.0
        for top in range(0, self._height, _WINDOW_PX):
            for left in range(0, self._width, _WINDOW_PX):
                part = slice(top, top + _WINDOW_PX), slice(left, left + _WINDOW_PX)
                original, shown = (_colours(p[part]) for p in (self._pixels, decoded))
                num_px = original.shape[2] * original.shape[3]
                total += num_px * float(self._distortion(original, shown))
        mean: float = total / (self._height * self._width)
        return mean

    def targets(self, encoded: Encoded) -> Values:
        """Where each value should be if all others stay as they are coded.

        Around the coded values the objective without an element's own bits is taken as a parabola:
        its slope is the gradient through synthesis and prior, so that what a value does to the
        bits of later elements counts; its curvature is the wavelet's. The result is its minimum,
        which the quantizer then weighs against the element's own bits.

        Args:
            encoded: result of `encode_pixels` at this quality.

        Returns:
            One target per value, at most one step from what is coded.
        """
        targets = coded_values(encoded.planes, self._family, self._quality_index)

        def keep(values: Tensor, mean: Tensor, is_coded: Tensor) -> tuple[Tensor, Tensor]:
            return values, values.detach() - mean

        slopes = self.slopes(targets, keep, encoded)
        for place, slope, curvature in zip(
            targets.tensors, slopes.tensors, self._curvatures, strict=True
        ):
            place.sub_((slope / (2 * curvature)).clamp_(-_MAX_MOVE, _MAX_MOVE))
        return targets

    def slopes(self, values: Values, relax: Relax, encoded: Encoded) -> Values:
        """Gradient of bits plus lambda times distortion, window by window.

        Args:
            values: of the whole picture.
            relax: how values become decoded ones.
            encoded: tells which elements are coded and how scale indices are shifted.
        """
        slopes = values.zeros()
        for inner, outer in _windows(*values.low.shape[1:]):
            part = self._window_slopes(values.window(*outer), outer, relax, encoded)
            part = part.window(*_inside(inner, outer))
            for place, slope in zip(slopes.window(*inner).tensors, part.tensors, strict=True):
                place.copy_(slope)
        return slopes

    def _window_slopes(
        self, part: Values, window: tuple[slice, slice], relax: Relax, encoded: Encoded
    ) -> Values:
        skip_below = coding_bound(self._family.tables, is_all_coded=encoded.is_all_coded)
        bits: list[Tensor] = []
        leaves: list[tuple[StepElements, Tensor]] = []
        top, left = (s.start * GRID_PX for s in window)
        height, width = self._height - top, self._width - left

        def code(
            means: Tensor, log_scales: Tensor, where: StepElements, _: Tensor | None
        ) -> Tensor:
            mean, log_scale = means[0], log_scales[0]
            leaf = part.part(where).requires_grad_(True)
            leaves.append((where, leaf))
            is_coded = log_scale.detach() >= _least_log_scale(skip_below)
            is_inside = _in_picture(where, mean.shape[1:], height, width)
            if is_inside is not None:
                mean, is_coded = mean * is_inside, is_coded & is_inside
            decoded, residual = relax(leaf, mean, is_coded)
            log_scale = log_scale + _shift(log_scale.detach(), encoded.shifts[len(bits)])
            each = logistic_bits(residual, log_scale.clamp_min(_SMALLEST_LOG_SCALE))
            bits.append((each * is_coded).sum())
            return decoded[None]

        prior, rows, columns = self._prior, *part.low.shape[1:]
        walker = FloatWalk(
            prior, prior.qualities, rows, columns, code, is_grey=self._is_grey, is_followed=True
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=self._is_prior_bfloat16):
            walk(walker, is_grey=self._is_grey)
        error = self._error(walker.low, top, left)
        cost = torch.stack(bits).sum() + self._rd_lambda * error
        found = torch.autograd.grad(cost, [leaf for _, leaf in leaves], allow_unused=True)
        slopes = part.zeros()
        for (where, _), slope in zip(leaves, found, strict=True):
            if slope is not None:
                slopes.put(where, slope)
        return slopes

    def _error(self, planes: Tensor, top: int, left: int) -> Tensor:
        """Distortion of a window (1, 3, h, w), times its pixels."""
        planes = planes.to(self._device)
        with torch.autocast(self._device, torch.bfloat16, enabled=self._is_synthesis_bfloat16):
            corrected = self._smooth(planes)
        bottom, right = top + planes.shape[2], left + planes.shape[3]
        original = _colours(self._pixels[top:bottom, left:right])
        height, width = original.shape[2:]
        levels = planes_to_rgb(corrected)
        if self._is_grey:
            levels = luma_to_grey(corrected[:, :1]).expand(-1, NUM_PLANES, -1, -1)
        shown = levels[:, :, :height, :width].clamp(0, 255).cpu()
        return height * width * self._distortion(original, shown).sum()


def _colours(pixels: np.ndarray) -> Tensor:
    """(h, w) or (h, w, 3) uint8 to (1, 3, h, w) float32."""
    # torch warns about arrays that it could not write to, such as those of Pillow.
    levels = torch.from_numpy(np.array(pixels, copy=True))
    colours = levels[:, :, None].expand(-1, -1, NUM_PLANES) if levels.ndim == 2 else levels
    return colours.permute(2, 0, 1)[None].float()


def _in_picture(
    where: StepElements, shape: Sequence[int], height: int, width: int
) -> Tensor | None:
    """Elements of a step's channels (C, *shape) that are not of the padding, bool; None: all."""
    fold, size = fold_of(where.level), 1 << where.level
    if where.mask is not None:
        return None
    rows, columns = (n * fold for n in shape)
    if (rows - 1) * size < height and (columns - 1) * size < width:
        return None
    y, x = torch.arange(rows) * size < height, torch.arange(columns) * size < width
    inside = F.pixel_unshuffle((y[:, None] & x[None])[None].to(torch.uint8), fold).bool()
    return inside[[c % (fold * fold) for c in where.channels]]


def _shift(log_scale: Tensor, shifts: np.ndarray) -> Tensor:
    """What a step's shifts (B, 2) add to logarithms of scales (C, ..); the same shape."""
    shape = len(shifts), 2, *[1] * log_scale[0].ndim
    low, high = torch.from_numpy(shifts / SCALES_PER_NAT).float().view(shape).unbind(1)
    repeats = len(log_scale) // len(shifts)
    low, high = low.repeat_interleave(repeats, 0), high.repeat_interleave(repeats, 0)
    return torch.where(log_scale < _least_log_scale(SPLIT_INDEX), low, high)


def _least_log_scale(skip_below: int) -> float:
    """Logarithms of scales below it have an index below `skip_below`; indices start at 1."""
    return LOG_SCALE_MIN + skip_below / SCALES_PER_NAT if skip_below > 1 else -math.inf


def _curvatures(weights: DistortionWeights) -> list[Tensor]:
    """(C, 1, 1) bits of a squared step for each of `Values.tensors`."""
    planes = tuple(range(NUM_PLANES))
    low = torch.from_numpy(weights.at(StepElements(0, planes, np.ones((1, 1), bool))))[:, :, None]
    details = [
        torch.from_numpy(
            weights.at(StepElements(level, tuple(range(NUM_DETAIL_CHANNELS * fold_of(level) ** 2))))
        )
        for level in range(1, NUM_LEVELS + 1)
    ]
    return [low, *details]


def _windows(rows: int, columns: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Windows that tile the low-pass, each alone and with its halo."""
    for top in range(0, rows, _WINDOW):
        for left in range(0, columns, _WINDOW):
            bottom, right = min(top + _WINDOW, rows), min(left + _WINDOW, columns)
            outer = (
                slice(max(top - _HALO, 0), min(bottom + _HALO, rows)),
                slice(max(left - _HALO, 0), min(right + _HALO, columns)),
            )
            yield (slice(top, bottom), slice(left, right)), outer


def _inside(inner: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, slice]:
    """The inner window in coordinates of the outer one."""
    y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return y, x
