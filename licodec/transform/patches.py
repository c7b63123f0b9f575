"""Turns patches that lie as channels into planes."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor


def to_patches(planes: Tensor, patch_px: int) -> Tensor:
    """(N, C, H, W) to (N, C patch_px^2, H / patch_px, W / patch_px), channels innermost.

    As F.pixel_unshuffle; without gradients in a tenth of the time.
    """
    if torch.is_grad_enabled():
        patches = F.pixel_unshuffle(planes, patch_px)
        return patches.contiguous(memory_format=torch.channels_last)
    count, channels, height, width = planes.shape
    rows = _paired(planes.contiguous())
    rows = rows.view(count, channels, height // patch_px, patch_px, width // patch_px, -1)
    out = rows.new_empty(count, rows.shape[2], rows.shape[4], channels, patch_px, rows.shape[5])
    for channel, row in product(range(channels), range(patch_px)):
        out[:, :, :, channel, row] = rows[:, channel, :, row]
    return out.view(planes.dtype).flatten(3).permute(0, 3, 1, 2)


def from_patches(patches: Tensor, patch_px: int) -> Tensor:
    """Inverse of `to_patches`, of any dtype. As F.pixel_shuffle."""
    if torch.is_grad_enabled():
        return F.pixel_shuffle(patches, patch_px)
    count, _, height, width = patches.shape
    inner = patches.permute(0, 2, 3, 1).contiguous()
    channels = inner.shape[3] // patch_px**2
    rows = _paired(inner.view(count, height, width, channels, patch_px, patch_px))
    out = rows.new_empty(count, channels, height, patch_px, width, rows.shape[5])
    for channel, row in product(range(channels), range(patch_px)):
        out[:, channel, :, row] = rows[:, :, :, channel, row]
    return out.view(patches.dtype).view(count, channels, patch_px * height, patch_px * width)


def _paired(values: Tensor) -> Tensor:
    """Two neighbours of bfloat16 as one number, which is copied as fast as either."""
    return values.view(torch.int32) if values.dtype == torch.bfloat16 else values
