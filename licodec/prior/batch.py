"""What belongs to a batch of pictures on its way through the float network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.decision import Quantize
from licodec.prior.layout import Where, fold_of


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

    def __call__(self, mean: Tensor, log_scale: Tensor, where: Where) -> Tensor:
        """Quantised values of a step; see `licodec.prior.float_walk.Code`."""
        bits, quantised = self._quantize(self.values(where), mean, log_scale)
        self.bits = self.bits + bits
        return quantised

    def values(self, where: Where) -> Tensor:
        """(N, C, ..) values of a step's elements in steps."""
        if where.mask is not None:
            places = places_of(where, self._low.device)
            return self._low.flatten(2).index_select(2, places)
        return self._level(where.level)[:, list(where.channels)]

    def _level(self, level: int) -> Tensor:
        """(N, 9 fold^2, h, w) values of a level, folded."""
        if self._folded[0] != level:
            steps_px = self._steps_px[:, level - 1, :, None, None]
            values = self._details[level - 1].flatten(1, 2) / steps_px
            self._folded = level, F.pixel_unshuffle(values, fold_of(level))
        return self._folded[1]


def places_of(where: Where, device: torch.device) -> Tensor:
    """(n,) int64: which elements of the flat low-pass a step codes.

    Places rather than a mask, whose number of elements a GPU would have to report first.
    """
    assert where.mask is not None
    return torch.from_numpy(where.mask.ravel().nonzero()[0]).to(device)
