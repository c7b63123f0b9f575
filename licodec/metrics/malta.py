"""Energy of the lines through each pixel of a plane of differences.

Butteraugli's Malta filters: differences that lie along a line are seen sooner than scattered ones,
so the differences are summed along sixteen lines through each pixel, and the squares are added up.
On the CPU the native library does it; torch has the same rules.

Source: libjxl, lib/jxl/butteraugli/butteraugli.cc, v0.7.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from licodec import native
from licodec.native.binding import Library
from licodec.native.planes import LINE_REACH, Lines

# Rows that are summed at a time, so that what is in work stays in the processor's caches.
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

Offset = tuple[int, int]
# A line, as the places of its pixels from the centre (down, right), and what its square counts.
Line = tuple[tuple[Offset, ...], float]


def _both_halves(half: tuple[Offset, ...]) -> tuple[Offset, ...]:
    """All places of a line, of which each half is the mirror image of the other."""
    return ((0, 0), *half, *((-down, -right) for down, right in half))


DENSE: tuple[Line, ...] = (  # for the highest frequencies
    *((_both_halves(line), 1.0) for line in _DENSE_LINES),
    *((_both_halves(line), 2.0) for line in _DENSE_LINES_TWICE),
)
SPARSE: tuple[Line, ...] = tuple((_both_halves(line), 1.0) for line in _SPARSE_LINES)


def line_energy(differences: torch.Tensor, lines: tuple[Line, ...]) -> torch.Tensor:
    """Sum of squared sums along lines, with zeros beyond the picture.

    Args:
        differences: (H, W) float32.
        lines: DENSE or SPARSE.

    Returns:
        (H, W) float32.
    """
    padded = F.pad(differences, (LINE_REACH,) * 4)
    library = native.find() if padded.device.type == "cpu" else None
    if library is not None:
        energy: torch.Tensor = _NativeLines.apply(padded, lines, library)  # type: ignore[no-untyped-call]
        return energy
    strips = []
    for top in range(0, differences.shape[0], _STRIP):
        strip = padded[top : top + _STRIP + 2 * LINE_REACH]
        strips.append(_SquaredSums.apply(strip, lines))  # type: ignore[no-untyped-call]
    return torch.cat(strips)


class _NativeLines(torch.autograd.Function):
    """As `_SquaredSums`, in the native library."""

    @staticmethod
    def forward(
        ctx: Any, padded: torch.Tensor, lines: tuple[Line, ...], library: Library
    ) -> torch.Tensor:
        ctx.save_for_backward(padded)
        ctx.lines, ctx.library = lines, library
        return torch.from_numpy(_native_lines(lines).energy(padded.detach().numpy(), library))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (padded,) = ctx.saved_tensors
        found = _native_lines(ctx.lines).slope(
            padded.detach().numpy(), pull.contiguous().numpy(), ctx.library
        )
        return torch.from_numpy(found), None, None


@cache
def _native_lines(lines: tuple[Line, ...]) -> Lines:
    return Lines(lines)


class _SquaredSums(torch.autograd.Function):
    """Adds up shifted planes, in a tenth of the time of convolutions with so few channels."""

    @staticmethod
    def forward(ctx: Any, padded: torch.Tensor, lines: tuple[Line, ...]) -> torch.Tensor:
        """(h, W) of (h + 8, W + 8)."""
        ctx.save_for_backward(padded)
        ctx.lines = lines
        height, width = (side - 2 * LINE_REACH for side in padded.shape)
        energy = padded.new_zeros(height, width)
        for line, weight in lines:
            sums = _line_sums(padded, line)
            energy.addcmul_(sums, sums, value=weight)
        return energy

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Each sum's gradient goes back to the pixels of its line."""
        (padded,) = ctx.saved_tensors
        result = torch.zeros_like(padded)
        for line, weight in ctx.lines:
            part = _line_sums(padded, line).mul_(gradient).mul_(2 * weight)
            for offset in line:
                _shifted(result, offset).add_(part)
        return result, None


def _line_sums(padded: torch.Tensor, line: tuple[Offset, ...]) -> torch.Tensor:
    """For each pixel the sum along the line through it, (h, W)."""
    sums = _shifted(padded, line[0]).clone(memory_format=torch.contiguous_format)
    for offset in line[1:]:
        sums.add_(_shifted(padded, offset))
    return sums


def _shifted(padded: torch.Tensor, offset: Offset) -> torch.Tensor:
    """What lies `offset` away from each pixel, (h, W), a view."""
    height, width = (side - 2 * LINE_REACH for side in padded.shape)
    down, right = (LINE_REACH + step for step in offset)
    return padded[down : down + height, right : right + width]
