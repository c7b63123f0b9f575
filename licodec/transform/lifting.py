"""One level of the 9/7 synthesis in floating point, in place, and its gradient written down.

Autograd would keep every step of the lifting in memory and walk all of them back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from licodec.transform.grid import LIFT, LOW_GAIN


class LevelSynthesis(torch.autograd.Function):
    """(C, h, w) low-pass and (C, 3, h, w) details, float, to (C, 2h, 2w)."""

    @staticmethod
    def forward(ctx: Any, low: Tensor, details: Tensor) -> Tensor:
        channels, height, width = low.shape
        # (even or odd column, C, row, even or odd row, column)
        parts = low.new_empty(2, channels, height, 2, width)
        parts[0, :, :, 0].copy_(low).mul_(LOW_GAIN)
        for column, row, band in ((0, 1, 1), (1, 0, 0), (1, 1, 2)):
            parts[column, :, :, row] = details[:, band]
        _merge(parts[:, :, :, 0], parts[:, :, :, 1], 2, is_adjoint=False)
        rows = parts.view(2, channels, 2 * height, width)
        _merge(rows[0], rows[1], 2, is_adjoint=False)
        return torch.stack((rows[0], rows[1]), 3).view(channels, 2 * height, 2 * width)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        channels, height, width = (n // m for n, m in zip(grad.shape, (1, 2, 2), strict=True))
        columns = grad.reshape(channels, 2 * height, width, 2)
        rows = torch.stack((columns[..., 0], columns[..., 1]))
        _merge(rows[0], rows[1], 2, is_adjoint=True)
        parts = rows.view(2, channels, height, 2, width)
        _merge(parts[:, :, :, 0], parts[:, :, :, 1], 2, is_adjoint=True)
        details = torch.stack((parts[1, :, :, 0], parts[0, :, :, 1], parts[1, :, :, 1]), 1)
        return parts[0, :, :, 0] * LOW_GAIN, details


def _merge(low: Tensor, high: Tensor, dim: int, *, is_adjoint: bool) -> None:
    """One direction of the synthesis: low and high become even and odd samples."""
    alpha, beta, gamma, delta = LIFT
    steps = [
        (low, high, delta, False),
        (high, low, gamma, True),
        (low, high, beta, False),
        (high, low, alpha, True),
    ]
    for target, source, factor, is_next in reversed(steps) if is_adjoint else steps:
        _lift(target, source, -factor, dim, is_next=is_next, is_adjoint=is_adjoint)


def _lift(
    target: Tensor, source: Tensor, factor: float, dim: int, *, is_next: bool, is_adjoint: bool
) -> None:
    """target += factor (source + its neighbour), or the transpose of that."""
    last = target.shape[dim] - 1
    inner, moved, edge = (0, 1, last) if is_next else (1, 0, 0)
    for t, s in (
        (target, source),
        (target.narrow(dim, inner, last), source.narrow(dim, moved, last)),
        (target.narrow(dim, edge, 1), source.narrow(dim, edge, 1)),
    ):
        if is_adjoint:
            s.add_(t, alpha=factor)
        else:
            t.add_(s, alpha=factor)
