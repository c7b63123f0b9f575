"""The user's quality, 1 to 100, to the file's knob, 0 to 255, and back, as a family maps them.

Decoders see the knob alone. A family without points maps evenly, as
`licodec.config.quality_to_index` does; one that is made for the eye has points by which quality N
gives about N points of SSIMULACRA 2 on photographs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from licodec.config import MAX_QUALITY, MAX_QUALITY_INDEX, MIN_QUALITY, quality_to_index

Points = tuple[tuple[float, float], ...]

EVEN: Points = ((MIN_QUALITY, 0.0), (MAX_QUALITY, float(MAX_QUALITY_INDEX)))
# Room that points leave at either end for what lies beyond the measured range.
_END_INDICES = 1.0
# Where scores go below the scale, qualities up to this one share the indices that give less.
_LOW_QUALITY = 10.0


@dataclass(frozen=True, slots=True)
class QualityScale:
    """A piecewise linear map.

    Attributes:
        points: (quality, index), both strictly increasing, from (1, 0) to (100, 255).

    Raises:
        ValueError: other points.
    """

    points: Points = EVEN

    def __post_init__(self) -> None:
        numbers = [number for point in self.points for number in point]
        is_rising = all(a < c and b < d for (a, b), (c, d) in pairwise(self.points))
        if (
            not all(map(math.isfinite, numbers))
            or not is_rising
            or (self.points[0], self.points[-1]) != EVEN
        ):
            raise ValueError("quality points do not rise from (1, 0) to (100, 255)")

    def to_index(self, quality: float) -> int:
        """The file's knob, 0 to 255.

        Raises:
            ValueError: quality is not a number within 1 .. 100.
        """
        quality_to_index(quality)  # complains
        return round(_interpolate(quality, self.points))

    def to_quality(self, index: int) -> float:
        """The quality, 1 to 100, of the file's knob; `to_index` takes it back to the knob."""
        return _interpolate(index, [(knob, quality) for quality, knob in self.points])

    def shown(self, index: int) -> float:
        """The quality with the one decimal that users see."""
        return round(self.to_quality(index), 1)


def scale_to_json(scale: QualityScale) -> str:
    """Text that `scale_from_json` reads back; stored in a family's metadata."""
    return json.dumps(scale.points)


def scale_from_json(text: str) -> QualityScale:
    """Inverse of `scale_to_json`.

    Raises:
        ValueError: not a list of pairs of numbers, or not rising from [1, 0] to [100, 255].
    """
    try:
        return QualityScale(tuple((float(q), float(i)) for q, i in json.loads(text)))
    except (TypeError, IndexError) as error:
        raise ValueError("quality points are no list of pairs of numbers") from error


def fit_quality_points(measured: Iterable[tuple[int, float]]) -> Points:
    """Points of a scale on which a quality is the mean SSIMULACRA 2 that it gives.

    Within the measured range, from 10 upwards, that holds to the linear interpolation between
    neighbours; qualities beyond it lie within one index of the ends. Where scores go below 10,
    qualities from 1 to 10 share the indices that give less. Scores that do not rise with the index
    are averaged with their neighbour's.

    Args:
        measured: (index, mean score) of different indices, 0 to 255; both ends should be there.

    Raises:
        ValueError: fewer than two indices, one twice or out of range, or a score that is no number.
    """
    curve = sorted((float(index), float(score)) for index, score in measured)
    indices = [index for index, _ in curve]
    if len(set(indices)) < max(2, len(indices)) or not all(
        0 <= index <= MAX_QUALITY_INDEX and math.isfinite(score) for index, score in curve
    ):
        raise ValueError("scores are not of two or more different indices from 0 to 255")
    curve = _rising(curve)
    first, last = _END_INDICES, MAX_QUALITY_INDEX - _END_INDICES
    inside = [(score, index) for index, score in curve if first < index < last]
    ends = [(_interpolate(index, curve), index) for index in (first, last)]
    if ends[0][0] < _LOW_QUALITY:
        by_score = [(score, index) for index, score in curve]
        ends[0] = _LOW_QUALITY, _interpolate(_LOW_QUALITY, by_score)
    points = [EVEN[0]]
    for quality, index in ((round(q, 2), round(i, 2)) for q, i in (ends[0], *inside, ends[1])):
        is_above = quality > points[-1][0] and index > points[-1][1]
        if is_above and quality < MAX_QUALITY and index < MAX_QUALITY_INDEX:
            points.append((quality, index))
    return (*points, EVEN[1])


def _rising(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The nearest curve whose scores rise: what does not is replaced by its mean."""
    blocks: list[tuple[float, float, int]] = []  # sums of indices and scores, and how many
    for index, score in curve:
        block = (index, score, 1)
        while blocks and blocks[-1][1] / blocks[-1][2] >= block[1] / block[2]:
            indices, scores, count = blocks.pop()
            block = (block[0] + indices, block[1] + scores, block[2] + count)
        blocks.append(block)
    return [(indices / count, scores / count) for indices, scores, count in blocks]


def _interpolate(x: float, points: Sequence[tuple[float, float]]) -> float:
    """y at x of points (x, y) with rising x; beyond the ends that of the end."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (x - x0) / (x1 - x0) * (y1 - y0)
    return points[-1][1]
