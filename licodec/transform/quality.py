"""A quality in, its knot weights and the step size that balances rate and distortion out."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def interpolate(weights: Tensor, table: Tensor) -> Tensor:
    """Mix a table's rows; element-wise, so that autocast leaves it in float32.

    Args:
        weights: (N, knots) from `knot_weights`.
        table: (knots, ...).

    Returns:
        (N, ...).
    """
    return (weights.reshape(*weights.shape, *[1] * (table.ndim - 1)) * table).sum(1)


def knot_weights(position: Tensor, num_knots: int) -> Tensor:
    """Linear interpolation weights of a quality.

    Args:
        position: (N,) float in [0, 1].

    Returns:
        (N, num_knots) float, two neighbours share a weight of 1.
    """
    at = position * (num_knots - 1)
    knots = torch.arange(num_knots, device=position.device, dtype=position.dtype)
    return (1 - (at[:, None] - knots).abs()).clamp_min(0)


def log_steps_start(rd_lambda: Tensor) -> Tensor:
    """Natural logarithm of the step in grey levels of an orthonormal coefficient.

    High-rate balance: the slope of step^2 / 12 against one bit per halving, three planes a pixel.

    Args:
        rd_lambda: any shape, weight of the squared error in the objective of `licodec train`.
    """
    return 0.5 * torch.log(18.0 / (math.log(2) * rd_lambda))
