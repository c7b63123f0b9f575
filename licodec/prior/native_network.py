"""The integer prior in the native library: trunks, heads, values and the wavelet between levels.

Does what `licodec.prior.integer` does on torch, on numpy arrays and with the same results.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import (
    WIDE,
    HeadTask,
    Library,
    TrunkTask,
    ValuesTask,
    WaveletTask,
    address,
    check,
)
from licodec.native.threads import over_rows
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_PLANES,
    OFFSET_BITS,
    VALUE_BITS,
    detail_steps,
    fold_of,
)

_UNIT_BITS = 4 + 8  # of an output in 1/16 times its unit in 1/256 step
_MAX_OUT = 1 << 12
_INDEX_OFFSET = 3 * 16 + 1  # minus the smallest log-scale in 1/16, and a half
_MAX_INDEX = 63
_MAX_RECIPROCAL = 1 << 21
_COMPAND_ENTRIES = 4096
# Products of values and steps, 2^-(VALUE_BITS + 10) grey level, to 1/64.
SYNTHESIS_SHIFT = VALUE_BITS + 10 - 6


@dataclass(frozen=True, slots=True)
class Map:
    """Activations of a level as the library keeps them."""

    data: np.ndarray  # (n,) uint8
    height: int
    width: int


class NativeNetwork:
    """The networks of one latent family.

    Args:
        tensors: the family's tensors by name; integers.
        library: that runs them.

    Raises:
        KeyError: a tensor is missing; it is named.
        ModelError: weights that the library cannot take; the torch path may.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], library: Library) -> None:
        self._library = library
        self._tensors = {
            name: np.ascontiguousarray(tensors[name])
            for name in (
                "detail_log_scale",
                "detail_steps_q4",
                "high_pass_reciprocal",
                "low_log_scale",
                "low_steps_q4",
                "mean_unit_q8",
                *(f"net.{net}.quality_bias" for net in sorted({*NET_OF_LEVEL.values()})),
            )
        }
        reciprocal = self._tensors["high_pass_reciprocal"]
        if reciprocal.min() < 0 or reciprocal.max() > _MAX_RECIPROCAL:
            raise ModelError("the family's factors of the high-pass are outside 0 .. 2^21")
        half = tensors["compand"]
        if half.shape != (_COMPAND_ENTRIES,) or np.abs(half).max() > 127:
            raise ModelError("the family's companding table has another shape than the format's")
        self._compand = np.concatenate([-half[:0:-1], half]).astype(np.int8)
        num_features = NUM_PLANES * (fold_of(NUM_LEVELS) ** 2 + 1)
        if tensors["net.top.first.weight0"].shape[1] != num_features:
            raise ModelError("the native library has no prior with magnitudes among its inputs")
        if "net.top.head1.in.weight2" in tensors:
            raise ModelError("the native library has no prior whose heads carry a hidden state")
        names = sorted(k.removesuffix(".shift") for k in tensors if k.endswith(".shift"))
        self._layers = {name: self._layer(tensors, name) for name in names}
        self._num_channels = {
            net: len(tensors[f"net.{net}.first.bias"]) for net in {*NET_OF_LEVEL.values()}
        }

    def _layer(self, tensors: Mapping[str, np.ndarray], name: str) -> int:
        weights: list[np.ndarray] = []
        while (key := f"{name}.weight{len(weights)}") in tensors:
            weights.append(np.ascontiguousarray(tensors[key], np.int8))
        bias = np.ascontiguousarray(tensors[f"{name}.bias"], np.int32)
        shift = np.ascontiguousarray(tensors[f"{name}.shift"], np.uint8)
        shapes = np.array([w.shape for w in weights], np.int32).reshape(-1, 4)
        inputs, kernels = shapes[:, 1].copy(), shapes[:, 2].copy()
        is_sound = 1 <= len(weights) <= 2 and all(
            w.shape == (len(bias), w.shape[1], w.shape[2], w.shape[2]) for w in weights
        )
        layer = None
        if is_sound and len(shift) == len(bias):
            pointers = [w.ctypes.data for w in weights] + [None]
            layer = self._library.calls.lc_layer_new(
                self._library.level,
                len(bias),
                len(weights),
                inputs.ctypes.data,
                kernels.ctypes.data,
                *pointers[:2],
                bias.ctypes.data,
                shift.ctypes.data,
                {"first": 0, "in": 1 if len(weights) > 1 else -1}.get(name.rpartition(".")[2], -1),
            )
        if not layer:
            raise ModelError(f"layer {name} of the prior has a shape or size that no family has")
        weakref.finalize(self, self._library.calls.lc_layer_free, layer)
        return int(layer)

    def trunk(
        self,
        level: int,
        quality_index: int,
        low: np.ndarray,
        parents: np.ndarray | None,
        coarser: Map | None,
    ) -> Map:
        """Activations that a level's heads share.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            low: (3, fold h, fold w) int32 planes that the coarser level left, 1/64 grey level.
            parents: (9, h, w) int8 companded values of level + 1; None at level 6.
            coarser: trunk of level + 1; None at level 6.
        """
        net, fold = NET_OF_LEVEL[level], fold_of(level)
        height, width = low.shape[1] // fold, low.shape[2] // fold
        levels = [lv for lv, n in NET_OF_LEVEL.items() if n == net]
        bias = self._tensors[f"net.{net}.quality_bias"][quality_index, level - min(levels)]
        channels = self._num_channels[net]
        out = Map(np.empty(self._map_bytes(height, width, channels), np.uint8), height, width)
        blocks = (ctypes.c_void_p * 8)()
        number = 0
        while (name := f"net.{net}.block{number}") in self._layers:
            blocks[number] = self._layers[name]
            number += 1
        reciprocal = self._tensors["high_pass_reciprocal"][quality_index, level - 1]
        task = {
            "first": self._layers[f"net.{net}.first"],
            "blocks": ctypes.cast(blocks, ctypes.POINTER(ctypes.c_void_p)),
            "num_blocks": number,
            "fold": fold,
            "height": height,
            "width": width,
            "quality_bias": address(bias, np.int32, (channels,)),
            "low": address(low, np.int32, (NUM_PLANES, fold * height, fold * width)),
            "reciprocal": address(reciprocal, np.int64, (NUM_PLANES,)),
            "compand": self._compand.ctypes.data,
            "trunk": out.data.ctypes.data,
        }
        if parents is not None:
            shape = (NUM_DETAIL_CHANNELS, height, width)
            task["parents"] = address(parents, np.int8, shape)
        if coarser is not None:
            task |= {"coarser_height": coarser.height, "coarser_width": coarser.width}
            num_bytes = self._map_bytes(coarser.height, coarser.width, channels)
            task["coarser"] = address(coarser.data, np.uint8, (num_bytes,))

        def rows(top: int, bottom: int) -> None:
            check(self._library.calls.lc_trunk(TrunkTask(**task, top=top, bottom=bottom)))

        over_rows(rows, height, width)
        return out

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
        index = (self._tensors["low_log_scale"][quality_index, step] + _INDEX_OFFSET) >> 1
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

    def _map_bytes(self, height: int, width: int, channels: int) -> int:
        return check(self._library.calls.lc_map_bytes(height, width, channels))

    def head(
        self, level: int, quality_index: int, number: int, trunk: Map, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and scale indices of a step, those of the padding included.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            number: of the step in its level.
            trunk: of the level.
            known: (K, h, w) int8, what `put` gave for the level's earlier steps, one after another.

        Returns:
            (C, h, w) means in 2^-VALUE_BITS step, int16 if their unit allows, else int32; (C, h, w)
            uint8 indices, 1 to 63.
        """
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        step, fold = detail_steps(level)[number], fold_of(level)
        details = np.array(step.channels) // (fold * fold)
        unit = self._tensors["mean_unit_q8"][quality_index, level - 1][details]
        offset = self._tensors["detail_log_scale"][quality_index, level - 1][details]
        offset = offset + np.int32(_INDEX_OFFSET)
        shift = _UNIT_BITS - VALUE_BITS
        is_small = _MAX_OUT * int(np.abs(unit).max()) < 1 << 15 + shift
        shape = (len(step.channels), trunk.height, trunk.width)
        channels = self._num_channels[NET_OF_LEVEL[level]]
        num_bytes = self._map_bytes(trunk.height, trunk.width, channels)
        mean = np.empty(shape, np.int16 if is_small else np.int32)
        index = np.empty(shape, np.uint8)
        task = {
            "in": self._layers[f"{name}.in"],
            "mix": self._layers[f"{name}.mix"],
            "out": self._layers[f"{name}.out"],
            "num_known": len(step.known),
            "num_channels": len(step.channels),
            "height": trunk.height,
            "width": trunk.width,
            "unit_shift": shift,
            "mean_bytes": mean.itemsize,
            "trunk": address(trunk.data, np.uint8, (num_bytes,)),
            "known": address(known, np.int8, (len(step.known), trunk.height, trunk.width)),
            "unit": address(unit, np.int32, (len(details),)),
            "offset": address(offset, np.int32, (len(details),)),
            "mean": mean.ctypes.data,
            "index": index.ctypes.data,
        }

        def rows(top: int, bottom: int) -> None:
            check(self._library.calls.lc_head(HeadTask(**task, top=top, bottom=bottom)))

        over_rows(rows, trunk.height, trunk.width)
        return mean, index

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
