"""Picture and quality in, the corrected picture out: the learned part of both transforms.

    planes -> patches -> 3x3 conv -> residual blocks -> 1x1 conv -> x step -> added to the planes

The analysis correction changes the picture before the wavelet so that it codes better; the
synthesis correction repairs the picture after it. In patches of 8x8 dense convolutions see far for
few operations; in patches of 2x2 what happens at a pixel depends less on where it lies in its
patch, so that they learn more from as many pictures. Both may follow each other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.transform.patches import PATCH_PX, from_patches, to_patches
from licodec.transform.quality import interpolate

_NUM_PLANES = 3
_FINE_PATCH_PX = 2
# Planes span about +-222 grey levels; the network sees them in units of 64, exact in any dtype.
_INPUT_UNIT = 64.0


def _convolve(conv: nn.Conv2d, x: Tensor, bias: Tensor) -> Tensor:
    """3x3 convolution of (N, C, h, w) with a bias (N, width) beside its own."""
    if len(x) == 1:  # then it costs no pass over the map
        return F.conv2d(x, conv.weight, torch.as_tensor(conv.bias) + bias[0], padding=1)
    out: Tensor = conv(x)
    return out + bias[:, :, None, None].to(out.dtype)


def _activate(x: Tensor) -> Tensor:
    """In place where no gradient needs what was there."""
    return F.leaky_relu(x, 0.1, inplace=not torch.is_grad_enabled())


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
        hidden = _convolve(self.into, x, interpolate(weights, self.quality_bias))
        back = torch.as_tensor(self.back(_activate(hidden)))
        return x + back if torch.is_grad_enabled() else back.add_(x)


class PatchNet(nn.Module):
    """See the drawing above; starts as (nearly) no correction at all.

    Args:
        patch_px: side of a patch.
        width: channels between the convolutions.
        num_blocks: residual blocks.
        num_knots: qualities with parameters of their own.
    """

    def __init__(self, *, patch_px: int, width: int, num_blocks: int, num_knots: int) -> None:
        super().__init__()
        self.patch_px = patch_px
        channels = _NUM_PLANES * patch_px**2
        self.into = nn.Conv2d(channels, width, 3, padding=1)
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, width))
        self.blocks = nn.ModuleList(Block(width, num_knots) for _ in range(num_blocks))
        self.out = nn.Conv2d(width, channels, 1)
        self.log_gain = nn.Parameter(torch.zeros(num_knots))
        with torch.no_grad():
            self.out.weight.mul_(0.02)
            self.out.bias.zero_()  # type: ignore[union-attr]

    def forward(self, planes: Tensor, weights: Tensor, step_px: Tensor) -> Tensor:
        """Correct a picture.

        Args:
            planes: (N, 3, H, W) float grey levels, H and W multiples of the patch.
            weights: (N, knots) interpolation weights of the quality.
            step_px: (N,) quantization step in grey levels, the size of a typical error.

        Returns:
            (N, 3, H, W) float, planes plus correction.
        """
        inputs = planes
        if torch.is_autocast_enabled(planes.device.type):  # the convolution would do it later
            inputs = planes.to(torch.get_autocast_dtype(planes.device.type))
        patches = to_patches(inputs / _INPUT_UNIT, self.patch_px)
        bias = interpolate(weights, self.quality_bias)
        hidden = _activate(_convolve(self.into, patches, bias))
        for block in self.blocks:
            hidden = block(hidden, weights)
        gain = step_px * torch.exp(interpolate(weights, self.log_gain))
        out = from_patches(self.out(_activate(hidden)), self.patch_px)
        return (out.float() * gain[:, None, None, None]).add_(planes)

    @property
    def halo_px(self) -> int:
        """Pixels beyond a patch, on each side, that its result depends on."""
        return self.patch_px * (1 + 2 * len(self.blocks))

    @property
    def kmac_per_px(self) -> float:
        """Thousands of multiply-accumulates per pixel."""
        parts = (self.into, *self.blocks, self.out)
        convs = (m for part in parts for m in part.modules() if isinstance(m, nn.Conv2d))
        return sum(c.weight.numel() for c in convs) / self.patch_px**2 / 1000


class Correction(PatchNet):
    """Patches of one size, then patches of 2x2 where fine_blocks is not 0.

    Args:
        width: channels of the first part.
        num_blocks: residual blocks of the first part.
        num_knots: qualities with parameters of their own.
        patch_px: side of the first part's patches, a divisor of 8.
        fine_width: channels at stride 2.
        fine_blocks: residual blocks at stride 2.
    """

    def __init__(
        self,
        *,
        width: int,
        num_blocks: int,
        num_knots: int,
        patch_px: int = PATCH_PX,
        fine_width: int = 0,
        fine_blocks: int = 0,
    ) -> None:
        super().__init__(patch_px=patch_px, width=width, num_blocks=num_blocks, num_knots=num_knots)
        self.fine = (
            PatchNet(
                patch_px=_FINE_PATCH_PX,
                width=fine_width,
                num_blocks=fine_blocks,
                num_knots=num_knots,
            )
            if fine_blocks
            else None
        )

    def forward(self, planes: Tensor, weights: Tensor, step_px: Tensor) -> Tensor:
        """As `PatchNet.forward`; H and W are multiples of 8."""
        planes = super().forward(planes, weights, step_px)
        return planes if self.fine is None else self.fine(planes, weights, step_px)

    @property
    def halo_patches(self) -> int:
        """8x8 patches on each side that a patch of the result depends on."""
        halo_px = self.halo_px + (self.fine.halo_px if self.fine else 0)
        return -(-halo_px // PATCH_PX)

    @property
    def kmac_per_px(self) -> float:
        """Thousands of multiply-accumulates per pixel, both strides."""
        return super().kmac_per_px + (self.fine.kmac_per_px if self.fine else 0.0)
