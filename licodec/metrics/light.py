"""From sRGB to linear light."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from licodec.metrics.curves import LINEAR_LEVELS


def linear_light(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """sRGB pixels, (H, W, 3) uint8, as planes of linear light, (3, H, W) float32 in 0..1."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))  # (3, H, W)
    return torch.from_numpy(LINEAR_LEVELS[planes])


def light_of_levels(levels: torch.Tensor) -> torch.Tensor:
    """Grey levels of sRGB, any shape of floats, to linear light in 0..1, with gradients."""
    v = (levels / 255).clamp(0, 1)
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp_min(0.03) + 0.055) / 1.055) ** 2.4)


def halve(planes: torch.Tensor) -> torch.Tensor:
    """Means over 2x2 pixels, or over those that are there at an odd end; (C, h, w) float32."""
    return F.avg_pool2d(planes, 2, ceil_mode=True, count_include_pad=False)
