"""What the padding's details weigh, on numpy: to the same bits as in `licodec.native.lifting`.

Floats round after each operation, in the order of the native library's `lifting.h`.
"""

from __future__ import annotations

import numpy as np

from licodec.transform.grid import LIFT, LOW_GAIN
from licodec.transform.split import split_plane

_ALPHA, _BETA, _GAMMA, _DELTA = (np.float32(factor) for factor in LIFT)


def padding_slope(plane: np.ndarray, height: int, width: int, norms: np.ndarray) -> np.ndarray:
    """As `licodec.native.lifting.padding_slope`."""
    rows, columns = plane.shape
    low, used = plane, []
    for level, norm in enumerate(norms, 1):
        low, details = split_plane(low)
        details = details * (norm * norm)[:, None, None]
        details[:, : -(-height >> level), : -(-width >> level)] = 0
        used.append(details)
    slope = np.zeros_like(low)
    for details in reversed(used):
        slope = _gathered(slope, details)
    slope[: min(height, rows), : min(width, columns)] = 0
    return slope


def _gathered(low: np.ndarray, details: np.ndarray) -> np.ndarray:
    """Gradients by a level's low-pass and details to those by its plane."""
    even = np.concatenate([low / np.float32(LOW_GAIN), details[0]], 1)
    odd = np.concatenate([details[1], details[2]], 1)
    for factor, beside in ((_DELTA, _GAMMA), (_BETA, _ALPHA)):
        odd += factor * even
        odd[0] += factor * even[0]
        odd[:-1] += factor * even[1:]
        even[1:] += beside * odd[:-1]
        even += beside * odd
        even[-1] += beside * odd[-1]
    rows = np.stack([even, odd], 1).reshape(2 * len(even), -1)
    first, second = (x.copy() for x in np.split(rows, 2, 1))
    for factor, beside in ((_DELTA, _GAMMA), (_BETA, _ALPHA)):
        second[:, 0] += factor * first[:, 0]
        second[:, :-1] += factor * (first[:, :-1] + first[:, 1:])
        second[:, -1] += factor * first[:, -1]
        first[:, 0] += beside * second[:, 0]
        first[:, 1:] += beside * (second[:, :-1] + second[:, 1:])
        first[:, -1] += beside * second[:, -1]
    return np.stack([first, second], 2).reshape(len(rows), -1)
