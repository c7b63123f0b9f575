"""SSIMULACRA 2 of two pictures: 100 for equal ones, 90 hardly visible.

At each of six scales, in XYB colours whose lightness follows a cube root, three maps are made: the
structural error, artefacts (edges that the original does not have) and lost detail (edges that are
gone). The score is a function of a weighted sum of the maps' means and 4-norms.

Source: Jon Sneyers, github.com/cloudinary/ssimulacra2, version 2.1, as the Python package
`ssimulacra2` 0.3 computes it: a Gaussian of 11 taps, rows that end in zeros, mirrored columns.
Scores agree with the package within 0.001 points; those of the reference, whose recursive Gaussian
takes zeros beyond all borders, are somewhat higher (docs/compare.md).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from licodec.metrics.light import halve, linear_light
from licodec.metrics.pairs import MIN_SIDE_PX, check_pair
from licodec.metrics.ssimulacra2_rules import (
    KERNEL,
    NUM_SCALES,
    OPSIN,
    OPSIN_BIAS,
    STRUCTURE_FLOOR,
    distance_of_sum,
    weight_at,
)

RADIUS = len(KERNEL) // 2
_TAPS = KERNEL.tolist()
_OPSIN = torch.from_numpy(OPSIN)
# Done at a time, so that what is in work stays in the processor's caches.
_STRIP_PX = 1 << 15


def ssimulacra2(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """SSIMULACRA 2 of two sRGB pictures. Arguments, results and errors as of `Original.score`.

    Raises:
        ValueError: a shape or dtype that pictures do not have, or two different shapes.
    """
    return Original(reference).score(decoded)


class Original:
    """What other pictures are scored against; what depends on it alone is computed once.

    Keeps some 100 bytes of memory per pixel, and takes half as many more while it scores.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: another shape or dtype.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        check_pair(pixels, pixels)
        self._pixels = pixels
        with torch.inference_mode():
            planes = _scales(pixels)
            self._scales = [[_Channel(plane) for plane in scale] for scale in planes]

    def score(self, decoded: NDArray[np.uint8]) -> float | None:
        """How close another picture comes.

        Args:
            decoded: (H, W, 3) uint8 RGB.

        Returns:
            At most 100, which equal pictures get; below 0 for very bad ones. None for pictures with
            a side below MIN_SIDE_PX.

        Raises:
            ValueError: another shape or dtype.
        """
        check_pair(self._pixels, decoded)
        if not self._scales:
            return None
        with torch.inference_mode():
            pairs = zip(self._scales, _scales(decoded), strict=True)
            return _score([_norms(channels, planes) for channels, planes in pairs])


class _Channel:
    """One channel of the original at one scale, (H, W), and what is blurred of it."""

    def __init__(self, plane: torch.Tensor) -> None:
        self.padded = _padded(plane)  # float32
        self.mean = torch.empty(plane.shape, dtype=torch.float64)
        self.variance = torch.empty_like(self.mean)
        for rows, wide in _strips(*plane.shape):
            p = self.padded[wide].double()
            mean, square = _blurred(p, p * p)
            self.mean[rows] = mean
            self.variance[rows] = square - mean * mean


def _scales(pixels: NDArray[np.uint8]) -> list[torch.Tensor]:
    """The planes of each scale that has sides of MIN_SIDE_PX, (3, H, W) float32 each."""
    scales, linear = [], linear_light(pixels)
    while min(linear.shape[1:]) >= MIN_SIDE_PX:
        scales.append(_positive_xyb(linear))
        if len(scales) == NUM_SCALES:
            break
        linear = halve(linear)
    return scales


def _positive_xyb(linear: torch.Tensor) -> torch.Tensor:
    """Linear light, (3, H, W), as X, Y and B - Y with offsets that keep them positive."""
    mixed = (_OPSIN @ linear.flatten(1)).add_(OPSIN_BIAS).pow_(1 / 3)
    mixed -= OPSIN_BIAS ** (1 / 3)
    long, middle, short = mixed.view_as(linear)
    y = 0.5 * (long + middle)
    return torch.stack([7 * (long - middle) + 0.42, y + 0.01, short - y + 0.55])


def _norms(channels: Sequence[_Channel], decoded: torch.Tensor) -> NDArray[np.float64]:
    """Mean and 4-norm of the three maps of one scale, (channel, norm, map) float64."""
    norms = np.zeros((len(channels), 2, 3))
    for channel, plane, found in zip(channels, decoded, norms, strict=True):
        padded = _padded(plane)
        for rows, wide in _strips(*plane.shape):
            for kind, error in enumerate(_error_maps(channel, padded, rows, wide)):
                found[0, kind] += float(error.sum())
                found[1, kind] += float(error.square_().square_().sum())
    norms /= decoded[0].numel()
    norms[:, 1] **= 0.25
    return norms


def _padded(plane: torch.Tensor) -> torch.Tensor:
    """(H, W) with a margin for the blur, as the package continues pictures: rows end in zeros, and
    columns are mirrored."""
    rows = torch.cat([plane[:RADIUS].flip(0), plane, plane[-RADIUS:].flip(0)])
    return F.pad(rows, (RADIUS, RADIUS))


def _strips(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows that are done at a time, and the same with margins, by their place in a padded plane."""
    rows = max(1, _STRIP_PX // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield slice(top, bottom), slice(top, bottom + 2 * RADIUS)


def _error_maps(
    channel: _Channel, padded: torch.Tensor, rows: slice, wide: slice
) -> tuple[torch.Tensor, ...]:
    """Structural error, artefacts and lost detail of some rows of a plane, (rows, W) each."""
    # In float64, as the rounding of float32 in flat areas adds up to half a point.
    p, q = channel.padded[wide].double(), padded[wide].double()
    mean_q, square_q, product = _blurred(q, q * q, p * q)
    mean_p, variance_p = channel.mean[rows], channel.variance[rows]
    inner = slice(RADIUS, -RADIUS)
    p, q = p[inner, inner], q[inner, inner]
    top = (1 - (mean_p - mean_q).square_()) * (2 * (product - mean_p * mean_q) + STRUCTURE_FLOOR)
    bottom = variance_p + (square_q - mean_q * mean_q) + STRUCTURE_FLOOR
    edges = (1 + (q - mean_q).abs_()) / (1 + (p - mean_p).abs_()) - 1
    return (1 - top / bottom).clamp_min_(0), edges.clamp_min(0), (-edges).clamp_min_(0)


def _blurred(*planes: torch.Tensor) -> torch.Tensor:
    """Planes with margins, blurred along both sides, without them."""
    stacked = torch.stack(planes)
    for side in (1, 2):
        length = stacked.shape[side] - 2 * RADIUS
        sums = stacked.narrow(side, RADIUS, length) * _TAPS[RADIUS]
        for tap in range(RADIUS):
            for start in (tap, 2 * RADIUS - tap):
                sums.add_(stacked.narrow(side, start, length), alpha=_TAPS[tap])
        stacked = sums
    return stacked


def _score(scales: Sequence[NDArray[np.float64]]) -> float:
    # Pictures with fewer scales move on in the list of weights, as they do in the reference.
    norms = np.stack(scales, axis=1).ravel()  # (channel, scale, norm, map)
    total = sum(weight_at(place) * norm for place, norm in enumerate(norms))
    x = float(distance_of_sum(total))
    return 100 - 10 * x**0.6276336467831387 if x > 0 else 100.0
