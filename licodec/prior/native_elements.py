"""The prior's elements in the native library: their values, and the planes of these."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from licodec.native.binding import WIDE, Library, ValuesTask, WaveletTask, address, check
from licodec.native.threads import over_rows
from licodec.prior.fixed_point import (
    COEFFICIENT_SHIFT,
    EIGHTHS_SHIFT,
    OFFSET_SHIFT,
    signed_compand,
)
from licodec.prior.layout import NUM_DETAIL_CHANNELS, fold_of
from licodec.transform.grid import NUM_PLANES


class NativeElements:
    """`licodec.prior.base.Elements`, which has the arguments of each method.

    Args:
        tensors: the family's tensors by name; integers.
        library: that makes them.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], library: Library) -> None:
        self._library = library
        self._steps = np.ascontiguousarray(tensors["detail_steps_q4"])
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
        folded, fold = np.array(channels, np.int32), fold_of(level)
        shape = (len(channels), *mean.shape[1:])
        unfolded = (NUM_DETAIL_CHANNELS, fold * shape[1], fold * shape[2])
        task = {
            "num_channels": len(channels),
            "fold": fold,
            "height": shape[1],
            "width": shape[2],
            "mean_bytes": mean.itemsize,
            "offset_bytes": offsets.itemsize,
            "offset_shift": OFFSET_SHIFT,
            "eighths_shift": EIGHTHS_SHIFT,
            "channels": folded.ctypes.data,
            "mean": address(mean, _integers(mean), shape),
            "offsets": address(offsets, _integers(offsets), shape),
            "compand": self._compand.ctypes.data,
        }
        if companded is not None:
            task["companded"] = address(companded, np.int8, shape)
        if parents is not None:
            task["parents"] = address(parents, np.int8, unfolded)
        is_wide = False

        def rows(top: int, bottom: int) -> None:
            nonlocal is_wide
            call = ValuesTask(**task, top=top, bottom=bottom)
            level_number = self._library.level
            is_wide |= check(self._library.calls.lc_put_values(level_number, call)) == WIDE

        for _ in range(2):
            if values is not None:
                task["values"] = address(values, _integers(values), unfolded)
            task["value_bytes"] = 2 if values is None else values.itemsize
            over_rows(rows, shape[1], len(channels) * shape[2])
            if values is None or not is_wide:
                break
            is_wide, values = False, values.astype(np.int32)
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
        height, width = low.shape[1:]
        top, bottom, left, right = window
        planes = np.empty((NUM_PLANES, bottom - top, right - left), np.int32)
        steps = self._steps[quality_index, level - 1]
        task = {
            "height": height,
            "width": width,
            "left": left,
            "right": right,
            "value_bytes": values.itemsize,
            "shift": COEFFICIENT_SHIFT,
            "plane_stride": planes[0].size,
            "low": address(low, np.int32, (NUM_PLANES, height, width)),
            "values": address(values, _integers(values), (NUM_DETAIL_CHANNELS, height, width)),
            "steps": address(steps, np.int32, (NUM_DETAIL_CHANNELS,)),
        }

        def rows(first: int, last: int) -> None:
            part = planes[:, first:last]
            call = WaveletTask(**task, top=top + first, bottom=top + last, planes=part.ctypes.data)
            check(self._library.calls.lc_synthesise(self._library.level, call))

        over_rows(rows, bottom - top, right - left, unit=2)
        return planes


def _integers(array: np.ndarray) -> type:
    """The type of numbers that the library takes in two widths."""
    return np.int16 if array.dtype == np.int16 else np.int32
