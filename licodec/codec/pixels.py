"""Pixels in, corrected planes out, and planes in, pixels out; strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.region import Region
from licodec.prior.planes import Planes
from licodec.prior.strips import row_strips
from licodec.transform.colour import grey_to_luma, luma_to_grey, planes_to_rgb, rgb_to_planes
from licodec.transform.correction import Correction, Layer
from licodec.transform.patches import PATCH_PX, padded_size
from licodec.transform.wavelet import FRACTION_BITS, GRID_PX

# Pixels of a strip: some tens of MB of activations. Half and twice as many take longer.
STRIP_PX = 1 << 19


class Push(Protocol):
    """See `CorrectedRows.push`; here (3, h, W) float32 to (3, h', W)."""

    def __call__(self, planes: Tensor, *, is_last: bool) -> Tensor: ...


class Corrector:
    """A correction that is bound to a quality and a device.

    Args:
        correction: in floating point; is moved to the device.
        weights: (1, knots) interpolation weights of the quality.
        step_px: (1,) quantization step in grey levels.
        device: where it runs.
        last: in place of the correction's last layer.
    """

    def __init__(
        self,
        correction: Correction,
        weights: Tensor,
        step_px: Tensor,
        device: torch.device,
        last: Layer | None = None,
    ) -> None:
        self._correction = correction.to(device)
        self._last = last
        self._inputs = weights.to(device), step_px.to(device)
        self._device = device
        self._is_short = device.type == "cpu" and has_fast_bfloat16()
        self.halo_patches = correction.halo_patches

    def start(self) -> Push:
        """Begin a picture, which comes in strips."""
        rows = self._correction.rows(*self._inputs, self._last)

        @torch.inference_mode()
        def push(planes: Tensor, *, is_last: bool) -> Tensor:
            with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._is_short):
                return rows.push(planes[None].to(self._device), is_last=is_last)[0].cpu()

        return push


def tuned_corrector(
    correction: Correction,
    inputs: tuple[Tensor, Tensor],
    device: torch.device,
    tuning: np.ndarray,
) -> Corrector:
    """A correction that is fitted to a picture.

    Args:
        correction: of a synthesis.
        inputs: `quality_inputs`.
        device: where it runs.
        tuning: (K,) integers, how far to go in each of its directions; (0,) changes nothing.
    """
    last: Layer | None = None
    if len(tuning) and correction.directions is not None:
        last = correction.to(device).tuned_layer(torch.from_numpy(tuning.astype(np.float32)))
    return Corrector(correction, *inputs, device, last)


def corrected_rows(pixels: np.ndarray, push: Push) -> Iterator[Tensor]:
    """A picture's padded planes after the analysis correction, from top to bottom.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        push: analysis correction.

    Yields:
        (3, n, W') float32 grey levels; chroma of a grey picture is zero before it.
    """
    height, width = (padded_size(n, GRID_PX) for n in pixels.shape[:2])
    num_patches = height // PATCH_PX
    for first, last in row_strips(num_patches, width, positions=STRIP_PX // PATCH_PX):
        planes = padded_rows(pixels, first * PATCH_PX, last * PATCH_PX)
        yield push(planes, is_last=last == num_patches)


def padded_rows(pixels: np.ndarray, top: int, bottom: int) -> Tensor:
    """(3, bottom - top, W') float32 planes; beyond the picture its last row and column repeat."""
    height, width = pixels.shape[:2]
    # torch warns about arrays that it could not write to, such as those of Pillow.
    part = torch.from_numpy(np.array(pixels[min(top, height - 1) : bottom], copy=True)).float()
    if pixels.ndim == 2:
        luma = grey_to_luma(part)[None, None]
        planes = torch.cat([luma, torch.zeros_like(luma), torch.zeros_like(luma)], 1)
    else:
        planes = rgb_to_planes(part.permute(2, 0, 1)[None])
    right, below = padded_size(width, GRID_PX) - width, bottom - top - planes.shape[2]
    return F.pad(planes, (0, right, 0, below), mode="replicate")[0]


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware.

    The corrections then take half the time; their 8 bits of mantissa move samples by 0.1 (low
    qualities) to 0.02 grey levels on average, single ones by two, and PSNR by less than 0.05 dB.
    """
    found = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(found is not None and found())


def pixels_of(
    planes: Planes | Tensor,
    corrector: Corrector,
    height: int,
    width: int,
    is_grey: bool,
    region: Region | None = None,
) -> np.ndarray:
    """Integer planes to pixels, strip by strip.

    Args:
        planes: (3, H', W') int32, 1/64 grey level.
        corrector: of the synthesis.
        height, width: of the picture.
        region: the part of it that is wanted, which differs from the same part of the whole by at
            most one grey level.

    Returns:
        (height, width) or (height, width, 3) uint8 of the region or the picture.
    """
    region = region or Region(0, 0, width, height)
    pixels = np.empty((region.height, region.width, *(() if is_grey else (3,))), np.uint8)
    halo = corrector.halo_patches
    upper, lower = _patches(region.y, region.height, halo, planes.shape[1])
    first, last = (n * PATCH_PX for n in _patches(region.x, region.width, halo, planes.shape[2]))
    columns = slice(region.x - first, region.x - first + region.width)
    push = corrector.start()
    # Where the next corrected row lies in the region.
    top = upper * PATCH_PX - region.y
    num_patches = lower - upper
    for begin, end in row_strips(num_patches, last - first, positions=STRIP_PX // PATCH_PX):
        window = (upper + begin) * PATCH_PX, (upper + end) * PATCH_PX, first, last
        levels = _window(planes, *window).float().mul_(2.0**-FRACTION_BITS)
        corrected = push(levels, is_last=end == num_patches)
        bottom = top + corrected.shape[1]
        rows = slice(max(top, 0), min(bottom, region.height))
        if rows.start < rows.stop:
            part = corrected[:, rows.start - top : rows.stop - top, columns]
            pixels[rows] = grey_levels(part, is_grey=is_grey)
        top = bottom
    return pixels


def grey_levels(planes: Tensor, *, is_grey: bool) -> np.ndarray:
    """(3, h, w) float planes to (h, w) or (h, w, 3) uint8."""
    levels = luma_to_grey(planes[0]) if is_grey else planes_to_rgb(planes[None])[0].permute(1, 2, 0)
    rounded: np.ndarray = levels.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return rounded


def _patches(first_px: int, size_px: int, halo: int, end_px: int) -> tuple[int, int]:
    """First patch that pixels depend on, and the one after the last."""
    first, last = first_px // PATCH_PX - halo, -(-(first_px + size_px) // PATCH_PX) + halo
    return max(first, 0), min(last, end_px // PATCH_PX)


def _window(planes: Planes | Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    if isinstance(planes, Planes):
        return planes.window(top, bottom, left, right)
    return planes[:, top:bottom, left:right]
