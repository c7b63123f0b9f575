"""The learned part of both transforms: a network that corrects planes for their quality.

    planes -> patches -> 3x3 conv -> residual blocks -> 1x1 conv -> x step -> added to the planes

The analysis correction changes the picture before the wavelet so that it codes better; the
synthesis correction repairs the picture after it. In patches of 8x8 dense convolutions see far for
few operations; in patches of 2x2 what happens at a pixel depends less on where it lies in its
patch, so that they learn more from as many pictures. A network may have both, 2x2 last.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from licodec.transform.grid import FINE_PATCH_PX, NUM_PLANES, PATCH_PX
from licodec.transform.patches import from_patches, to_patches
from licodec.transform.quality import interpolate
from licodec.transform.rows import ConvolvedRows, LateRows

# Planes span about +-222 grey levels; the network sees them in units of 64, exact in any dtype.
_INPUT_UNIT = 64.0


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


class BlockRows:
    """A block's work on a map that comes in strips.

    Args:
        block: its weights.
        weights: (N, knots) interpolation weights of the quality.
    """

    def __init__(self, block: nn.Module, weights: Tensor) -> None:
        assert isinstance(block, Block)
        self._into = ConvolvedRows(block.into, interpolate(weights, block.quality_bias))
        self._back = ConvolvedRows(block.back)
        self._late = LateRows()

    def push(self, x: Tensor, *, is_last: bool) -> Tensor:
        """(N, width, h, w) to (N, width, h', w), up to two rows later."""
        hidden = _activate(self._into.push(x, is_last=is_last))
        back = self._back.push(hidden, is_last=is_last)
        x = self._late.push(x, back.shape[2])
        return x + back if torch.is_grad_enabled() else back.add_(x)


class Rows(Protocol):
    """What corrects a picture that comes in strips; see `CorrectedRows`."""

    def push(self, planes: Tensor, *, is_last: bool) -> Tensor:
        """Rows in, corrected rows out."""
        ...


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
        channels = NUM_PLANES * patch_px**2
        self.into = nn.Conv2d(channels, width, 3, padding=1)
        self.quality_bias = nn.Parameter(torch.zeros(num_knots, width))
        self.blocks = nn.ModuleList(Block(width, num_knots) for _ in range(num_blocks))
        self.out = nn.Conv2d(width, channels, 1)
        self.log_gain = nn.Parameter(torch.zeros(num_knots))
        with torch.no_grad():
            self.out.weight.mul_(0.02)
            self.out.bias.zero_()  # type: ignore[union-attr]

    def rows(self, weights: Tensor, step_px: Tensor) -> Rows:
        """Begin a picture that comes in strips.

        Args:
            weights: (N, knots) interpolation weights of the quality.
            step_px: (N,) quantization step in grey levels, the size of a typical error.
        """
        return CorrectedRows(self, weights, step_px)

    def forward(self, planes: Tensor, weights: Tensor, step_px: Tensor) -> Tensor:
        """Correct a whole picture: (N, 3, H, W) float grey levels, H and W multiples of a patch."""
        return self.rows(weights, step_px).push(planes, is_last=True)

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


class CorrectedRows:
    """A network's work on a picture that comes in strips, from top to bottom."""

    def __init__(self, net: PatchNet, weights: Tensor, step_px: Tensor) -> None:
        self._patch_px, self._out = net.patch_px, net.out
        self._into = ConvolvedRows(net.into, interpolate(weights, net.quality_bias))
        self._blocks = [BlockRows(block, weights) for block in net.blocks]
        self._gain = step_px * torch.exp(interpolate(weights, net.log_gain))
        self._late = LateRows()

    def push(self, planes: Tensor, *, is_last: bool) -> Tensor:
        """Correct the next rows.

        Args:
            planes: (N, 3, h, W) float grey levels, h and W multiples of the patch.
            is_last: whether the picture ends with them; h is not 0 then.

        Returns:
            (N, 3, h', W) float, planes plus correction; a strip but the last leaves out up to
            `PatchNet.halo_px` rows, which come with the next.
        """
        hidden = self._hidden(planes, is_last=is_last)
        if not hidden.shape[2]:
            return self._late.push(planes, 0)
        out = from_patches(self._out(_activate(hidden)), self._patch_px)
        planes = self._late.push(planes, out.shape[2])
        return (out.float() * self._gain[:, None, None, None]).add_(planes)

    def _hidden(self, planes: Tensor, *, is_last: bool) -> Tensor:
        if not planes.shape[2]:
            return planes
        inputs = planes
        if torch.is_autocast_enabled(planes.device.type):  # the convolution would do it later
            inputs = planes.to(torch.get_autocast_dtype(planes.device.type))
        patches = to_patches(inputs / _INPUT_UNIT, self._patch_px)
        hidden = _activate(self._into.push(patches, is_last=is_last))
        for block in self._blocks:
            hidden = block.push(hidden, is_last=is_last)
        return hidden


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
                patch_px=FINE_PATCH_PX,
                width=fine_width,
                num_blocks=fine_blocks,
                num_knots=num_knots,
            )
            if fine_blocks
            else None
        )

    def rows(self, weights: Tensor, step_px: Tensor) -> Rows:
        """As `PatchNet.rows`; H and W are multiples of 8."""
        if self.fine is None:
            return super().rows(weights, step_px)
        return CorrectedTwice(super().rows(weights, step_px), self.fine.rows(weights, step_px))

    @property
    def last(self) -> PatchNet:
        """The part that ends with the last layer."""
        return self.fine or self

    @property
    def halo_patches(self) -> int:
        """8x8 patches on each side that a patch of the result depends on."""
        halo_px = self.halo_px + (self.fine.halo_px if self.fine else 0)
        return -(-halo_px // PATCH_PX)

    @property
    def kmac_per_px(self) -> float:
        """Thousands of multiply-accumulates per pixel, both strides."""
        return super().kmac_per_px + (self.fine.kmac_per_px if self.fine else 0.0)


class CorrectedTwice:
    """Two networks after each other."""

    def __init__(self, first: Rows, second: Rows) -> None:
        self._first, self._second = first, second

    def push(self, planes: Tensor, *, is_last: bool) -> Tensor:
        """As `CorrectedRows.push`; what each of them leaves out adds up."""
        return self._second.push(self._first.push(planes, is_last=is_last), is_last=is_last)
