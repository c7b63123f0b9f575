"""Patches as channels in, planes out; padding of pictures to the wavelet's grid."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

PATCH_PX = 8


def from_patches(patches: Tensor, patch_px: int) -> Tensor:
    """(N, C patch_px^2, h, w) to planes (N, C, patch_px h, patch_px w), of any dtype.

    As F.pixel_shuffle, in half the time where channels lie innermost.
    """
    count, _, height, width = patches.shape
    split = patches.permute(0, 2, 3, 1).reshape(count, height, width, -1, patch_px, patch_px)
    planes = split.permute(0, 3, 1, 4, 2, 5)
    return planes.reshape(count, -1, patch_px * height, patch_px * width)


def padded_size(size_px: int, grid_px: int) -> int:
    """Smallest multiple of grid_px that is not smaller than size_px."""
    return -(-size_px // grid_px) * grid_px


def pad_to_grid(planes: Tensor, grid_px: int) -> Tensor:
    """Repeat the last row and column until height and width are multiples of grid_px.

    Args:
        planes: (N, C, H, W) float.
    """
    height, width = planes.shape[2:]
    below, right = padded_size(height, grid_px) - height, padded_size(width, grid_px) - width
    if below or right:
        planes = F.pad(planes, (0, right, 0, below), mode="replicate")
    return planes
