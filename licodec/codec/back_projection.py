"""Back-projection: planes move to where this picture is decoded better by this very synthesis.

    planes --dead zone--> coded planes --correction--> decoded pixels
       ^                       |                             |
       |                       v                             v
       +-- a share of (coded planes  -  what decoded pixels have too much)

The analysis does not know what the correction of the profile will add to the planes of this
picture. A quick first encode tells: planes move a share of the way to those that would mend what is
wrong with it. What is wrong is, as the family is tuned, the error, which makes it the iterative
back-projection of Irani and Peleg ("Improving resolution by image registration", 1991), or the
slope of the distortion that people see. That slope is huge in single pixels, so that no coefficient
follows it further than a share of its step (docs/decisions/back-projection.md).
"""

from __future__ import annotations

import numpy as np

from licodec.codec.synthesis import UNIT_PX, PictureSynthesis, Results
from licodec.metrics.visual_slope import visual_slope
from licodec.native.threads import over_items, over_rows
from licodec.prior.plane_source import PlaneSource
from licodec.transform.colour_planes import integer_planes, slopes_by_planes
from licodec.transform.grid import FRACTION_BITS, NUM_PLANES

# Of the way to the planes that would mend what is wrong; chosen on validation pictures, as are the
# numbers below.
_SHARE, _VISUAL_SHARE = 0.4, 0.1
# So many times the slope, on the scale of errors, is what pixels have too much by what is seen.
_VISUAL_GAIN = 1.5
# Quantization steps that a coefficient follows that slope at most.
MOST_MOVE = 0.1
# Rows and columns that are left out of the pictures that are compared.
_PHASES = ((0, 1), (3, 2))
_UNIT = np.float32(2.0**-FRACTION_BITS)
# Pixels that are moved at once: fewer, and much would be what strips have in common.
_STRIP_PX = 1 << 20
# The visual distortion is that of windows of about this side, with so many pixels around them.
_WINDOW_PX, _AROUND_PX = 256, 16


def back_project(
    planes: list[np.ndarray],
    pixels: np.ndarray,
    coded: PlaneSource,
    synthesis: PictureSynthesis,
    tune: str,
) -> list[np.ndarray] | None:
    """Move a picture's planes in place; their padding stays as it is.

    Args:
        planes: three of (H', W') float32 grey levels.
        pixels: (H, W) or (H, W, 3) uint8, the original.
        coded: what a decoder would have of them before its correction.
        synthesis: that corrects it.
        tune: "visual" or "psnr".

    Returns:
        Three planes more whose coefficients, each of MOST_MOVE steps at most, are to be added; None
        if there are none.
    """
    if tune == "visual":
        return _move_for_the_eye(planes, pixels, coded, synthesis)
    _move(planes, pixels, coded, synthesis)
    return None


def _move(
    planes: list[np.ndarray], pixels: np.ndarray, coded: PlaneSource, synthesis: PictureSynthesis
) -> None:
    height, width = pixels.shape[:2]
    strip = max(UNIT_PX, _STRIP_PX // width // UNIT_PX * UNIT_PX)

    def rows(top: int, bottom: int) -> None:
        for begin in range(top, bottom, strip):
            move(begin, min(begin + strip, bottom))

    def move(top: int, bottom: int) -> None:
        decoded = np.empty((NUM_PLANES, bottom - top, width), np.int16)
        synthesis.put(coded, (top, bottom, 0, width), Results(planes=decoded))
        missing = integer_planes(pixels, top, bottom)[:, :, :width] - decoded
        missing += coded.window(top, bottom, 0, width)
        for plane, target in zip(planes, missing, strict=True):
            part = plane[top:bottom, :width]
            part += np.float32(_SHARE) * (target * _UNIT - part)

    over_rows(rows, height, width, UNIT_PX)


def _move_for_the_eye(
    planes: list[np.ndarray], pixels: np.ndarray, coded: PlaneSource, synthesis: PictureSynthesis
) -> list[np.ndarray]:
    height, width = pixels.shape[:2]
    is_grey = pixels.ndim == 2
    shown = synthesis.pixels(coded, height, width, is_grey=is_grey)
    windows = [(rows, columns) for rows in _spans(height) for columns in _spans(width)]
    moves = [np.zeros_like(plane) for plane in planes]

    def move(number: int) -> None:
        (top, bottom), (left, right) = windows[number]
        upper, first = max(top - _AROUND_PX, 0), max(left - _AROUND_PX, 0)
        around = slice(upper, bottom + _AROUND_PX), slice(first, right + _AROUND_PX)
        slopes = slopes_by_planes(
            visual_slope(_coloured(pixels[around]), _coloured(shown[around]), _PHASES)
        )
        slopes *= np.float32(-_VISUAL_SHARE * _VISUAL_GAIN)
        inside = slice(top - upper, bottom - upper), slice(left - first, right - first)
        window = coded.window(top, bottom, left, right)
        for channel, (plane, target) in enumerate(zip(planes, window, strict=True)):
            part = plane[top:bottom, left:right]
            part += np.float32(_VISUAL_SHARE) * (target * _UNIT - part)
            if channel == 0 or not is_grey:
                moves[channel][top:bottom, left:right] = slopes[channel][inside]

    over_items(move, len(windows))
    return moves


def _spans(size: int) -> list[tuple[int, int]]:
    """Where windows begin, at multiples of UNIT_PX, and end along a side, all about as long."""
    count = -(-size // _WINDOW_PX)
    length = -(-size // (count * UNIT_PX)) * UNIT_PX
    return [(begin, min(begin + length, size)) for begin in range(0, size, length)]


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """(h, w) or (h, w, 3) to (h, w, 3)."""
    shape = *pixels.shape[:2], NUM_PLANES
    return np.broadcast_to(pixels[:, :, None], shape) if pixels.ndim == 2 else pixels
