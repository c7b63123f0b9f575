"""Size of a patch; padding of pictures to the wavelet's grid."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

PATCH_PX = 8


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
