"""The visual distance's sums of norms in the native library, with their gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from licodec.native.binding import Library, VisualTask, address, check

_PLANES, _NORMS, _MAPS, _TAPS = 3, 2, 3, 11


@dataclass(frozen=True)
class Rules:
    """What the sums are made with; `licodec.metrics.visual` has all of it.

    Attributes:
        opsin: (3, 3) float32, from linear light to the responses of cones.
        kernel: (11,) float32, symmetric, of the blur.
        weights: (scales, 3, 2, 3) float32, of channel, norm and map.
        opsin_bias: added to the responses.
        middle: of the lightness, which is taken away.
        structure_floor: keeps the structural error finite.
        least_norm: added to means of fourth powers.
    """

    opsin: np.ndarray
    kernel: np.ndarray
    weights: np.ndarray
    opsin_bias: float
    middle: float
    structure_floor: float
    least_norm: float


def weighted_norms(
    original: np.ndarray,
    shown: np.ndarray,
    rules: Rules,
    scales: range,
    library: Library,
    *,
    has_slope: bool,
) -> tuple[float, np.ndarray | None]:
    """Weighted sum of some scales' norms, the same with every instruction set.

    Args:
        original, shown: (3, H, W) float32 linear light in 0..1; rows and planes may lie apart.
        rules: of the distance.
        scales: from 0 on, or from 1 on for the half of the picture and its halves.
        library: that does it.
        has_slope: whether the gradient is wanted.

    Returns:
        The sum, and its gradient by the light of `shown`, or of its half where scales begin at 1;
        (3, h, w) float32.

    Raises:
        ValueError: arrays that the library refuses.
    """
    is_halved = scales.start == 1
    height, width = original.shape[1:]
    plane, row = (s // original.itemsize for s in original.strides[:2])
    if original.dtype != np.float32 or original.strides[2] != original.itemsize:
        raise ValueError(f"light is {original.dtype}, strides {original.strides}, expected rows")
    if (shown.dtype, shown.shape, shown.strides) != (
        original.dtype,
        original.shape,
        original.strides,
    ):
        raise ValueError("pictures lie differently in memory")
    weights = np.ascontiguousarray(rules.weights[scales.start : scales.stop])
    halves = 1 + is_halved
    slope = None
    if has_slope:
        slope = np.empty((_PLANES, height // halves, width // halves), np.float32)
    total = np.zeros(1)
    task = VisualTask(
        height=height,
        width=width,
        is_halved=is_halved,
        num_scales=len(scales),
        plane_stride=plane,
        stride=row,
        opsin_bias=rules.opsin_bias,
        middle=rules.middle,
        structure_floor=rules.structure_floor,
        least_norm=rules.least_norm,
        opsin=address(rules.opsin, np.float32, (_PLANES, _PLANES)),
        kernel=address(rules.kernel, np.float32, (_TAPS,)),
        weights=address(weights, np.float32, (len(scales), _PLANES, _NORMS, _MAPS)),
        original=original.ctypes.data,
        shown=shown.ctypes.data,
        slope=None if slope is None else slope.ctypes.data,
    )
    check(library.calls.lc_visual(library.level, task, total.ctypes.data))
    return float(total[0]), slope
