"""Makes corrected planes of pixels strip by strip, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.bfloat16 import has_fast_bfloat16
from licodec.prior.strips import row_strips
from licodec.transform.colour import grey_to_luma, rgb_to_planes
from licodec.transform.correction import Correction
from licodec.transform.grid import GRID_PX, PATCH_PX, padded_size

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
    """

    def __init__(
        self,
        correction: Correction,
        weights: Tensor,
        step_px: Tensor,
        device: torch.device | str,
    ) -> None:
        device = torch.device(device)
        self._correction = correction.to(device)
        self._inputs = weights.to(device), step_px.to(device)
        self._device = device
        self.halo_patches = correction.halo_patches
        self._is_short = device.type == "cpu" and has_fast_bfloat16()

    def start(self) -> Push:
        """Begin a picture, which comes in strips."""
        rows = self._correction.rows(*self._inputs)

        @torch.inference_mode()
        def push(planes: Tensor, *, is_last: bool) -> Tensor:
            with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._is_short):
                return rows.push(planes[None].to(self._device), is_last=is_last)[0].cpu()

        return push


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
