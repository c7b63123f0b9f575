"""The reference of the elements: their values in numpy, and the planes of these on torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from licodec.prior.fixed_point import (
    COMPAND_ENTRIES,
    EIGHTHS_SHIFT,
    OFFSET_SHIFT,
    VALUE_BITS,
    signed_compand,
)
from licodec.prior.folded import unfolded_rows
from licodec.prior.layout import fold_of
from licodec.prior.strips import row_strips
from licodec.transform.grid import NUM_BANDS, NUM_PLANES, SYNTHESIS_HALO
from licodec.transform.wavelet import synthesise_values

# Of one plane; large enough that the halo costs little.
_STRIP_SAMPLES = 1 << 20


class ReferenceElements:
    """`licodec.prior.base.Elements`, which has the arguments of each method.

    Args:
        tensors: the family's tensors by name; integers.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._steps = tensors["detail_steps_q4"]
        self._compand = signed_compand(tensors["compand"])

    def put(
        self,
        level: int,
        channels: tuple[int, ...],
        mean: np.ndarray,
        offsets: np.ndarray,
        values: np.ndarray | None,
        *,
        companded: np.ndarray | None,
        parents: np.ndarray | None,
    ) -> np.ndarray | None:
        """See `Elements`."""
        for top, bottom in row_strips(mean.shape[1], mean.shape[2]):
            for number, channel in enumerate(channels):
                rows = number, slice(top, bottom)
                value = mean[rows] + (offsets[rows].astype(np.int32) << OFFSET_SHIFT)
                place = unfolded_rows(channel, fold_of(level), top, bottom)
                if values is not None:
                    if value.min() < -(1 << 15) or value.max() >= 1 << 15:
                        values = values.astype(np.int32, copy=False)
                    values[place] = value
                eighths = (value >> EIGHTHS_SHIFT).clip(1 - COMPAND_ENTRIES, COMPAND_ENTRIES - 1)
                entries = self._compand[eighths + (COMPAND_ENTRIES - 1)]
                if companded is not None:
                    companded[rows] = entries
                if parents is not None:
                    parents[place] = entries
        return values

    def synthesise(
        self,
        level: int,
        quality_index: int,
        low: np.ndarray,
        values: np.ndarray,
        window: tuple[int, int, int, int],
    ) -> np.ndarray:
        """See `Elements`."""
        top, bottom, left, right = window
        planes = np.empty((NUM_PLANES, bottom - top, right - left), np.int32)
        steps = torch.from_numpy(self._steps[quality_index, level - 1]).view(NUM_PLANES, NUM_BANDS)
        size = low.shape[1:]
        by_band = values.reshape(NUM_PLANES, NUM_BANDS, *size)
        before, after = _reach(left, right, size[1])
        inside = slice(left - 2 * before, right - 2 * before)
        for first, last in row_strips(bottom - top, right - left, positions=_STRIP_SAMPLES):
            above, below = _reach(top + first, top + last, size[0])
            part = slice(above, below), slice(before, after)
            with torch.inference_mode():
                made = synthesise_values(
                    torch.from_numpy(low[:, *part]),
                    torch.from_numpy(by_band[:, :, *part]),
                    steps,
                    VALUE_BITS,
                ).numpy()
            start = top + first - 2 * above
            planes[:, first:last] = made[:, start : start + last - first, inside]
        return planes


def _reach(first: int, last: int, size: int) -> tuple[int, int]:
    """Coarser samples that finer ones from first to last - 1 depend on."""
    return max(first // 2 - SYNTHESIS_HALO, 0), min(-(-last // 2) + SYNTHESIS_HALO, size)
