"""The prior's networks in the native library: trunks and heads."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import HeadTask, Library, TrunkTask, address, check
from licodec.native.threads import over_rows
from licodec.prior.fixed_point import INDEX_OFFSET, MEAN_SHIFT, mean_type, signed_compand
from licodec.prior.layout import (
    LEVELS_OF_NET,
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    detail_steps,
    fold_of,
    row_in_net,
)
from licodec.prior.shapes import carries_hidden, layer_shapes, num_blocks
from licodec.transform.grid import NUM_PLANES

_MAX_BLOCKS = 8


class UnsupportedShapeError(ModelError):
    """Sound weights that the library has no room for; the reference takes them."""


@dataclass(frozen=True, slots=True)
class Map:
    """Activations of a level as the library keeps them."""

    data: np.ndarray  # (n,) uint8
    height: int
    width: int


class NativeNetwork:
    """`licodec.prior.base.Network`, which has the arguments of each method.

    Args:
        tensors: the family's tensors by name, which `check_tensors` accepts.
        library: that runs them.

    Raises:
        UnsupportedShapeError: weights that the library cannot take.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], library: Library) -> None:
        self._library = library
        self._tensors = {
            name: np.ascontiguousarray(tensors[name])
            for name in (
                "detail_log_scale",
                "high_pass_reciprocal",
                "mean_unit_q8",
                *(f"net.{net}.quality_bias" for net in LEVELS_OF_NET),
            )
        }
        self._compand = signed_compand(tensors["compand"])
        self._carries_hidden = carries_hidden(tensors)
        self._layers: dict[str, int] = {}
        self._widths: dict[str, int] = {}  # channels that a layer gives
        for name, shapes in dict(layer_shapes(tensors)).items():
            self._layers[name] = self._layer(tensors, name, len(shapes))
            self._widths[name] = shapes[0][0]
            if shapes[0][0] % 4 and not name.endswith(".out"):
                raise UnsupportedShapeError(
                    f"layer {name} of the prior is no multiple of four channels wide"
                )
        self._blocks = {
            net: [self._layers[f"net.{net}.block{n}"] for n in range(num_blocks(tensors, net))]
            for net in LEVELS_OF_NET
        }
        if max(len(blocks) for blocks in self._blocks.values()) > _MAX_BLOCKS:
            raise UnsupportedShapeError(
                f"the native library has no prior of more than {_MAX_BLOCKS} blocks"
            )

    def _layer(self, tensors: Mapping[str, np.ndarray], name: str, num_convolutions: int) -> int:
        names = [f"{name}.weight{number}" for number in range(num_convolutions)]
        weights = [np.ascontiguousarray(tensors[n]) for n in names]
        bias = np.ascontiguousarray(tensors[f"{name}.bias"])
        shift = np.ascontiguousarray(tensors[f"{name}.shift"])
        inputs = np.array([w.shape[1] for w in weights], np.int32)
        kernels = np.array([w.shape[2] for w in weights], np.int32)
        # The convolution that sees inputs, which have signs, and not activations.
        of_inputs = 0 if name.endswith(".first") else 1 if num_convolutions > 1 else -1
        layer = self._library.calls.lc_layer_new(
            self._library.level,
            len(bias),
            num_convolutions,
            inputs.ctypes.data,
            kernels.ctypes.data,
            (ctypes.c_void_p * num_convolutions)(*(w.ctypes.data for w in weights)),
            bias.ctypes.data,
            shift.ctypes.data,
            of_inputs,
        )
        if not layer:
            raise UnsupportedShapeError(f"layer {name} of the prior is too large for the library")
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
        """See `Network`."""
        net, fold = NET_OF_LEVEL[level], fold_of(level)
        height, width = low.shape[1] // fold, low.shape[2] // fold
        bias = self._tensors[f"net.{net}.quality_bias"][quality_index, row_in_net(level)]
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

    def new_hidden(self, level: int, trunk: Map) -> Map | None:
        """See `Network`."""
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
        """See `Network`."""
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        step, fold = detail_steps(level)[number], fold_of(level)
        details = np.array(step.channels) // (fold * fold)
        unit = self._tensors["mean_unit_q8"][quality_index, level - 1][details]
        offset = self._tensors["detail_log_scale"][quality_index, level - 1][details]
        offset = offset + np.int32(INDEX_OFFSET)
        shape = (len(step.channels), trunk.height, trunk.width)
        mean: np.ndarray = np.empty(shape, mean_type(unit))
        index = np.empty(shape, np.uint8)
        task = {
            "in": self._layers[f"{name}.in"],
            "mix": self._layers[f"{name}.mix"],
            "out": self._layers[f"{name}.out"],
            "num_known": len(step.known),
            "num_channels": len(step.channels),
            "height": trunk.height,
            "width": trunk.width,
            "unit_shift": MEAN_SHIFT,
            "mean_bytes": mean.itemsize,
            "trunk": self._address(trunk, self._trunk_width(level)),
            "known": address(known, np.int8, (len(step.known), trunk.height, trunk.width)),
            "unit": address(unit, np.int32, (len(details),)),
            "offset": address(offset, np.int32, (len(details),)),
            "mean": mean.ctypes.data,
            "index": index.ctypes.data,
        }
        if hidden is not None:
            task["hidden"] = self._address(hidden, self._widths[f"{name}.mix"])

        def rows(top: int, bottom: int) -> None:
            check(self._library.calls.lc_head(HeadTask(**task, top=top, bottom=bottom)))

        over_rows(rows, trunk.height, trunk.width)
        return mean, index
