"""The slope of the visual distortion by the pixels of a decoded picture, for encoders.

`licodec.metrics.distortion.visual_distortion` is what is derived. In the native library or on
numpy, to the same bits: torch takes longer to import than a picture to encode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from licodec import native
from licodec.metrics import visual_reference
from licodec.metrics.curves import LINEAR_LEVELS, SLOPES_OF_LEVELS
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.ssimulacra2_rules import native_rules, num_scales, slope_of_sum
from licodec.native.visual import weighted_norms

# Squared grey levels that a unit of the visual distance counts as. With 4, the distance of what
# squared error alone had trained is about its squared error at every quality, so that one lambda
# serves both (docs/decisions/eye.md).
SQUARED_LEVELS_PER_UNIT = 4.0
# Share of the squared error beside the visual distance, which alone is gamed: fine patterns and
# tints in smooth areas, which other measures of what is seen show.
SQUARED_ERROR_SHARE = 0.35


def visual_slope(
    original: NDArray[np.uint8], shown: NDArray[np.uint8], phases: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    """What pixels have too much by the visual distortion, on the scale of what they are off by.

    Args:
        original: (h, w, 3) sRGB.
        shown: likewise, as decoded.
        phases: where pictures are cut, see `licodec.metrics.phases`.

    Returns:
        (3, h, w) grey levels: for the squared error it would be `shown` less `original`, which is
        what it is of pictures that are too small to be halved.
    """
    error: NDArray[np.float32] = np.subtract(shown, original, dtype=np.float32).transpose(2, 0, 1)
    if min(original.shape[:2]) < 2 * MIN_SIDE_PX + max(map(max, phases)):
        return error
    slope = _slope_of_distance(original, shown, phases)
    # The mean squared error has a slope of 2 / (3 h w) times the error.
    slope *= (1 - SQUARED_ERROR_SHARE) * SQUARED_LEVELS_PER_UNIT * 1.5 * error[0].size
    slope += SQUARED_ERROR_SHARE * error
    return slope


def _slope_of_distance(
    original: NDArray[np.uint8], shown: NDArray[np.uint8], phases: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    """Of the visual distance by the levels, (3, h, w)."""
    library = native.find()
    before, planes = (np.ascontiguousarray(x.transpose(2, 0, 1)) for x in (original, shown))
    light, light_shown = LINEAR_LEVELS[before], LINEAR_LEVELS[planes]

    def norms(phase: tuple[int, int], scales: range) -> tuple[float, NDArray[np.float32]]:
        down, right = phase
        one, other = light[:, down:, right:], light_shown[:, down:, right:]
        if library is None:
            return visual_reference.weighted_norms(one, other, native_rules(), scales)
        total, slope = weighted_norms(one, other, native_rules(), scales, library, has_slope=True)
        assert slope is not None
        return total, slope

    finest, slope = norms((0, 0), range(1))
    height, width = shown.shape[:2]
    halves = [
        norms((down, right), range(1, num_scales(height - down, width - right)))
        for down, right in phases
    ]
    weights = [slope_of_sum(finest + total) / len(phases) for total, _ in halves]
    slope *= sum(weights)
    for (down, right), weight, (_, half) in zip(phases, weights, halves, strict=True):
        height, width = half.shape[1:]
        part = slope[:, down : down + 2 * height, right : right + 2 * width]
        for y, x in np.ndindex(2, 2):  # the half has means over squares
            part[:, y::2, x::2] += np.float32(weight / 4) * half
    slope *= SLOPES_OF_LEVELS[planes]
    return slope
