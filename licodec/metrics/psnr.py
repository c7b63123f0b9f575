"""PSNR, from a mean squared error; the only place that has the formula."""

import math


def psnr_of(mean_squared_error: float) -> float:
    """dB of a mean squared error of 8-bit samples, in squared grey levels; infinite for 0."""
    return 10 * math.log10(255**2 / mean_squared_error) if mean_squared_error > 0 else math.inf
