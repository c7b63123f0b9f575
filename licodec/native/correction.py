"""Corrections in floating point in the native library: one network on patches of a picture."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence

import numpy as np

from licodec.errors import ModelError
from licodec.native.binding import Library, PatchTask, address, check
from licodec.native.threads import over_rows

_PLANES = 3


class PatchNetwork:
    """Convolution of patches, residual blocks, convolution back to patches.

    Attributes:
        patch_px: side of a patch.
        reach: patches on each side that a patch of the result depends on.

    Args:
        patch_px: 1 to 8.
        weights: of the first convolution, of both of each block, of the last one: (O, I, k, k)
            float32.
        library: that runs it.

    Raises:
        ModelError: shapes that do not fit.
    """

    def __init__(self, patch_px: int, weights: Sequence[np.ndarray], library: Library) -> None:
        self.patch_px = patch_px
        self.reach = len(weights) - 1
        self._library = library
        patch, width = _PLANES * patch_px**2, len(weights[0])
        self._outputs = [len(w) for w in weights]
        shapes = [(width, patch, 3, 3), *[(width, width, 3, 3)] * (len(weights) - 2)]
        pointers = (ctypes.c_void_p * len(weights))()
        kept = [np.ascontiguousarray(w, np.float32) for w in weights]
        for number, shape in enumerate([*shapes, (patch, width, 1, 1)]):
            if kept[number].shape != shape:
                raise ModelError(f"a correction has weights {kept[number].shape}, not {shape}")
            pointers[number] = kept[number].ctypes.data
        self._handle = library.calls.lc_patch_net_new(
            library.level, patch_px, width, (len(weights) - 2) // 2, pointers
        )
        if not self._handle:
            raise ModelError("a correction has a shape or size that the native library cannot take")
        weakref.finalize(self, library.calls.lc_patch_net_free, self._handle)

    def correct(
        self,
        planes: np.ndarray,
        biases: Sequence[np.ndarray],
        gain: float,
        unit: float,
        *,
        first_row: int,
        num_rows: int,
        top: int,
        bottom: int,
    ) -> np.ndarray:
        """Corrected rows, the same whatever the number of threads.

        Args:
            planes: (3, h, W) float32; rows of the picture from first_row on.
            biases: of each convolution, (O,) float32.
            gain: of the correction.
            unit: planes times this are what the network sees.
            first_row: of the planes.
            num_rows: of the whole picture.
            top, bottom: rows that are wanted; planes hold them and `reach` patches on each side,
                as far as the picture goes. All are multiples of the patch.

        Returns:
            (3, bottom - top, W) float32.
        """
        size, (height, width) = self.patch_px, planes.shape[1:]
        corrected = np.empty((_PLANES, bottom - top, width), np.float32)
        pointers = (ctypes.c_void_p * len(biases))()
        for number, (bias, outputs) in enumerate(zip(biases, self._outputs, strict=True)):
            pointers[number] = address(bias, np.float32, (outputs,))
        task = {
            "net": self._handle,
            "height": num_rows // size,
            "width": width // size,
            "first": first_row // size,
            "end": (first_row + height) // size,
            "gain": gain,
            "unit": unit,
            "biases": ctypes.cast(pointers, ctypes.POINTER(ctypes.c_void_p)),
            "planes": address(planes, np.float32, (_PLANES, height, width)),
            "plane_stride": height * width,
            "corrected_stride": corrected[0].size,
        }

        def rows(begin: int, end: int) -> None:
            part = corrected[:, begin * size :]
            call = PatchTask(
                **task,
                top=top // size + begin,
                bottom=top // size + end,
                corrected=part.ctypes.data,
            )
            check(self._library.calls.lc_correct_patches(call))

        over_rows(rows, (bottom - top) // size, width)
        return corrected
