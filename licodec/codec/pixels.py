"""Pixels in, corrected planes out, and planes in, pixels out; strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.planes import Planes
from licodec.prior.strips import row_strips
from licodec.transform.colour import grey_to_luma, luma_to_grey, planes_to_rgb, rgb_to_planes
from licodec.transform.correction import Correction
from licodec.transform.patches import PATCH_PX, padded_size
from licodec.transform.wavelet import FRACTION_BITS, GRID_PX

# Pixels of a strip without its halo: some tens of MB of activations. Wide pictures have strips of
# more pixels, up to the second number, so that the halo stays a small share of them.
_STRIP_PX = 1 << 20
_WIDE_STRIP_PX = 1 << 21
_WIDE_STRIP_ROWS = 256

Correct = Callable[[Tensor], Tensor]


def corrected_rows(
    pixels: np.ndarray, run: Correct, halo_patches: int, top: int, bottom: int
) -> Tensor:
    """Rows of a picture's padded planes after the analysis correction.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        run: analysis correction.
        halo_patches: its reach.
        top, bottom: first row and row after the last, multiples of 8 within the padded height.

    Returns:
        (3, bottom - top, W') float32 grey levels; chroma of a grey picture is zero before it.
    """
    halo = halo_patches * PATCH_PX
    last = padded_size(pixels.shape[0], GRID_PX)
    above, below = max(top - halo, 0), min(bottom + halo, last)
    return run(_padded_rows(pixels, above, below))[:, top - above : bottom - above]


def _padded_rows(pixels: np.ndarray, top: int, bottom: int) -> Tensor:
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


def corrector(
    correction: Correction, weights: Tensor, step_px: Tensor, device: torch.device
) -> Correct:
    """Bind a correction to a quality and a device; the result maps (3, H, W) float to the same."""
    correction.to(device)
    weights, step_px = weights.to(device), step_px.to(device)
    is_short = device.type == "cpu" and has_fast_bfloat16()

    @torch.inference_mode()
    def run(planes: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_short):
            return torch.as_tensor(correction(planes[None].to(device), weights, step_px)[0].cpu())

    return run


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware.

    The corrections then take half the time; they are a few grey levels in size, so that their
    8 bits of mantissa move a pixel by some thousandths of a level.
    """
    found = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(found is not None and found())


def strip_px(width: int) -> int:
    """Pixels of the strips that a picture of this width is corrected in."""
    return max(_STRIP_PX, min(_WIDE_STRIP_ROWS * width, _WIDE_STRIP_PX))


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture in pixels: left, top, width and height, at least 1x1."""

    x: int
    y: int
    width: int
    height: int


def pixels_of(
    planes: Planes | Tensor,
    run: Correct,
    halo_patches: int,
    height: int,
    width: int,
    is_grey: bool,
    region: Region | None = None,
) -> np.ndarray:
    """Integer planes to pixels, strip by strip.

    Args:
        planes: (3, H', W') int32, 1/64 grey level.
        run: synthesis correction.
        halo_patches: its reach.
        height, width: of the picture.
        region: the part of it that is wanted, which differs from the same part of the whole by at
            most one grey level.

    Returns:
        (height, width) or (height, width, 3) uint8 of the region or the picture.
    """
    region = region or Region(0, 0, width, height)
    pixels = np.empty((region.height, region.width, *(() if is_grey else (3,))), np.uint8)
    num_rows, num_columns = (size // PATCH_PX for size in planes.shape[1:])
    left, right = _patches(region.x, region.width)
    first, last = max(left - halo_patches, 0), min(right + halo_patches, num_columns)
    columns = slice(region.x - first * PATCH_PX, region.x - first * PATCH_PX + region.width)
    upper, lower = _patches(region.y, region.height)
    num_px = strip_px((last - first) * PATCH_PX)
    size = lower - upper, (last - first) * PATCH_PX
    for begin, end in row_strips(*size, positions=num_px // PATCH_PX):
        above, below = (
            max(upper + begin - halo_patches, 0),
            min(upper + end + halo_patches, num_rows),
        )
        window = [n * PATCH_PX for n in (above, below, first, last)]
        top = max((upper + begin) * PATCH_PX, region.y)
        bottom = min((upper + end) * PATCH_PX, region.y + region.height)
        corrected = run(_window(planes, *window).float().mul_(2.0**-FRACTION_BITS))
        part = corrected[:, top - window[0] : bottom - window[0], columns]
        pixels[top - region.y : bottom - region.y] = grey_levels(part, is_grey=is_grey)
    return pixels


def grey_levels(planes: Tensor, *, is_grey: bool) -> np.ndarray:
    """(3, h, w) float planes to (h, w) or (h, w, 3) uint8."""
    levels = luma_to_grey(planes[0]) if is_grey else planes_to_rgb(planes[None])[0].permute(1, 2, 0)
    rounded: np.ndarray = levels.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return rounded


def _patches(first_px: int, size_px: int) -> tuple[int, int]:
    """First patch that pixels touch, and the one after the last."""
    return first_px // PATCH_PX, -(-(first_px + size_px) // PATCH_PX)


def _window(planes: Planes | Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    if isinstance(planes, Planes):
        return planes.window(top, bottom, left, right)
    return planes[:, top:bottom, left:right]
