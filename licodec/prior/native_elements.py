"""The integer prior's elements in the native library: their values, and the planes of these.

Does what `licodec.prior.integer` does on torch, on numpy arrays and with the same results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import WIDE, Library, ValuesTask, WaveletTask, address, check
from licodec.native.threads import over_rows
from licodec.prior.layout import (
    NUM_DETAIL_CHANNELS,
    NUM_PLANES,
    OFFSET_BITS,
    VALUE_BITS,
    fold_of,
)

INDEX_OFFSET = 3 * 16 + 1  # minus the smallest log-scale in 1/16, and a half
_MAX_INDEX = 63
_COMPAND_ENTRIES = 4096
# Products of values and steps, 2^-(VALUE_BITS + 10) grey level, to 1/64.
SYNTHESIS_SHIFT = VALUE_BITS + 10 - 6


def compand_entries(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """(8191,) int8: what the library takes for eighths of a step from -4095 to 4095.

    Raises:
        KeyError: the family has no companding table.
        ModelError: one of another shape than the format's.
    """
    half = tensors["compand"]
    if half.shape != (_COMPAND_ENTRIES,) or np.abs(half).max() > 127:
        raise ModelError("the family's companding table has another shape than the format's")
    return np.concatenate([-half[:0:-1], half]).astype(np.int8)


class NativeElements:
    """Means of the low-pass, values of all steps, and the wavelet's planes, of one latent family.

    Args:
        tensors: the family's tensors by name; integers.
        library: that makes them.

    Raises:
        KeyError: a tensor is missing; it is named.
        ModelError: a table that the library cannot take.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], library: Library) -> None:
        self._library = library
        self._tensors = {
            name: np.ascontiguousarray(tensors[name])
            for name in ("detail_steps_q4", "low_log_scale", "low_steps_q4")
        }
        self._compand = compand_entries(tensors)

    def low_means(self, values: np.ndarray, num_planes: int, step: int) -> np.ndarray:
        """(P, n) int32 means of a low-pass step's elements.

        Args:
            values: (3, rows, columns) int32, those of earlier steps.
            num_planes: P.
            step: 0 to 2.
        """
        rows, columns = values.shape[1:]
        means = np.empty((num_planes, rows * columns), np.int32)
        count = check(
            self._library.calls.lc_low_means(
                address(values, np.int32, (NUM_PLANES, rows, columns)),
                num_planes,
                rows,
                columns,
                step,
                means.ctypes.data,
            )
        )
        return means.reshape(-1)[: num_planes * count].reshape(num_planes, count)

    def low_indices(self, quality_index: int, step: int, shape: tuple[int, ...]) -> np.ndarray:
        """(P, n) uint8 scale indices of a low-pass step's elements."""
        index = (self._tensors["low_log_scale"][quality_index, step] + INDEX_OFFSET) >> 1
        index = index[: shape[0], None].clip(1, _MAX_INDEX).astype(np.uint8)
        return np.array(np.broadcast_to(index, shape))

    def put_low(self, values: np.ndarray, mean: np.ndarray, added: np.ndarray, step: int) -> None:
        """Put mean (P, n) int32 plus added (P, n), 1/16 step, into values (3, rows, columns)."""
        rows, columns = values.shape[1:]
        found = mean + (added.astype(np.int32) << (VALUE_BITS - OFFSET_BITS))
        count = self._library.calls.lc_put_low(
            address(values, np.int32, (NUM_PLANES, rows, columns)),
            len(found),
            rows,
            columns,
            step,
            address(found, np.int32, found.shape),
        )
        assert check(count) == found.shape[1]

    def low_planes(self, quality_index: int, values: np.ndarray) -> np.ndarray:
        """(3, rows, columns) int32 planes, 1/64 grey level, of low-pass values of that shape."""
        steps = self._tensors["low_steps_q4"][quality_index][:, None, None]
        half = np.int32(1 << SYNTHESIS_SHIFT - 1)
        planes: np.ndarray = (values * steps + half) >> SYNTHESIS_SHIFT
        return planes

    def put(
        self,
        level: int,
        channels: Sequence[int],
        mean: np.ndarray,
        offsets: np.ndarray,
        values: np.ndarray | None,
        *,
        companded: np.ndarray | None,
        parents: np.ndarray | None,
    ) -> np.ndarray | None:
        """Add what a quantizer adds to a step's means.

        Args:
            level: 6 to 1.
            channels: the step's folded channels.
            mean: (C, h, w) int16 or int32.
            offsets: (C, h, w) int16 or int32, 1/16 step.
            values: (9, fold h, fold w) int16 or int32 of the level, takes the step's; None where
                nobody wants them.
            companded: (C, h, w) int8, takes them for the level's later steps.
            parents: (9, fold h, fold w) int8, takes them for the next level.

        Returns:
            The level's values: the array given, or one of int32 where a value needs it.
        """
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
            "offset_shift": VALUE_BITS - OFFSET_BITS,
            "eighths_shift": VALUE_BITS - 3,
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
        window: tuple[int, int, int, int] | None = None,
    ) -> np.ndarray:
        """Planes that a level's values and the planes of the coarser level give.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            low: (3, h, w) int32, 1/64 grey level.
            values: (9, h, w) int16 or int32.
            window: top, bottom, left, right of the part that is wanted; None: all.

        Returns:
            (3, bottom - top, right - left) int32, 1/64 grey level, the same whatever the window.
        """
        height, width = low.shape[1:]
        top, bottom, left, right = window or (0, 2 * height, 0, 2 * width)
        planes = np.empty((NUM_PLANES, bottom - top, right - left), np.int32)
        steps = self._tensors["detail_steps_q4"][quality_index, level - 1]
        task = {
            "height": height,
            "width": width,
            "left": left,
            "right": right,
            "value_bytes": values.itemsize,
            "shift": SYNTHESIS_SHIFT,
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
