"""Blurs planes along both sides with a short symmetric kernel.

On the CPU the native library does it, unless planes are mirrored or have 64 bits. On torch a pass
cuts the padded planes into overlapping blocks and multiplies each with one banded matrix, which
BLAS does many times faster than convolutions of a single channel run.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from licodec import native
from licodec.native.binding import Library
from licodec.native.planes import MAX_TAPS, blur_planes

Border = Literal["zero", "mirror", "renormalise"]

# Outputs of one block: the matrix has (_BLOCK + taps - 1) rows, of which taps are in use.
_BLOCK = 32
# Pixels of planes that are blurred together, unless a single one has more.
_AT_ONCE_PX = 1 << 22


def blur(planes: torch.Tensor, kernel: torch.Tensor, rows: Border, columns: Border) -> torch.Tensor:
    """Convolve along the width, then along the height.

    Args:
        planes: (C, H, W) float32 or float64.
        kernel: (taps,) symmetric, an odd number of taps, sum 1.
        rows: what is beyond the ends of a row: "zero"; "mirror", which repeats the outermost
            pixel first; or "renormalise", which leaves out what is beyond and scales the rest.
        columns: likewise of a column.

    Returns:
        (C, H, W) of the same dtype.
    """
    is_native = rows == columns != "mirror" and kernel.numel() <= MAX_TAPS
    if is_native and planes.dtype == torch.float32 and planes.device.type == "cpu":
        library = native.find()
        if library is not None:
            blurred: torch.Tensor = _NativeBlur.apply(  # type: ignore[no-untyped-call]
                planes, kernel, rows == "renormalise", library
            )
            return blurred
    # Few at a time, to save memory.
    some = torch.split(planes, max(1, _AT_ONCE_PX // planes[0].numel()))
    return torch.cat([_pass(_pass(p, kernel, rows).mT, kernel, columns).mT for p in some])


class _NativeBlur(torch.autograd.Function):
    """See `licodec.native.planes.blur_planes`."""

    @staticmethod
    def forward(
        ctx: Any,
        planes: torch.Tensor,
        kernel: torch.Tensor,
        is_renormalised: bool,
        library: Library,
    ) -> torch.Tensor:
        ctx.taps, ctx.library = kernel.detach().float().numpy(), library
        ctx.is_renormalised = is_renormalised
        return _NativeBlur.run(ctx, planes, is_adjoint=False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return _NativeBlur.run(ctx, pull, is_adjoint=True), None, None, None

    @staticmethod
    def run(ctx: Any, planes: torch.Tensor, *, is_adjoint: bool) -> torch.Tensor:
        array = planes.detach().contiguous().numpy()
        blurred = blur_planes(
            array,
            ctx.taps,
            ctx.library,
            is_renormalised=ctx.is_renormalised,
            is_adjoint=is_adjoint,
        )
        return torch.from_numpy(blurred)


def _pass(planes: torch.Tensor, kernel: torch.Tensor, border: Border) -> torch.Tensor:
    """Convolve (C, H, W) along W."""
    count, height, width = planes.shape
    radius = kernel.numel() // 2
    num_blocks = -(-width // _BLOCK)
    extra = num_blocks * _BLOCK - width
    if border == "mirror":
        padded = F.pad(_mirrored(planes, radius), (0, extra))
    else:
        padded = F.pad(planes, (radius, radius + extra))
    padded = padded.contiguous()  # (C, H, num_blocks * _BLOCK + 2 * radius)
    blocks = padded.as_strided(
        (num_blocks, count * height, _BLOCK + 2 * radius), (_BLOCK, padded.shape[2], 1)
    )  # overlapping parts of the rows
    matrix = _band(kernel.to(planes)).expand(num_blocks, -1, -1)
    joined = torch.bmm(blocks, matrix).transpose(0, 1).reshape(count, height, -1)[:, :, :width]
    if border == "renormalise":
        joined = joined / _weights_inside(kernel, width).to(planes)
    return joined


def _band(kernel: torch.Tensor) -> torch.Tensor:
    """The matrix from a block with its margins to the block, (_BLOCK + taps - 1, _BLOCK)."""
    taps = kernel.numel()
    below = torch.arange(_BLOCK + taps - 1)[:, None] - torch.arange(_BLOCK)
    return torch.where((below >= 0) & (below < taps), kernel[below.clamp(0, taps - 1)], 0.0)


def _weights_inside(kernel: torch.Tensor, width: int) -> torch.Tensor:
    """The sum of the taps that fall inside a row, for each of its pixels, (W,) float64."""
    ones = torch.ones(1, 1, width, dtype=torch.float64)
    taps = kernel.view(1, 1, -1).double()
    return F.conv1d(ones, taps, padding=kernel.numel() // 2).view(-1)


def _mirrored(planes: torch.Tensor, radius: int) -> torch.Tensor:
    """Rows with `radius` mirrored pixels on both sides; rows shorter than it are mirrored on."""
    width = planes.shape[2]
    at = torch.arange(-radius, width + radius) % (2 * width)
    return planes[:, :, torch.where(at < width, at, 2 * width - 1 - at)]
