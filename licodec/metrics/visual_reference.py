"""The visual distance's sums of norms and their gradients on numpy.

The same numbers to the last bit as the native library gives with any instruction set, so that
pictures are encoded to the same bytes without it: floats round after each operation and add up in
the order of its `visual.h`, which has the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from licodec.native.visual import Rules

_SUM_LANES = 16
_F = np.float32


def weighted_norms(
    original: np.ndarray, shown: np.ndarray, rules: Rules, scales: range
) -> tuple[float, np.ndarray]:
    """As `licodec.native.visual.weighted_norms` with a slope.

    Args:
        original, shown: (3, H, W) float32 linear light in 0..1.
        rules: of the distance.
        scales: from 0 on, or from 1 on for the half of the picture and its halves.

    Returns:
        The sum, and its gradient by the light of `shown`, or of its half where scales begin at 1;
        (3, h, w) float32.
    """
    total, slopes = 0.0, []
    for scale in scales:
        if scale > 0:
            original, shown = _halved(original), _halved(shown)
        measured = _Scale(rules, rules.weights[scale], original, shown)
        for part in measured.sums:
            total += part
        slopes.append(measured.slope)
    slope = slopes.pop()
    while slopes:
        height, width = slope.shape[1:]
        finer = slopes.pop()
        for y, x in np.ndindex(2, 2):
            finer[:, y : 2 * height : 2, x : 2 * width : 2] += _F(0.25) * slope
        slope = finer
    return total, slope


class _Place(NamedTuple):
    """What the three maps of a channel are made of, (h, w) float32 each."""

    luma: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    edges: np.ndarray
    scale: np.ndarray
    sign: np.ndarray
    half_top: np.ndarray


@dataclass(frozen=True)
class _Pull:
    """What a map's error at a place weighs: `plain` plus `cubed` times its third power."""

    plain: np.float32
    cubed: np.float32

    def at(self, error: np.ndarray) -> np.ndarray:
        return np.asarray(self.plain + self.cubed * (error * error * error))


class _Scale:
    """One scale.

    Attributes:
        sums: weighted norms of each channel.
        slope: (3, h, w) float32 by linear light.

    Args:
        rules: of the distance.
        weights: (3, 2, 3) of the scale.
        original, shown: (3, h, w) float32 linear light.
    """

    def __init__(
        self, rules: Rules, weights: np.ndarray, original: np.ndarray, shown: np.ndarray
    ) -> None:
        self._rules = rules
        height, width = original.shape[1:]
        self._across, self._down = (_inside(rules.kernel, n) for n in (width, height))
        p, q = _xyb(rules, original), _xyb(rules, shown)
        channels = [self._channel(p[c], q[c], weights[c]) for c in range(len(p))]
        self.sums = [total for total, _ in channels]
        self.slope = _slope_of_light(rules, q, np.stack([slope for _, slope in channels]))

    def _channel(
        self, p: np.ndarray, q: np.ndarray, weights: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Weighted norms of one channel (h, w), and their slope by q."""
        inside = self._down[:, None] * self._across
        mp, mq, pp, qq, pq = (
            _blurred(plane, self._rules.kernel) * inside for plane in (p, q, p * p, q * q, p * q)
        )
        place = _place(p, q, (mp, mq, pp, qq, pq), _F(self._rules.structure_floor))
        ratio = place.top / place.bottom
        structure = 1 - ratio
        errors = [np.where(e > 0, e, _F(0)) for e in (structure, place.edges, -place.edges)]
        total, pulls = 0.0, []
        for kind, error in enumerate(errors):
            mean, fourth = _means(error)
            fourth += float(_F(self._rules.least_norm))
            plain, weight = float(weights[0, kind]), float(weights[1, kind])
            norm = float(np.sqrt(np.sqrt(fourth)))
            total += plain * mean + weight * norm
            count = float(error.size)
            pulls.append(_Pull(_F(plain / count), _F(weight * norm / fourth / count)))
        zero = _F(0)
        g = np.where(structure > 0, pulls[0].at(structure) / place.bottom, zero)
        lost = np.where(place.edges < 0, -pulls[2].at(-place.edges), zero)
        edge = np.where(place.edges > 0, pulls[1].at(place.edges), lost)
        edge = edge * (place.sign * place.scale)
        of_top = 2 * (mp - mq) * place.half_top - 2 * mp * place.luma
        spread = (
            inside * (g * (-of_top - 2 * mq * ratio) - edge),
            inside * (g * ratio),
            inside * (-2 * place.luma * g),
        )
        by_mean, by_square, by_product = (_blurred(x, self._rules.kernel) for x in spread)
        return total, edge + (by_mean + 2 * q * by_square + p * by_product)


def _halved(planes: np.ndarray) -> np.ndarray:
    height, width = (n // 2 * 2 for n in planes.shape[1:])
    upper, lower = planes[:, 0:height:2, :width], planes[:, 1:height:2, :width]
    halved: np.ndarray = _F(0.25) * (
        (upper[..., ::2] + upper[..., 1::2]) + (lower[..., ::2] + lower[..., 1::2])
    )
    return halved


def _cube_root(x: np.ndarray) -> np.ndarray:
    bits = (x.view(np.int32).astype(_F) * (_F(1) / _F(3))).astype(np.int32) + np.int32(709921077)
    y = bits.view(_F)
    for _ in range(2):
        cube = y * y * y
        y = y * ((cube + (x + x)) / ((cube + cube) + x))
    return y


def _middle(rules: Rules) -> np.float32:
    root: np.float32 = _cube_root(np.array([rules.opsin_bias], _F))[0]
    return _F(rules.middle) + root


def _xyb(rules: Rules, light: np.ndarray) -> np.ndarray:
    r, g, b = light
    long, middle, short = (
        _cube_root(m[0] * r + m[1] * g + m[2] * b + _F(rules.opsin_bias)) for m in rules.opsin
    )
    y = _F(0.5) * (long + middle)
    return np.stack([7 * (long - middle), y - _middle(rules), short - y])


def _slope_of_light(rules: Rules, xyb: np.ndarray, slope: np.ndarray) -> np.ndarray:
    y, half = xyb[1] + _middle(rules), xyb[0] * (_F(1) / _F(14))
    long, middle, short = y + half, y - half, xyb[2] + y
    x, both = 7 * slope[0], _F(0.5) * (slope[1] - slope[2])
    of_long, of_middle = (both + x) / (3 * long * long), (both - x) / (3 * middle * middle)
    of_short = slope[2] / (3 * short * short)
    return np.stack([m[0] * of_long + m[1] * of_middle + m[2] * of_short for m in rules.opsin.T])


def _blurred(plane: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(h, w) float32, blurred along rows, then along columns; zeros lie beyond it."""
    radius = len(kernel) // 2
    for axis in (1, 0):
        wide = np.pad(plane, [(radius, radius) if n == axis else (0, 0) for n in (0, 1)])
        taps = [
            wide[:, k : k + plane.shape[1]] if axis else wide[k : k + plane.shape[0]]
            for k in range(len(kernel))
        ]
        total = kernel[radius] * taps[radius]
        for k in range(radius):
            total += kernel[k] * (taps[k] + taps[-1 - k])
        plane = total
    return plane


def _inside(kernel: np.ndarray, size: int) -> np.ndarray:
    """(size,) float32: one over the sum of the taps that fall inside."""
    radius = len(kernel) // 2
    total = np.zeros(size, _F)
    places = np.arange(size)
    for k, tap in enumerate(kernel):
        at = places + (k - radius)
        total += np.where((at >= 0) & (at < size), tap, _F(0))
    return 1 / total


def _place(
    p: np.ndarray, q: np.ndarray, blurred: tuple[np.ndarray, ...], lowest: np.float32
) -> _Place:
    mp, mq, pp, qq, pq = blurred
    luma = 1 - (mp - mq) * (mp - mq)
    half_top = 2 * (pq - mp * mq) + lowest
    bottom = (pp - mp * mp) + (qq - mq * mq) + lowest
    away = q - mq
    scale = 1 / (1 + abs(p - mp))
    edges = (1 + abs(away)) * scale - 1
    return _Place(luma, luma * half_top, bottom, edges, scale, np.sign(away), half_top)


def _means(error: np.ndarray) -> tuple[float, float]:
    """Means of an error (h, w) and of its fourth power."""
    height, width = error.shape
    lanes = np.pad(error, ((0, 0), (0, -width % _SUM_LANES))).reshape(height, -1, _SUM_LANES)
    squares = lanes * lanes
    found = []
    for part in (lanes, squares * squares):
        total = np.zeros((height, _SUM_LANES), _F)
        for column in range(part.shape[1]):
            total += part[:, column]
        found.append(float(np.cumsum(total, dtype=np.float64)[-1]) / (height * width))
    return found[0], found[1]
