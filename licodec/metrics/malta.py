"""Energy of the lines through each pixel of a plane of differences.

Butteraugli's Malta filters: differences that lie along a line are seen sooner than scattered ones,
so the differences are summed along sixteen lines through each pixel, and the squares are added up.

Source: libjxl, lib/jxl/butteraugli/butteraugli.cc, v0.7.
"""

from typing import Any

import torch
import torch.nn.functional as F

_REACH = 4  # pixels from the centre of a line to its end

# Rows that are filtered at a time: sixteen planes of a whole picture would not fit a small memory.
_STRIP = 256

# One half of each line as steps (down, right) from the centre; the other half is its mirror image.
_DENSE_LINES = (
    ((0, 1), (0, 2), (0, 3), (0, 4)),
    ((1, 0), (2, 0), (3, 0), (4, 0)),
    ((1, 1), (2, 2), (3, 3)),
    ((1, -1), (2, -2), (3, -3)),
    ((1, 1), (2, 1), (3, 2)),
    ((1, -1), (2, -1), (3, -2)),
    ((1, 1), (1, 2), (2, 3)),
    ((1, -1), (1, -2), (2, -3)),
)
_DENSE_LINES_TWICE = (  # that stand in the list of sixteen two times
    ((1, 0), (2, 1), (3, 1), (4, 1)),
    ((1, 0), (2, -1), (3, -1), (4, -1)),
    ((0, 1), (1, 2), (1, 3), (1, 4)),
    ((0, 1), (-1, 2), (-1, 3), (-1, 4)),
)
_SPARSE_LINES = (
    ((0, 2), (0, 4)),
    ((2, 0), (4, 0)),
    ((2, 2), (3, 3)),
    ((2, -2), (3, -3)),
    ((2, -1), (4, -1)),
    ((2, 1), (4, 1)),
    ((1, 2), (1, 4)),
    ((-1, 2), (-1, 4)),
    ((2, 1), (3, 2)),
    ((2, -1), (3, -2)),
    ((1, 2), (2, 3)),
    ((1, -2), (2, -3)),
    ((-1, 2), (-2, 4)),
    ((1, 2), (2, 4)),
    ((2, 1), (4, 2)),
    ((2, -1), (4, -2)),
)

Line = tuple[tuple[int, int], ...]


def _kernel(line: Line, weight: float) -> torch.Tensor:
    """`weight` at each pixel of the line, (9, 9) float32."""
    side = 2 * _REACH + 1
    kernel = torch.zeros(side, side)
    for down, right in ((0, 0), *line):
        kernel[_REACH + down, _REACH + right] = weight
        kernel[_REACH - down, _REACH - right] = weight
    return kernel


# The square of a line that is summed with the root of two counts twice.
DENSE = torch.stack(
    [_kernel(line, 1) for line in _DENSE_LINES]
    + [_kernel(line, 2**0.5) for line in _DENSE_LINES_TWICE]
)[:, None]  # (12, 1, 9, 9), for the highest frequencies
SPARSE = torch.stack([_kernel(line, 1) for line in _SPARSE_LINES])[:, None]  # (16, 1, 9, 9)


def line_energy(differences: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
    """Sum of squared sums along lines, with zeros beyond the picture.

    Args:
        differences: (H, W) float32.
        lines: DENSE or SPARSE.

    Returns:
        (H, W) float32.
    """
    padded = F.pad(differences, (_REACH,) * 4)
    strips = []
    for top in range(0, differences.shape[0], _STRIP):
        strip = padded[top : top + _STRIP + 2 * _REACH]
        strips.append(_SquaredSums.apply(strip, lines))  # type: ignore[no-untyped-call]
    return torch.cat(strips)


class _SquaredSums(torch.autograd.Function):
    """Convolve, square and add up; torch's own gradient of such thin convolutions is slow."""

    @staticmethod
    def forward(ctx: Any, padded: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
        """(h, W) of (h + 8, W + 8)."""
        sums = F.conv2d(padded[None, None], lines)[0]  # (lines, h, W)
        ctx.save_for_backward(sums, lines)
        return sums.square().sum(0)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Lines are symmetric about their centres, so the transpose needs no flip."""
        sums, lines = ctx.saved_tensors
        scaled, kernel = (2 * gradient * sums)[None], lines.transpose(0, 1)
        if torch.cpu._is_amx_tile_supported():  # a quarter of the time; a gradient may be coarse
            scaled, kernel = scaled.bfloat16(), kernel.bfloat16()
        return F.conv2d(scaled, kernel, padding=2 * _REACH)[0, 0].to(gradient.dtype), None
