"""What a squared error is worth in bits, by latent family and quality."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from licodec.codec.model import Family, quality_position
from licodec.prior.layout import StepElements, fold_of
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.transform.grid import NUM_BANDS, NUM_LEVELS, NUM_PLANES, STEP_UNIT, band_norm
from licodec.transform.quality import knot_lambdas, knot_weights

_LOW_PASS = 3  # band number of the low-pass


def rd_lambda(family: Family, quality_index: int) -> float:
    """Weight of the mean squared error per plane sample, in bits per pixel, as in training."""
    config = family.config
    weights = knot_weights(quality_position(quality_index), config.num_knots)[0]
    return math.exp(weights @ np.log(knot_lambdas(config)))


class DistortionWeights:
    """Bits that a squared error of one quantization step is worth, by level and channel.

    An error e in a coefficient is e step norm grey levels in a plane; squared error charges
    lambda / 3 for its square, since it takes the mean over three planes. Families for the eye have
    learned their steps: a step is worth the same everywhere, at the balance of rate and step
    (docs/decisions, "Weights of errors for the eye").
    """

    def __init__(self, family: Family, quality_index: int) -> None:
        if family.tune == "visual":
            every = np.float32(BITS_PER_SQUARED_STEP)
            self._detail = np.full((NUM_LEVELS, NUM_PLANES * NUM_BANDS), every)
            self._low = np.full(NUM_PLANES, every)
            return
        scale = np.float32(rd_lambda(family, quality_index) / NUM_PLANES)
        steps = family.detail_steps_q4[quality_index].astype(np.float32) / STEP_UNIT  # (6, 9)
        low = family.low_steps_q4[quality_index].astype(np.float32) / STEP_UNIT  # (3,)
        self._detail = scale * np.square(steps * _norms())
        self._low = scale * np.square(low * np.float32(band_norm(NUM_LEVELS, _LOW_PASS)))

    def at(self, where: StepElements) -> np.ndarray:
        """(C, 1, ..) float32, to be broadcast over a step's elements."""
        if where.mask is not None:
            return self._low[list(where.channels)][:, None]
        folded = fold_of(where.level) ** 2
        channels = [c // folded for c in where.channels]
        return self._detail[where.level - 1, channels][:, None, None]


@lru_cache(maxsize=1)
def _norms() -> np.ndarray:
    """(6, 9) float32: length in the plane of a coefficient of size 1."""
    return np.array(
        [
            [band_norm(level, band) for _ in range(NUM_PLANES) for band in range(NUM_BANDS)]
            for level in range(1, NUM_LEVELS + 1)
        ],
        np.float32,
    )
