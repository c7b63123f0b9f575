"""Pixels in, corrected planes out, and planes in, pixels out; strip by strip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from licodec.prior.strips import in_strips
from licodec.transform.colour import grey_to_luma, luma_to_grey, planes_to_rgb, rgb_to_planes
from licodec.transform.correction import Correction
from licodec.transform.patches import PATCH_PX, pad_to_grid
from licodec.transform.wavelet import FRACTION_BITS, GRID_PX

# Pixels of a strip without its halo: some tens of MB of activations.
_STRIP_PX = 1 << 20

Correct = Callable[[Tensor], Tensor]


def planes_of(pixels: np.ndarray) -> Tensor:
    """(H, W) or (H, W, 3) uint8 to (3, H', W') float32 planes, padded; grey has zero chroma."""
    if pixels.ndim == 2:
        luma = pad_to_grid(grey_to_luma(_tensor(pixels).float())[None, None], GRID_PX)
        return torch.cat([luma, torch.zeros_like(luma), torch.zeros_like(luma)], 1)[0]
    rgb = _tensor(pixels).permute(2, 0, 1)

    def run(part: Tensor) -> Tensor:
        return rgb_to_planes(part[None].float())[0]

    return pad_to_grid(in_strips(run, [rgb], 0, _STRIP_PX)[None], GRID_PX)[0]


def _tensor(pixels: np.ndarray) -> Tensor:
    # torch warns about arrays that it could not write to, such as those of Pillow.
    return torch.from_numpy(np.require(pixels, requirements=["C", "W"]))


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


def correct(planes: Tensor, run: Correct, halo_patches: int) -> Tensor:
    """(3, H, W) float32 to the same, in strips of whole patches."""
    return _patch_strips(run, planes, halo_patches)


def pixels_of(
    planes: Tensor, run: Correct, halo_patches: int, height: int, width: int, is_grey: bool
) -> np.ndarray:
    """Integer planes to pixels.

    Args:
        planes: (3, H', W') int32, 1/64 grey level.
        run: synthesis correction.
        halo_patches: its reach.
        height, width: of the picture.

    Returns:
        (height, width) or (height, width, 3) uint8.
    """

    def to_bytes(part: Tensor) -> Tensor:
        corrected = run(part.float() / (1 << FRACTION_BITS))
        grey_levels = luma_to_grey(corrected[:1]) if is_grey else planes_to_rgb(corrected[None])[0]
        return grey_levels.round_().clamp_(0, 255).to(torch.uint8)

    pixels = _patch_strips(to_bytes, planes, halo_patches)[:, :height, :width]
    if is_grey:
        return np.ascontiguousarray(pixels[0].numpy())
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())


def _patch_strips(run: Correct, planes: Tensor, halo_patches: int) -> Tensor:
    """`in_strips` over rows of patches."""
    channels, height, width = planes.shape
    by_row = planes.view(channels, height // PATCH_PX, PATCH_PX * width)

    def run_rows(part: Tensor) -> Tensor:
        return run(part.reshape(channels, -1, width)).reshape(-1, part.shape[1], PATCH_PX * width)

    out = in_strips(run_rows, [by_row], halo_patches, _STRIP_PX)
    return out.view(-1, height, width)
