"""A batch of pictures for the float network: its qualities, and how its crops are quantised."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.decision import Quantize
from licodec.prior.layout import LOW_PASS_LATTICES, StepElements, fold_of


@dataclass(frozen=True, slots=True)
class Qualities:
    """At what quality each picture is coded.

    Attributes:
        weights: (N, knots) interpolation weights.
        detail_steps_px: (N, 6, 9) quantization steps in grey levels of the coefficients.
        low_steps_px: (N, 3) the same for the low-pass.
    """

    weights: Tensor
    detail_steps_px: Tensor
    low_steps_px: Tensor


class CropCoder:
    """`Code` of crops in training: quantises what was analysed and adds up the bits.

    Attributes:
        bits: (N,) of the steps so far.

    Args:
        low: (N, 3, h, w) float low-pass in grey levels.
        details: per level 1..6, (N, 3, 3, ..) float details, planes then bands.
        qualities: of the crops.
        quantize: how symbols are chosen.
    """

    def __init__(
        self, low: Tensor, details: list[Tensor], qualities: Qualities, quantize: Quantize
    ) -> None:
        self.bits = low.new_zeros(low.shape[0])
        self._low = low / qualities.low_steps_px[:, :, None, None]
        self._details, self._steps_px = details, qualities.detail_steps_px
        self._quantize = quantize
        self._folded: tuple[int, Tensor] = (0, low)  # a level and its values

    def __call__(
        self, mean: Tensor, log_scale: Tensor, where: StepElements, places: Tensor | None
    ) -> Tensor:
        """Quantised values of a step; see `licodec.prior.float_walk.Code`."""
        if places is None:
            values = self.level(where.level)[:, list(where.channels)]
        else:
            values = self._low.flatten(2).index_select(2, places)
        bits, quantised = self._quantize(values, mean, log_scale)
        self.bits = self.bits + bits
        return quantised

    def level(self, level: int) -> Tensor:
        """(N, 9 fold^2, h, w) values of a level, folded."""
        if self._folded[0] != level:
            steps_px = self._steps_px[:, level - 1, :, None, None]
            values = self._details[level - 1].flatten(1, 2) / steps_px
            self._folded = level, F.pixel_unshuffle(values, fold_of(level))
        return self._folded[1]


def low_pass_places(step: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """(n,) int64: which elements of the flat low-pass a step codes, as `low_pass_elements`.

    Places rather than a mask, whose number of elements a GPU would have to report first.
    """
    places = torch.arange(rows * columns, device=device).view(rows, columns)
    lattices = [places[y::2, x::2].flatten() for y, x in LOW_PASS_LATTICES[step]]
    return torch.cat(lattices).sort().values
