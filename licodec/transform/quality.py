"""What a quality means: its place between knots, the weight of errors and the step it asks for.

Written with what numpy arrays and tensors have in common, so that each rule stands once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from licodec.config import FamilyConfig

if TYPE_CHECKING:
    from torch import Tensor

_Array = TypeVar("_Array", np.ndarray, "Tensor")


def interpolate(weights: _Array, table: _Array) -> _Array:
    """Mix a table's rows; element-wise, so that autocast leaves it in float32.

    Args:
        weights: (N, knots) from `knot_weights`.
        table: (knots, ...).

    Returns:
        (N, ...).
    """
    mixed: _Array = (weights.reshape(*weights.shape, *[1] * (table.ndim - 1)) * table).sum(1)
    return mixed


def knot_weights(position: _Array, num_knots: int) -> _Array:
    """Linear interpolation weights of a quality.

    Args:
        position: (N,) float in [0, 1].

    Returns:
        (N, num_knots) float, two neighbours share a weight of 1.
    """
    at = position * (num_knots - 1)
    weights: _Array = (1 - abs(at[:, None] - _counted(num_knots, at))).clip(0)
    return weights


def knot_lambdas(config: FamilyConfig) -> np.ndarray:
    """(knots,) float64: weight of the squared error at each knot; neighbours have equal ratios."""
    ends = math.log10(config.lambda_min), math.log10(config.lambda_max)
    return np.logspace(*ends, config.num_knots)


def log_steps_start(rd_lambda: _Array) -> _Array:
    """Natural logarithm of the step in grey levels of an orthonormal coefficient.

    High-rate balance: the slope of step^2 / 12 against one bit per halving, three planes a pixel.

    Args:
        rd_lambda: any shape, weight of the squared error in the objective of `licodec train`.
    """
    ratio = 18.0 / (math.log(2) * rd_lambda)
    return 0.5 * (np.log(ratio) if isinstance(ratio, np.ndarray) else ratio.log())


def _counted(number: int, like: _Array) -> _Array:
    """0, 1, .. in the type and place of another array."""
    if isinstance(like, np.ndarray):
        return np.arange(number, dtype=like.dtype)
    return like.new_tensor(range(number))
