"""The networks of the integer prior in the native library: trunks and heads.

Does what `licodec.prior.integer` does on torch, on numpy arrays and with the same results.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import HeadTask, Library, TrunkTask, address, check
from licodec.native.threads import over_rows
from licodec.prior.layer_shapes import carries_hidden, layer_shapes, num_blocks
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_PLANES,
    VALUE_BITS,
    detail_steps,
    fold_of,
)
from licodec.prior.native_elements import INDEX_OFFSET, compand_entries

_UNIT_BITS = 4 + 8  # of an output in 1/16 times its unit in 1/256 step
_MAX_OUT = 1 << 12
_MAX_RECIPROCAL = 1 << 21
_MAX_BLOCKS = 8


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
                "high_pass_reciprocal",
                "mean_unit_q8",
                *(f"net.{net}.quality_bias" for net in sorted({*NET_OF_LEVEL.values()})),
            )
        }
        reciprocal = self._tensors["high_pass_reciprocal"]
        if reciprocal.min() < 0 or reciprocal.max() > _MAX_RECIPROCAL:
            raise ModelError("the family's factors of the high-pass are outside 0 .. 2^21")
        self._compand = compand_entries(tensors)
        self._carries_hidden = carries_hidden(tensors)
        self._layers: dict[str, int] = {}
        self._widths: dict[str, int] = {}  # channels that a layer gives
        for name, shapes in layer_shapes(tensors):
            weights = _weights(tensors, name)
            found = [w.shape for w in weights]
            if found != shapes:
                raise ModelError(f"layer {name} of the prior has weights {found}, not {shapes}")
            if shapes[0][0] % 4 and not name.endswith(".out"):
                raise ModelError(f"layer {name} of the prior is no multiple of four channels wide")
            if name not in self._layers:
                self._layers[name] = self._layer(tensors, name, weights)
                self._widths[name] = shapes[0][0]
        self._blocks = {
            net: [self._layers[f"net.{net}.block{n}"] for n in range(num_blocks(tensors, net))]
            for net in NET_OF_LEVEL.values()
        }
        if max(len(blocks) for blocks in self._blocks.values()) > _MAX_BLOCKS:
            raise ModelError(f"the native library has no prior of more than {_MAX_BLOCKS} blocks")

    def _layer(
        self, tensors: Mapping[str, np.ndarray], name: str, weights: Sequence[np.ndarray]
    ) -> int:
        bias = np.ascontiguousarray(tensors[f"{name}.bias"], np.int32)
        shift = np.ascontiguousarray(tensors[f"{name}.shift"], np.uint8)
        inputs = np.array([w.shape[1] for w in weights], np.int32)
        kernels = np.array([w.shape[2] for w in weights], np.int32)
        layer = None
        if bias.shape == shift.shape == weights[0].shape[:1]:
            layer = self._library.calls.lc_layer_new(
                self._library.level,
                len(bias),
                len(weights),
                inputs.ctypes.data,
                kernels.ctypes.data,
                (ctypes.c_void_p * len(weights))(*(w.ctypes.data for w in weights)),
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
        channels = self._trunk_width(level)
        out = self._map(height, width, channels)
        blocks = (ctypes.c_void_p * _MAX_BLOCKS)(*self._blocks[net])
        reciprocal = self._tensors["high_pass_reciprocal"][quality_index, level - 1]
        task = {
            "first": self._layers[f"net.{net}.first"],
            "blocks": ctypes.cast(blocks, ctypes.POINTER(ctypes.c_void_p)),
            "num_blocks": len(self._blocks[net]),
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
            task["coarser"] = self._address(coarser, self._trunk_width(level + 1))

        def rows(top: int, bottom: int) -> None:
            check(self._library.calls.lc_trunk(TrunkTask(**task, top=top, bottom=bottom)))

        over_rows(rows, height, width)
        return out

    def hidden(self, level: int, trunk: Map) -> Map | None:
        """Room for what a level's heads hand on, see `head`; None where they hand nothing on."""
        if not self._carries_hidden:
            return None
        width = self._widths[f"net.{NET_OF_LEVEL[level]}.head0.mix"]
        return self._map(trunk.height, trunk.width, width)

    def _trunk_width(self, level: int) -> int:
        return self._widths[f"net.{NET_OF_LEVEL[level]}.first"]

    def _map_bytes(self, height: int, width: int, channels: int) -> int:
        return check(self._library.calls.lc_map_bytes(height, width, channels))

    def _map(self, height: int, width: int, channels: int) -> Map:
        return Map(np.empty(self._map_bytes(height, width, channels), np.uint8), height, width)

    def _address(self, taken: Map, channels: int) -> int:
        num_bytes = self._map_bytes(taken.height, taken.width, channels)
        return address(taken.data, np.uint8, (num_bytes,))

    def head(
        self,
        level: int,
        quality_index: int,
        number: int,
        trunk: Map,
        known: np.ndarray,
        hidden: Map | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and scale indices of a step, those of the padding included.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            number: of the step in its level.
            trunk: of the level.
            known: (K, h, w) int8, companded values of the level's earlier steps, one after another.
            hidden: of the level, with the last step's hidden state; takes this one's.

        Returns:
            (C, h, w) means in 2^-VALUE_BITS step, int16 if their unit allows, else int32; (C, h, w)
            uint8 indices, 1 to 63.
        """
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        step, fold = detail_steps(level)[number], fold_of(level)
        details = np.array(step.channels) // (fold * fold)
        unit = self._tensors["mean_unit_q8"][quality_index, level - 1][details]
        offset = self._tensors["detail_log_scale"][quality_index, level - 1][details]
        offset = offset + np.int32(INDEX_OFFSET)
        shift = _UNIT_BITS - VALUE_BITS
        is_small = _MAX_OUT * int(np.abs(unit).max()) < 1 << 15 + shift
        shape = (len(step.channels), trunk.height, trunk.width)
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
            "trunk": self._address(trunk, self._trunk_width(level)),
            "known": address(known, np.int8, (len(step.known), trunk.height, trunk.width)),
            "unit": address(unit, np.int32, (len(details),)),
            "offset": address(offset, np.int32, (len(details),)),
            "mean": mean.ctypes.data,
            "index": index.ctypes.data,
        }
        if hidden is not None:
            size = self._map_bytes(trunk.height, trunk.width, self._widths[f"{name}.mix"])
            task["hidden"] = address(hidden.data, np.uint8, (size,))

        def rows(top: int, bottom: int) -> None:
            check(self._library.calls.lc_head(HeadTask(**task, top=top, bottom=bottom)))

        over_rows(rows, trunk.height, trunk.width)
        return mean, index


def _weights(tensors: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Weights of all convolutions of a layer, int8."""
    weights: list[np.ndarray] = []
    while (key := f"{name}.weight{len(weights)}") in tensors:
        weights.append(np.ascontiguousarray(tensors[key], np.int8))
    return weights
