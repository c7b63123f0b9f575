"""The synthesis in integers in the native library: numpy arrays in and out, no torch.

Gives what `licodec.transform.reference` gives.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import Library, Network, NetworkAt, Window, address, check
from licodec.transform.grid import NUM_PLANES
from licodec.transform.integer import (
    INPUT_ZERO,
    IntegerSynthesis,
    LastLayer,
    Layer,
    PartAt,
    SynthesisAt,
)


class NativeSynthesis:
    """A synthesis' weights, packed for the library.

    Args:
        synthesis: the tensors.
        library: that runs it.

    Raises:
        ModelError: a shape that the library cannot take; the torch path may.
    """

    def __init__(self, synthesis: IntegerSynthesis, library: Library) -> None:
        self.library = library
        at = synthesis.at(0, np.zeros(0, np.int16))
        networks = [_Network(part) for part in at.parts]
        array = (Network * len(networks))(*(n.struct for n in networks))
        self.handle = library.calls.lc_synthesis_new(library.level, array, len(networks))
        if not self.handle:
            raise ModelError("the synthesis has a shape that the native library cannot take")
        weakref.finalize(self, library.calls.lc_synthesis_free, self.handle)
        # What weights add to each sum for the zeros of their inputs.
        self._zero_sums = [_zero_sums(part) for part in at.parts]

    def picture(self, form: SynthesisAt) -> list[PictureAt]:
        """Biases and last layers of a file as the library takes them."""
        return [_picture_at(p, z) for p, z in zip(form.parts, self._zero_sums, strict=True)]


@dataclass(frozen=True, slots=True)
class PictureAt:
    """A network of a picture; the arrays that `struct` points to."""

    patch_px: int
    num_channels: int
    arrays: Sequence[np.ndarray]
    struct: NetworkAt


class _Network:
    """Arrays of a network's layers, and the structure that points to them."""

    def __init__(self, part: PartAt) -> None:
        layers = _layers(part)
        self._kept: list[Any] = []
        self.struct = Network(
            patch_px=part.patch_px,
            num_blocks=len(part.blocks),
            width=len(layers[0].bias),
            weights=self._pointers([la.weight for la in layers]),
            shift=self._pointers([la.shift for la in layers]),
            factor=self._pointers([la.factor for la in layers]),
            byte_factor=self._pointers([la.byte_factor for la in layers]),
            zero=self._pointers([la.zero for la in layers]),
        )

    def _pointers(self, arrays: Sequence[np.ndarray]) -> Any:
        made = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        self._kept.append((arrays, made))
        return ctypes.cast(made, ctypes.POINTER(ctypes.c_void_p))


class Corrector:
    """A window of a picture that comes from top to bottom.

    Args:
        synthesis: packed weights.
        parts: from `NativeSynthesis.picture`.
        size: height and width of the window, multiples of the patches.
        wanted: top, bottom, left, right of the part of the window that is wanted.
        pixels: (h, w) or (h, w, 3) uint8 that takes it, or None; rows may be further apart.
        planes: (3, h, w) int16 that takes corrected planes of it, 1/64 grey level, or None.
        seen: (rows, C / 4, width, 4) uint8 that takes the bytes that the last layer sees in the
            part's rows of patches, all columns of the window, or None; rows of the part are
            multiples of 8 then.
    """

    def __init__(
        self,
        synthesis: NativeSynthesis,
        parts: Sequence[PictureAt],
        size: tuple[int, int],
        wanted: tuple[int, int, int, int],
        *,
        pixels: np.ndarray | None = None,
        planes: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> None:
        self._calls = synthesis.library.calls
        self._kept = synthesis, parts, pixels, planes, seen
        self._width = size[1]
        top, bottom, left, right = wanted
        shape = bottom - top, right - left
        window = Window(*size, *wanted)
        if pixels is not None:
            is_grey = pixels.ndim == 2
            if (
                pixels.shape[:2] != shape
                or pixels.dtype != np.uint8
                or not pixels[0].flags.c_contiguous
            ):
                raise ValueError(
                    f"pixels are {pixels.dtype} {pixels.shape}, expected uint8 {shape}"
                )
            window.is_grey, window.pixels = is_grey, pixels.ctypes.data
            window.pixel_stride = pixels.strides[0]
        if planes is not None:
            window.planes = address(planes, np.int16, (NUM_PLANES, *shape))
        if seen is not None:
            patch, channels = parts[-1].patch_px, parts[-1].num_channels
            rows = bottom // patch - top // patch
            window.seen = address(seen, np.uint8, (rows, channels // 4, size[1] // patch, 4))
        array = (NetworkAt * len(parts))(*(p.struct for p in parts))
        self._handle = self._calls.lc_corrector_new(synthesis.handle, array, window)
        if not self._handle:
            raise ValueError("the native library refuses a window, or memory is short")
        weakref.finalize(self, self._calls.lc_corrector_free, self._handle)

    def push(self, planes: np.ndarray) -> None:
        """Take the next rows (3, h, width) int32 of the window, h a multiple of the patches."""
        shape = NUM_PLANES, planes.shape[1], self._width
        where = address(planes, np.int32, shape)
        check(self._calls.lc_corrector_push(self._handle, where, shape[1] * shape[2], shape[1]))


def _layers(part: PartAt) -> list[Layer]:
    return [part.into, *(layer for block in part.blocks for layer in block)]


def _zero_sums(part: PartAt) -> list[np.ndarray]:
    layers = _layers(part)
    sums = [INPUT_ZERO * layers[0].weight.astype(np.int64).sum((1, 2, 3))]
    for before, layer in pairwise(layers):
        sums.append(layer.weight.astype(np.int64).sum((2, 3)) @ before.zero.astype(np.int64))
    return sums


def _picture_at(part: PartAt, zero_sums: Sequence[np.ndarray]) -> PictureAt:
    layers = _layers(part)
    biases = []
    for layer, zeros in zip(layers, zero_sums, strict=True):
        half = (np.int64(1) << layer.shift.astype(np.int64)) >> 1
        biases.append((layer.bias.astype(np.int64) + half - zeros).astype(np.int32))
    last: LastLayer = part.out
    zeros = last.weight.astype(np.int64) @ layers[-1].zero.astype(np.int64)
    bias = (last.bias.astype(np.int64) + (1 << last.shift >> 1) - zeros).astype(np.int32)
    pointers = (ctypes.c_void_p * len(biases))(*(b.ctypes.data for b in biases))
    struct = NetworkAt(
        bias=ctypes.cast(pointers, ctypes.POINTER(ctypes.c_void_p)),
        last_weight=last.weight.ctypes.data,
        last_bias=bias.ctypes.data,
        last_shift=last.shift,
    )
    return PictureAt(part.patch_px, len(biases[0]), [*biases, last.weight, bias], struct)
