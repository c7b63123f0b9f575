"""A picture's coefficients in quantization steps: all of them, as tensors that can be changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.model import Family
from licodec.codec.step_quantizer import Coefficients
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.layout import NUM_DETAIL_CHANNELS, StepElements, fold_of
from licodec.transform.grid import FRACTION_BITS, GRID_PX, NUM_LEVELS, NUM_PLANES, STEP_UNIT
from licodec.transform.wavelet import analyse

_UNITS_PER_STEP = 1 << VALUE_BITS


@dataclass(frozen=True, slots=True)
class Values:
    """The latent of a picture, or of a window of it.

    Attributes:
        low: (3, h, w) float32 low-pass of level 6 in steps.
        details: per level 1 (finest) to 6, folded as `prior.layout` says: (36, 2^(5-l) h,
            2^(5-l) w) float32 in steps, level 6 (9, h, w).
    """

    low: Tensor
    details: tuple[Tensor, ...]

    def at(self, where: StepElements) -> np.ndarray:
        """(C, ..) float32 of one step's elements, as `codec.step_quantizer.Coefficients`."""
        return self.part(where).numpy()

    def part(self, where: StepElements) -> Tensor:
        """The same as a tensor of its own."""
        if where.mask is not None:
            return self.low[list(where.channels)][:, torch.from_numpy(where.mask)]
        return self.details[where.level - 1][list(where.channels)]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Low-pass, then the details of levels 1 to 6."""
        return (self.low, *self.details)

    def copy(self) -> Values:
        """The same numbers in memory of their own."""
        return Values(self.low.clone(), tuple(d.clone() for d in self.details))

    def zeros(self) -> Values:
        """Zeros of the same shapes."""
        return Values(torch.zeros_like(self.low), tuple(torch.zeros_like(d) for d in self.details))

    def put(self, where: StepElements, part: Tensor) -> None:
        """Set one step's elements; the inverse of `at`."""
        if where.mask is not None:
            for channel, values in zip(where.channels, part, strict=True):
                self.low[channel][torch.from_numpy(where.mask)] = values
        else:
            self.details[where.level - 1][list(where.channels)] = part

    def window(self, rows: slice, columns: slice) -> Values:
        """Views of a part; rows and columns count elements of the low-pass."""

        def cut(plane: Tensor, size: int) -> Tensor:
            y = slice(rows.start * size, rows.stop * size)
            return plane[:, y, columns.start * size : columns.stop * size]

        return Values(
            cut(self.low, 1),
            tuple(cut(d, _grid(level)) for level, d in enumerate(self.details, 1)),
        )


def _grid(level: int) -> int:
    """Folded positions of a level for each element of the low-pass, along a side."""
    return (GRID_PX >> level) // fold_of(level)


def values_of(latent: Coefficients, rows: int, columns: int) -> Values:
    """All values of a latent.

    Args:
        latent: of a picture, asked step by step.
        rows, columns: of the low-pass of level 6.
    """
    every = np.ones((rows, columns), bool)
    low = torch.from_numpy(latent.at(StepElements(0, tuple(range(NUM_PLANES)), every)))
    details = []
    for level in range(1, NUM_LEVELS + 1):
        fold = fold_of(level)
        where = StepElements(level, tuple(range(NUM_DETAIL_CHANNELS * fold * fold)))
        details.append(torch.from_numpy(latent.at(where)))
    return Values(low.view(NUM_PLANES, rows, columns).clone(), tuple(details))


def coded_values(planes: np.ndarray, family: Family, quality_index: int) -> Values:
    """The values that a decoder has, from what its linear synthesis makes of them.

    The integer synthesis rounds by a few 1/64 grey level, less than the unit of values at
    most qualities.

    Args:
        planes: (3, H', W') int32 in 1/64 grey level.
        family: that coded them.
        quality_index: 0..255.
    """
    low_steps = torch.from_numpy(family.low_steps_q4[quality_index]).float() / STEP_UNIT
    steps = torch.from_numpy(family.detail_steps_q4[quality_index]).float() / STEP_UNIT
    steps = steps[:, :, None, None]
    levels = torch.from_numpy(planes).float() / (1 << FRACTION_BITS)
    bands = [analyse(plane[None, None]) for plane in levels]
    low = torch.cat([low[0] for low, _ in bands]) / low_steps[:, None, None]
    details = tuple(
        F.pixel_unshuffle(
            _rounded(torch.cat([d[level - 1][0, 0] for _, d in bands]) / steps[level - 1]),
            fold_of(level),
        )
        for level in range(1, NUM_LEVELS + 1)
    )
    return Values(_rounded(low), details)


def _rounded(values: Tensor) -> Tensor:
    return values.mul_(_UNITS_PER_STEP).round_().div_(_UNITS_PER_STEP)
