"""The Butteraugli distance of two pictures: 0 for equal ones, 1 hardly visible.

The 3-norm that codec comparisons report: the map of distances is made at full and at half size,
and its norms of 3, 6 and 12 are averaged.

Source: libjxl, lib/jxl/butteraugli/butteraugli.cc and enc_butteraugli_pnorm.cc, v0.7, with the
settings of its butteraugli_main: 80 nits, no asymmetry. Distances agree with libjxl 0.7 within
0.1 %; later versions weigh some parts otherwise, by a few percent.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from licodec.metrics.curves import gaussian
from licodec.metrics.frequencies import Bands, blur_inside, separate
from licodec.metrics.light import halve, light_of_levels, linear_light
from licodec.metrics.malta import DENSE, SPARSE, Line, line_energy
from licodec.metrics.pairs import MIN_SIDE_PX, check_pair

_NORM = 3

# The second factor is log(80) / log(255): 80 nits count as 255 once did.
_GLOBAL_SCALE = 1 / (17.8 * 0.79079917404)

# Keeps gradients of square roots finite; its own root is exact.
_LEAST = 2.0**-40

_KERNEL_MASK = torch.from_numpy(gaussian(2.7, 6))

# Weights of squared differences, for X, Y and B.
_HIGH_WEIGHTS = (400.0, 1.50815703118)
_MIDDLE_WEIGHTS = (2150.0, 10.6195433239, 16.2176043152)
_LOW_WEIGHTS = (29.2353797994, 0.844626970982, 0.703646627719)

# Of the line filters: weight, and the contrast from which an error is masked by the original.
_DENSE_MUL, _SPARSE_MUL, _LINE_LENGTH = 0.39905817637, 0.611612573796, 3.75
_LINES_ULTRA = ((173.5, 5.0), (1.10039032555, 71.7800275169))
_LINES_HIGH = ((6923.99476109, 8051.15833247), (18.7237414387, 4498534.45232))
_LINES_MIDDLE = ((8246.75321353, 1009002.70582), (37.0819870399, 130262059.556))


def butteraugli(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """Butteraugli's 3-norm of two sRGB pictures; takes some 180 bytes of memory per pixel.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB; exchanging the two changes the distance.

    Returns:
        0 or more, lower is better. None for pictures with a side below MIN_SIDE_PX.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
    """
    check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_SIDE_PX:
        return None
    with torch.inference_mode():
        return _mean_norm(_distance_map(linear_light(reference), linear_light(decoded)))


def butteraugli_distance(reference: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
    """The 3-norm alone, of batches and with gradients, for training.

    Args:
        reference: (N, 3, H, W) float grey levels of sRGB, 0..255; sides of MIN_SIDE_PX or more.
        decoded: same shape; has the gradient. Levels beyond 0..255 count as these.

    Returns:
        (N,) float32.
    """
    pairs = zip(light_of_levels(reference), light_of_levels(decoded), strict=True)
    powers = [_distance_map(*pair).pow(_NORM).mean() for pair in pairs]
    return (torch.stack(powers) + _LEAST).pow(1 / _NORM)


def _mean_norm(distances: torch.Tensor) -> float:
    powers = distances.double().pow_(_NORM)
    norms = []
    for exponent in (1, 2, 4):
        norms.append(float(powers.mean()) ** (1 / (_NORM * exponent)))
        powers = powers.square()
    return float(np.mean(norms))


def _distance_map(reference: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
    """Distances at full size, with those at half size mixed in where that is large enough."""
    distances = _single_scale(separate(reference), separate(decoded))
    half, half_decoded = halve(reference), halve(decoded)
    if min(half.shape[1:]) < MIN_SIDE_PX:
        return distances
    coarse = _single_scale(separate(half), separate(half_decoded))
    doubled = coarse.repeat_interleave(2, 0).repeat_interleave(2, 1)
    height, width = distances.shape
    weight, less = 0.5, 0.3
    return (1 - less * weight) * distances + weight * doubled[:height, :width]


def _single_scale(p: Bands, q: Bands) -> torch.Tensor:
    """The map of distances of a decoded picture q from its original p, (H, W)."""
    fine = torch.zeros_like(p.low[0])
    for channel in range(2):
        fine += _line_errors(p.ultra[channel], q.ultra[channel], *_LINES_ULTRA[channel], DENSE)
        fine += _line_errors(p.high[channel], q.high[channel], *_LINES_HIGH[channel], SPARSE)
        fine += _line_errors(p.middle[channel], q.middle[channel], *_LINES_MIDDLE[channel], SPARSE)
        fine += _HIGH_WEIGHTS[channel] * _uneven_square(p.high[channel], q.high[channel])
    coarse = torch.zeros_like(fine)
    for channel in range(3):
        fine += _MIDDLE_WEIGHTS[channel] * (p.middle[channel] - q.middle[channel]).square()
        coarse += _LOW_WEIGHTS[channel] * (p.low[channel] - q.low[channel]).square()
    activity, activity_decoded = (blur_inside(_activity(b)[None], _KERNEL_MASK)[0] for b in (p, q))
    fine += 10 * (activity - activity_decoded).square()
    mask = _eroded(activity)
    sensitivity = 1 + 2.5485944793 / (0.451936922203 * mask + 0.829591754942)
    low_sensitivity = 1 + 0.505054525019 / (3.87449418804 * mask + 0.20025578522)
    squares = coarse * low_sensitivity.square() + fine * sensitivity.square()
    distances: torch.Tensor = ((squares + _LEAST).sqrt() - _LEAST**0.5) * _GLOBAL_SCALE
    return distances


def _beyond(p: torch.Tensor, q: torch.Tensor, small: float, big: float) -> torch.Tensor:
    """How far q lies outside of `small` to `big` times p, on p's side of zero; 0 inside."""
    along = torch.where(p < 0, -q, q)
    size = p.abs()
    return (small * size - along).clamp_min(0) + (along - big * size).clamp_min(0)


def _uneven_square(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Squared difference and, on top, squared loss of more than 0.6 or any gain of contrast."""
    return 0.8 * ((p - q).square() + _beyond(p, q, 0.4, 1.0).square())


def _line_errors(
    p: torch.Tensor, q: torch.Tensor, weight: float, contrast: float, lines: tuple[Line, ...]
) -> torch.Tensor:
    """Line energy of the differences, which count less where both pictures have contrast."""
    factor = (_DENSE_MUL if lines is DENSE else _SPARSE_MUL) / (2 * _LINE_LENGTH + 1) * contrast
    even, uneven = factor * (0.5 * weight) ** 0.5, factor * (0.33 * weight) ** 0.5
    difference = p - q
    outside = uneven * _beyond(p, q, 0.55, 1.05)
    signed = even * difference + torch.where(difference < 0, -outside, outside)
    return line_energy(signed / (contrast + 0.5 * (p.abs() + q.abs())), lines)


def _activity(bands: Bands) -> torch.Tensor:
    """Contrast that hides errors, (H, W), on a scale whose steps are seen alike."""
    x = 2.5 * (bands.ultra[0] + bands.high[0])
    y = 0.4 * (bands.ultra[1] + bands.high[1])
    gain, bias = 6.19424080439, 6.19424080439 * 12.61050594197
    contrast = (x.square() + y.square() + _LEAST).sqrt()
    seen: torch.Tensor = (gain * contrast + bias).sqrt() - bias**0.5
    return seen


def _eroded(activity: torch.Tensor) -> torch.Tensor:
    """Mean of the three smallest of a pixel and its neighbours three steps away, weighted.

    A smooth place nearby unmasks errors. The pixel's own value also stands doubled, twice.
    """
    step = 3
    padded = torch.nn.functional.pad(activity, (step,) * 4, value=torch.inf)
    height, width = activity.shape
    first, second, third = activity.clone(), 2 * activity, 2 * activity
    for down in (0, step, 2 * step):
        for right in (0, step, 2 * step):
            if down == right == step:
                continue
            other = padded[down : down + height, right : right + width]
            first, other = torch.minimum(first, other), torch.maximum(first, other)
            second, other = torch.minimum(second, other), torch.maximum(second, other)
            third = torch.minimum(third, other)
    return 0.45 * first + 0.3 * second + 0.25 * third
