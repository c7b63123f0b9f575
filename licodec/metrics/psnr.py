"""Mean squared error of two pictures, and the PSNR of it; no other place has the formulas."""

import math

import numpy as np
from numpy.typing import NDArray

_LEAST_ERROR = 1e-9  # about 138 dB


def mean_squared_error(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Of two arrays of one shape, in squared grey levels; the sum is exact.

    Raises:
        ValueError: another number of rows.
    """
    rows = zip(reference, decoded, strict=True)  # one at a time, to save memory
    squares = (int(np.square(a.astype(np.int32) - b).sum()) for a, b in rows)
    return sum(squares) / reference.size


def psnr_of(mean_squared_error: float) -> float:
    """dB of a mean squared error of 8-bit samples, in squared grey levels; infinite for 0.

    A training step that runs away has an infinite error, with minus infinite dB, or NaN, which
    stays.
    """
    if mean_squared_error == 0:
        return math.inf
    if mean_squared_error == math.inf:
        return -math.inf
    return 10 * math.log10(255**2 / mean_squared_error)


def finite_psnr_of(mean_squared_error: float) -> float:
    """The same, at most 138 dB, as one infinity would spoil a mean."""
    return psnr_of(max(mean_squared_error, _LEAST_ERROR))
