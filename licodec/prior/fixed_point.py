"""The integer prior's numbers: fractional bits, ranges and offsets that all its forms agree on.

What each of them is for stands in docs/format.md, "Networks".
"""

from __future__ import annotations

import numpy as np

from licodec.transform.grid import FRACTION_BITS, STEP_BITS

# Means, and so values, are integers in 2^-5 quantization step; quantizers add to them in 2^-4 step.
VALUE_BITS = 5
OFFSET_BITS = 4
OFFSET_SHIFT = VALUE_BITS - OFFSET_BITS
# Products of values and steps to coefficients in 1/64 grey level.
COEFFICIENT_SHIFT = VALUE_BITS + STEP_BITS - FRACTION_BITS

# Inputs, activations and outputs of the networks are in 1/16.
SIXTEENTHS = 16
MAX_INPUT = 127
MAX_ACTIVATION = 255
MAX_OUTPUT = 1 << 12  # of a head: means and corrections of log scales
# Of a layer's sums. Where a block's inputs are added to sums below 2^24, float32 then rounds
# nothing below 2^(24 - 16), and the clamp to MAX_ACTIVATION hides the rest.
MAX_SHIFT = 16
MAX_QUALITY_BIAS = 1 << 28  # more would leave 32 bits

# The companding table counts in 1/8 step.
EIGHTHS = 8
EIGHTHS_SHIFT = VALUE_BITS - 3
COMPAND_ENTRIES = 4096

# Factors of the high-pass: nine times it, in 1/64 grey level, to 1/8 step.
RECIPROCAL_BITS = 20
MAX_RECIPROCAL = 1 << 21  # products with 32 bits are exact in float64

# A head's outputs times units of means in 1/256 step, to values.
UNIT_BITS = 8
MEAN_SHIFT = 4 + UNIT_BITS - VALUE_BITS
MAX_MEAN_UNIT = 1 << 18  # so that products with outputs stay within 32 bits

# Scale index i stands for the logistic scale exp(LOG_SCALE_MIN + i / SCALES_PER_NAT) in steps.
LOG_SCALE_MIN = -3
SCALES_PER_NAT = 8
# Sixteenths of log scales to an index: (sixteenths + INDEX_OFFSET) >> 1, 1 of it for rounding.
INDEX_OFFSET = -LOG_SCALE_MIN * SIXTEENTHS + 1
MAX_LOG_SCALE = 1 << 20  # sixteenths


def mean_type(units: np.ndarray) -> type:
    """Type of means that have these units (n,), 1/256 step: np.int16 if all fit, or np.int32."""
    largest = MAX_OUTPUT * int(units.max())
    return np.int16 if largest < 1 << 15 + MEAN_SHIFT else np.int32


def signed_compand(table: np.ndarray) -> np.ndarray:
    """(8191,) int8: a family's companding table for eighths of a step from -4095 to 4095."""
    return np.concatenate([-table[:0:-1], table]).astype(np.int8)
