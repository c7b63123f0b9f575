"""The encoder's wavelet in the native library: analysis in float32, and what padding costs."""

from __future__ import annotations

import numpy as np

from licodec.native.binding import Library, PaddingTask, SplitTask, address, check
from licodec.native.threads import over_rows


def split_plane(plane: np.ndarray, library: Library) -> tuple[np.ndarray, np.ndarray]:
    """One level of analysis, the same whatever the number of threads.

    Args:
        plane: (h, w) float32, h and w even; rows may lie apart.
        library: that does it.

    Returns:
        low-pass (h/2, w/2) and details (3, h/2, w/2) float32.
    """
    height, width = plane.shape
    if plane.dtype != np.float32 or plane.strides[1] != plane.itemsize:
        raise ValueError(f"plane is {plane.dtype}, strides {plane.strides}, expected float32 rows")
    low = np.empty((height // 2, width // 2), np.float32)
    details = np.empty((3, *low.shape), np.float32)

    def rows(top: int, bottom: int) -> None:
        task = SplitTask(
            height=height,
            width=width,
            top=top,
            bottom=bottom,
            stride=plane.strides[0] // plane.itemsize,
            plane=plane.ctypes.data,
            low=low.ctypes.data,
            details=details.ctypes.data,
        )
        check(library.calls.lc_split(library.level, task))

    over_rows(rows, height // 2, width)
    return low, details


def padding_slope(
    plane: np.ndarray, height: int, width: int, norms: np.ndarray, library: Library
) -> np.ndarray:
    """Gradient of half the sum of squares of the padding's details, each times its norm.

    Args:
        plane: (H, W) float32, H and W multiples of 2^L.
        height, width: of the picture in it, 0 or more.
        norms: (L, 3) float32.
        library: that does it.

    Returns:
        (H, W) float32, 0 in the picture.
    """
    slope = np.empty_like(plane)
    task = PaddingTask(
        rows=plane.shape[0],
        columns=plane.shape[1],
        height=height,
        width=width,
        num_levels=len(norms),
        norms=address(norms, np.float32, (len(norms), 3)),
        plane=address(plane, np.float32, plane.shape),
        slope=slope.ctypes.data,
    )
    check(library.calls.lc_padding_slope(library.level, task))
    return slope
