"""Whether other pixels look as much like a picture as decoded ones do, by SSIMULACRA 2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# The score takes some 230 bytes of memory per pixel; larger pictures go by squared error alone.
_MAX_PX = 1 << 23


def looks_as_close(
    pixels: NDArray[np.uint8], decoded: NDArray[np.uint8]
) -> Callable[[NDArray[np.uint8]], bool] | None:
    """A test of other pixels against decoded ones; None for pictures too small or too large.

    Args:
        pixels: the picture, (H, W) or (H, W, 3) uint8.
        decoded: of the same shape.
    """
    if pixels.shape[0] * pixels.shape[1] > _MAX_PX:
        return None
    from licodec.metrics.ssimulacra2 import (
        ssimulacra2,
    )  # torch, which photographs need not wait for

    least = ssimulacra2(_rgb(pixels), _rgb(decoded))
    if least is None:
        return None

    def is_close(others: NDArray[np.uint8]) -> bool:
        score = ssimulacra2(_rgb(pixels), _rgb(others))
        return score is not None and score >= least

    return is_close


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
