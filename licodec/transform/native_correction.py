"""The analysis correction in the native library, row strips on several threads.

Gives what `licodec.transform.analysis_reference` gives.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import Library, Network, NetworkAt, Window, address, check
from licodec.native.threads import over_rows
from licodec.transform.grid import NUM_PLANES, PATCH_PX, padded_size
from licodec.transform.integer_analysis import IntegerCorrection, WordPart


class NativeCorrection:
    """A correction's weights, packed for the library.

    Args:
        correction: the weights.
        library: that runs it.

    Raises:
        ModelError: a shape that the library cannot take.
    """

    def __init__(self, correction: IntegerCorrection, library: Library) -> None:
        self._calls = library.calls
        self._halo_px = padded_size(correction.halo_px, PATCH_PX)
        shifts = [[la.shift.astype(np.uint8) for la in part.layers] for part in correction.parts]
        networks = [
            Network(
                patch_px=part.patch_px,
                num_blocks=len(part.layers) // 2,
                width=len(part.layers[0].weight),
                is_words=True,
                weights=_pointers([layer.weight for layer in part.layers]),
                shift=_pointers(shift),
            )
            for part, shift in zip(correction.parts, shifts, strict=True)
        ]
        array = (Network * len(networks))(*networks)
        self._handle = self._calls.lc_synthesis_new(library.level, array, len(networks))
        if not self._handle:
            raise ModelError("a correction has a shape that the native library cannot take")
        weakref.finalize(self, self._calls.lc_synthesis_free, self._handle)

    def correct(
        self, parts: Sequence[WordPart], planes: np.ndarray, wanted: tuple[int, int]
    ) -> np.ndarray:
        """Corrected rows, the same whatever the number of threads.

        Args:
            parts: networks at a quality.
            planes: (3, h, W) int32, 1/64 grey level; h and W are multiples of 8. What lies beyond
                is taken for the outside of the picture.
            wanted: first row and the one after the last, multiples of 8.

        Returns:
            (3, n, W) int16, 1/64 grey level.
        """
        height, width = planes.shape[1:]
        start = address(planes, np.int32, (NUM_PLANES, height, width))
        first, end = wanted
        networks = (NetworkAt * len(parts))(*(_network_at(part) for part in parts))
        corrected = np.empty((NUM_PLANES, end - first, width), np.int16)

        def rows(begin: int, stop: int) -> None:
            top, bottom = first + begin, first + stop
            above = max(top - self._halo_px, 0)
            below = min(bottom + self._halo_px, height)
            made = np.empty((NUM_PLANES, stop - begin, width), np.int16)
            window = Window(below - above, width, top - above, bottom - above, 0, width)
            window.planes = made.ctypes.data
            handle = self._calls.lc_corrector_new(self._handle, networks, window)
            if not handle:
                raise ValueError("the native library refuses a window, or memory is short")
            try:
                where = start + above * width * planes.itemsize
                stride = height * width
                check(self._calls.lc_corrector_push(handle, where, stride, below - above))
            finally:
                self._calls.lc_corrector_free(handle)
            corrected[:, begin:stop] = made

        over_rows(rows, end - first, width, PATCH_PX)
        return corrected


def _network_at(part: WordPart) -> NetworkAt:
    return NetworkAt(
        bias=_pointers([layer.bias for layer in part.layers]),
        last_weight=part.out.weight.ctypes.data,
        last_bias=part.out.bias.ctypes.data,
        last_shift=part.out.shift[0],
    )


def _pointers(arrays: Sequence[np.ndarray]) -> Any:
    """Where arrays lie, which their owner keeps."""
    found = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    return ctypes.cast(found, ctypes.POINTER(ctypes.c_void_p))
