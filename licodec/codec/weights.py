"""A latent family and a quality in, what a squared error of one step is worth in bits out."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from licodec.codec.model import Family
from licodec.config import MAX_QUALITY_INDEX
from licodec.prior.integer import Where
from licodec.prior.layout import NUM_LEVELS, NUM_PLANES, fold_of
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.transform.grid import NUM_BANDS, STEP_BITS, band_norm
from licodec.transform.quality import knot_weights

STEP_UNIT = 1 << STEP_BITS
_LOW_PASS = 3  # band number of the low-pass


def rd_lambda(family: Family, quality_index: int) -> float:
    """Weight of the mean squared error per plane sample, in bits per pixel: training's lambda."""
    config = family.config
    position = torch.tensor([quality_index / MAX_QUALITY_INDEX], dtype=torch.float32)
    weights = knot_weights(position, config.num_knots)
    ends = torch.tensor([config.lambda_min, config.lambda_max], dtype=torch.float32).log()
    logs = torch.linspace(float(ends[0]), float(ends[1]), config.num_knots, dtype=torch.float32)
    return float(torch.exp(weights @ logs))


class StepWeights:
    """Bits that a squared error of one quantization step is worth, by level and channel.

    An error e in a coefficient is e step norm grey levels in a plane; squared error charges
    lambda / 3 for its square, since it takes the mean over three planes. Families for the eye have
    learned their steps: a step is worth the same everywhere, at the balance of rate and step
    (docs/decisions.md, "Weights of errors for the eye").
    """

    def __init__(self, family: Family, quality_index: int) -> None:
        if family.tune == "visual":
            every = torch.full((), BITS_PER_SQUARED_STEP, dtype=torch.float32)
            self._detail = every.expand(NUM_LEVELS, NUM_PLANES * NUM_BANDS)
            self._low = every.expand(NUM_PLANES)
            return
        scale = rd_lambda(family, quality_index) / NUM_PLANES
        steps = family.detail_steps_q4[quality_index].float() / STEP_UNIT  # (6, 9)
        low = family.low_steps_q4[quality_index].float() / STEP_UNIT  # (3,)
        self._detail = scale * (steps * _norms()).square()
        self._low = scale * (low * band_norm(NUM_LEVELS, _LOW_PASS)).square()

    def at(self, where: Where) -> Tensor:
        """(C, 1, ..) float32, to be broadcast over a step's elements."""
        if where.mask is not None:
            return self._low[list(where.channels)][:, None]
        folded = fold_of(where.level) ** 2
        channels = [c // folded for c in where.channels]
        return self._detail[where.level - 1, channels][:, None, None]


@lru_cache(maxsize=1)
def _norms() -> Tensor:
    """(6, 9) float32: length in the plane of a coefficient of size 1."""
    return torch.tensor(
        [
            [band_norm(level, band) for _ in range(NUM_PLANES) for band in range(NUM_BANDS)]
            for level in range(1, NUM_LEVELS + 1)
        ],
        dtype=torch.float32,
    )
