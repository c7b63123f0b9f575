"""Patches and quality in, a correction of the patches out: the learned part of both transforms.

    planes -> 8x8 patches -> 3x3 conv -> residual blocks at stride 8 -> 1x1 conv -> x step -> added

The analysis correction changes the picture before the wavelet so that it codes better; the
synthesis correction repairs the picture after it. All work is at stride 8, in dense convolutions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.transform.patches import PATCH_CHANNELS, PATCH_PX, from_patches, to_patches
from licodec.transform.quality import interpolate

# Planes span about +-222 grey levels; the network sees them in units of 64.
_INPUT_UNIT = 64.0


class Block(nn.Module):
    """Two 3x3 convolutions beside the identity; the quality shifts the middle."""

    def __init__(self, width: int, num_knots: int) -> None:
        super().__init__()
        self.into = nn.Conv2d(width, width, 3, padding=1)
        self.back = nn.Conv2d(width, width, 3, padding=1)
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, width))
        with torch.no_grad():
            self.back.weight.mul_(0.3)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """(N, width, h, w) and (N, knots) to (N, width, h, w)."""
        hidden = self.into(x) + interpolate(weights, self.quality_bias)[:, :, None, None].to(
            x.dtype
        )
        return x + torch.as_tensor(self.back(F.leaky_relu(hidden, 0.1)))


class Correction(nn.Module):
    """See the drawing above; starts as (nearly) no correction at all."""

    def __init__(self, *, width: int, num_blocks: int, num_knots: int) -> None:
        super().__init__()
        self.into = nn.Conv2d(PATCH_CHANNELS, width, 3, padding=1)
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, width))
        self.blocks = nn.ModuleList(Block(width, num_knots) for _ in range(num_blocks))
        self.out = nn.Conv2d(width, PATCH_CHANNELS, 1)
        self.log_gain = nn.Parameter(torch.zeros(num_knots))
        with torch.no_grad():
            self.out.weight.mul_(0.02)
            self.out.bias.zero_()  # type: ignore[union-attr]

    def forward(self, planes: Tensor, weights: Tensor, step_px: Tensor) -> Tensor:
        """Correct a picture.

        Args:
            planes: (N, 3, H, W) float grey levels, H and W multiples of 8.
            weights: (N, knots) interpolation weights of the quality.
            step_px: (N,) quantization step in grey levels, the size of a typical error.

        Returns:
            (N, 3, H, W) float, planes plus correction.
        """
        patches = to_patches(planes / _INPUT_UNIT).contiguous(memory_format=torch.channels_last)
        hidden = self.into(patches)
        hidden = hidden + interpolate(weights, self.quality_bias)[:, :, None, None].to(hidden.dtype)
        hidden = F.leaky_relu(hidden, 0.1)
        for block in self.blocks:
            hidden = block(hidden, weights)
        gain = step_px * torch.exp(interpolate(weights, self.log_gain))
        out: Tensor = self.out(F.leaky_relu(hidden, 0.1)).float()
        return planes + from_patches(out * gain[:, None, None, None])

    @property
    def halo_patches(self) -> int:
        """Patches on each side that a patch of the result depends on."""
        return 1 + 2 * len(self.blocks)

    @property
    def kmac_per_px(self) -> float:
        """Thousands of multiply-accumulates per pixel."""
        convs = (m for m in self.modules() if isinstance(m, nn.Conv2d))
        return sum(c.weight.numel() for c in convs) / PATCH_PX**2 / 1000
