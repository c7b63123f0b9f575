"""Where rounding to a smaller magnitude pays off: the rule of encoder and training alike.

Written with what numpy arrays and tensors have in common, so that it stands once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_Array = TypeVar("_Array", "np.ndarray", "Tensor")

# Bits that a squared error of one step is worth, at the high-rate balance of step and lambda:
# lambda step^2 / 3 with step^2 = 18 / (ln 2 lambda), see `transform.quality.log_steps_start`.
BITS_PER_SQUARED_STEP = 6 / math.log(2)

# Share of the greedy rate-distortion shift that is applied: a symbol also is context for later
# ones, which the greedy view leaves out. Chosen on the validation pictures (docs/decisions).
DEAD_ZONE_STRENGTH = 0.7


def decision_shifts(
    first_bits: _Array, second_bits: _Array, strength: float = DEAD_ZONE_STRENGTH
) -> tuple[_Array, _Array]:
    """How far decisions move away from the middle between two magnitudes.

    Going from k - 1 to k pays off beyond k - 1/2 + (bits_k - bits_{k-1}) / (2 B), B being
    BITS_PER_SQUARED_STEP.

    Args:
        first_bits: what magnitude 1 costs more than 0, float, any shape.
        second_bits: what magnitude 2 costs more than 1, same shape.
        strength: share of the shift to apply, 0 is plain rounding.

    Returns:
        shifts between 0 and 1, and between all higher magnitudes; in steps, 0 to 1/2.
    """
    unit = strength / (2 * BITS_PER_SQUARED_STEP)
    return (first_bits * unit).clip(0, 0.5), (second_bits * unit).clip(0, 0.5)


def choose_magnitude(size: _Array, first_shift: _Array, higher_shift: _Array) -> _Array:
    """Magnitudes for residual sizes, given `decision_shifts`; float, whole numbers >= 0."""
    magnitude = (size + 0.5 - higher_shift) // 1
    chosen: _Array = magnitude.clip(1) * (size >= 0.5 + first_shift)
    return chosen
