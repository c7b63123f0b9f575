"""The learning rate over the time of a run, and the running loss at each quality."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_WARM_UP_STEPS = 100
_CONSTANT_SHARE = 0.3
_FLOOR = 0.01


def rate_factor(share: float, step: int) -> float:
    """Warm-up over 100 steps, constant for 30 % of the time, then a cosine to 1 %.

    Args:
        share: elapsed time over the time limit, 0 to 1.
        step: steps done in this run.
    """
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    if share < _CONSTANT_SHARE:
        return warm
    fall = min(1.0, (share - _CONSTANT_SHARE) / (1 - _CONSTANT_SHARE))
    return warm * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * fall)))


class RunningLoss:
    """Mean loss around each quality knot; without dividing by it high rates own the gradient."""

    def __init__(self, num_knots: int) -> None:
        self.mean = torch.zeros(num_knots)
        self.weight = torch.zeros(num_knots)

    def update(self, losses: Tensor, weights: Tensor) -> None:
        """Take losses (N,) with weights (N, knots), without gradient; skips what is not finite."""
        is_finite = losses.isfinite()
        losses, weights = losses[is_finite], weights[is_finite]
        total = weights.sum(0)
        average = (weights * losses[:, None]).sum(0) / total.clamp_min(1e-6)
        # A plain mean over the first samples, then a memory of about 50 of them per knot.
        rate = total / (self.weight + total).clamp(min=1.0, max=50.0)
        self.mean = torch.where(
            total > 0, self.mean + rate.clamp(max=1.0) * (average - self.mean), self.mean
        )
        self.weight = self.weight + total

    def at(self, weights: Tensor) -> Tensor:
        """(N,) expected loss of samples with these knot weights."""
        return (weights @ self.mean).clamp_min(1e-3)
