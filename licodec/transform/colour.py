"""RGB to three orthonormal colour planes, and back.

The transform is orthonormal, so a squared error in the planes is a squared error in RGB.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from licodec.transform.grid import MID_GREY

_ROWS = (
    (1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)),
    (1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)),
    (1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)),
)


def rgb_to_planes(rgb: Tensor) -> Tensor:
    """Turn RGB into luma and two chroma planes.

    Args:
        rgb: (N, 3, H, W) float, grey levels 0..255.

    Returns:
        (N, 3, H, W) float, luma in [-222, 220], chroma within [-209, 209].
    """
    matrix = torch.tensor(_ROWS, dtype=rgb.dtype, device=rgb.device)
    return torch.einsum("dc,nchw->ndhw", matrix, rgb - MID_GREY)


def planes_to_rgb(planes: Tensor) -> Tensor:
    """Inverse of `rgb_to_planes`; (N, 3, H, W) float to float grey levels, not clipped."""
    matrix = torch.tensor(_ROWS, dtype=planes.dtype, device=planes.device)
    return torch.einsum("dc,ndhw->nchw", matrix, planes).add_(MID_GREY)


def grey_to_luma(grey: Tensor) -> Tensor:
    """Luma plane of a grey picture (R = G = B); any shape, grey levels 0..255."""
    return (grey - MID_GREY) * math.sqrt(3)


def luma_to_grey(luma: Tensor) -> Tensor:
    """Inverse of `grey_to_luma`, not clipped."""
    return luma / math.sqrt(3) + MID_GREY
