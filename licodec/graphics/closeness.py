"""How close other pixels come to a picture, measured by what its photograph's file gives."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from licodec.image.picture import as_rgb
from licodec.metrics.psnr import mean_squared_error

if TYPE_CHECKING:
    from licodec.metrics.ssimulacra2 import Original

# The score takes some 150 bytes of memory per pixel; larger pictures go by squared error alone.
_MAX_PX = 1 << 23
# Points; keeps logarithms finite where pictures are equal.
_LEAST_DISTANCE = 1e-6

Pixels = NDArray[np.uint8]


class Closeness:
    """What a file must come up to, so that it is no worse than the photograph's.

    Args:
        pixels: the picture, (H, W) or (H, W, 3) uint8.
        decoded: what the photograph's file gives, of the same shape.
        is_seen: SSIMULACRA 2 counts, too, not squared error alone.

    Attributes:
        error: mean squared error per sample of `decoded`.
    """

    def __init__(self, pixels: Pixels, decoded: Pixels, *, is_seen: bool) -> None:
        self._pixels, self._decoded = pixels, decoded
        self._is_seen = is_seen and pixels.shape[0] * pixels.shape[1] <= _MAX_PX
        self.error = mean_squared_error(pixels, decoded)

    def is_reached(self, others: Pixels) -> bool:
        """Whether other pixels are no worse by either measure."""
        return mean_squared_error(self._pixels, others) <= self.error and self.lack(others) <= 0

    def lack(self, others: Pixels) -> float:
        """How much further from the picture others look than the decoded pixels.

        Returns:
            Natural logarithm of the ratio of what they lack to 100 points. At most 0: near enough,
            which they also are where looks do not count and pictures are too small for a score.
        """
        if not self._is_seen:
            return 0.0
        score = self._original.score(as_rgb(others))
        return 0.0 if score is None else _log_distance(score) - self._allowed

    @cached_property
    def _original(self) -> Original:
        from licodec.metrics.ssimulacra2 import Original  # torch, which is not always needed

        return Original(as_rgb(self._pixels))

    @cached_property
    def _allowed(self) -> float:
        score = self._original.score(as_rgb(self._decoded))
        assert score is not None  # that of others was not
        return _log_distance(score)


def _log_distance(score: float) -> float:
    return math.log(max(100 - score, _LEAST_DISTANCE))
