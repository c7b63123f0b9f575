"""What every implementation of the coding prior offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from licodec.prior.layout import StepElements
from licodec.prior.plane_source import PlaneSource

# (step number, means in 2^-VALUE_BITS step (C, ..) int16 or int32, scale indices (C, ..) uint8,
# where) -> what the quantizer adds to the means, in 1/16 step (C, ..) int16 or int32
StepCoder = Callable[[int, np.ndarray, np.ndarray, StepElements], np.ndarray]


class CodingPrior(Protocol):
    """The prior of one latent family; every implementation gives the same integers."""

    def planes(
        self,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
    ) -> PlaneSource:
        """Visit every step in coding order.

        Args:
            quality_index: 0..255.
            height, width: of the picture in pixels.
            is_grey: chroma is zero and not coded.
            code: quantises or decodes one step's elements; those of index 0 belong to the
                padding, where it must return 0.
            last_level: 1 to 6: no finer level is visited. The planes, of the padded size divided by
                2^(last_level - 1), are then a smaller picture in themselves.

        Returns:
            Planes (3, H, W) of the linear synthesis, H and W the picture's size padded to multiples
            of 64, made where they are asked for.
        """
        ...

    def visit(
        self, quality_index: int, height: int, width: int, *, is_grey: bool, code: StepCoder
    ) -> None:
        """As `planes`, for `code` alone: without planes, which need more memory."""
        ...
