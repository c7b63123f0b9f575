"""Planes of floats in the native library: the blur, and the energy of lines, of Butteraugli."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from licodec.native.binding import BlurTask, Library, LineOf, LinesTask, address, check
from licodec.native.threads import over_items

LINE_REACH = 4
MAX_TAPS = 63


def blur_planes(
    planes: np.ndarray,
    kernel: np.ndarray,
    library: Library,
    *,
    is_renormalised: bool,
    is_adjoint: bool = False,
) -> np.ndarray:
    """Blur planes along both sides; zeros lie beyond them.

    Args:
        planes: (C, H, W) float32, contiguous.
        kernel: (taps,) float32, symmetric, an odd number up to MAX_TAPS.
        library: that does it.
        is_renormalised: what is beyond is left out, and the rest scaled.
        is_adjoint: the transpose of that map, which takes gradients back.

    Returns:
        (C, H, W) float32, the same whatever the number of threads.
    """
    blurred = np.empty_like(planes)

    def blur(plane: int) -> None:
        task = BlurTask(
            height=planes.shape[1],
            width=planes.shape[2],
            num_taps=len(kernel),
            is_renormalised=is_renormalised,
            is_adjoint=is_adjoint,
            kernel=address(kernel, np.float32, kernel.shape),
            plane=address(planes[plane], np.float32, planes.shape[1:]),
            blurred=blurred[plane].ctypes.data,
        )
        check(library.calls.lc_blur(library.level, task))

    over_items(blur, len(planes))
    return blurred


class Lines:
    """Lines through a pixel.

    Args:
        lines: of each the pixels, as (down, right) from the centre, of which the first is the
            centre and half of the rest lie opposite the other half; and what its square counts.
    """

    def __init__(self, lines: Sequence[tuple[Sequence[tuple[int, int]], float]]) -> None:
        self._lines = (LineOf * len(lines))()
        for line, (places, weight) in zip(self._lines, lines, strict=True):
            half = places[1 : 1 + len(places) // 2]
            if {*places} != {(0, 0), *half, *((-down, -right) for down, right in half)}:
                raise ValueError("half of a line is not opposite the other half")
            line.num_pairs, line.weight = len(half), weight
            line.down[: len(half)] = [down for down, _ in half]
            line.right[: len(half)] = [right for _, right in half]

    def energy(self, padded: np.ndarray, library: Library) -> np.ndarray:
        """Weighted sum of squared sums along lines.

        Args:
            padded: (H + 2 LINE_REACH, W + 2 LINE_REACH) float32, contiguous.
            library: that does it.

        Returns:
            (H, W) float32.
        """
        energy = np.empty([side - 2 * LINE_REACH for side in padded.shape], np.float32)
        self._run(padded, energy.shape, library, energy=energy.ctypes.data)
        return energy

    def slope(self, padded: np.ndarray, pull: np.ndarray, library: Library) -> np.ndarray:
        """What (H, W) float32 slopes by the energy are by `padded`, in its shape."""
        slope = np.empty_like(padded)
        shape = tuple(side - 2 * LINE_REACH for side in padded.shape)
        at = address(pull, np.float32, shape)
        self._run(padded, shape, library, pull=at, slope=slope.ctypes.data)
        return slope

    def _run(
        self, padded: np.ndarray, shape: tuple[int, ...], library: Library, **arrays: Any
    ) -> None:
        task = LinesTask(
            height=shape[0],
            width=shape[1],
            num_lines=len(self._lines),
            lines=ctypes.cast(self._lines, ctypes.POINTER(LineOf)),
            padded=address(padded, np.float32, padded.shape),
            **arrays,
        )
        check(library.calls.lc_lines(library.level, task))
