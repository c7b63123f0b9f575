"""Bjontegaard delta rate of two rate-distortion curves, measured or read from JSON.

The logarithm of the rate is interpolated over quality by monotone cubic pieces (PCHIP) and
averaged over the quality interval that both curves cover. Negative is better: the tested curve
needs fewer bits than the anchor for the same quality.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from licodec.errors import LicodecError
from licodec.evaluate import load_extra
from licodec.evaluate.measures import MEASURES, Metric

# A window that is covered to a smaller share gets a mark beside its number.
MIN_COVERAGE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points of one codec, all tuples of equal length, in any order."""

    name: str
    bpp: tuple[float, ...]  # bits of the whole file per pixel, above 0
    ssimulacra2: tuple[float, ...] | None = None  # at most 100
    ssimulacra2_cut: tuple[float, ...] | None = None  # likewise
    butteraugli: tuple[float, ...] | None = None  # 3-norm, lower is better
    psnr: tuple[float, ...] | None = None  # dB
    ms_ssim: tuple[float, ...] | None = None  # 0 to 1

    @property
    def is_of_licodec(self) -> bool:
        """Whether licodec made the files, by the names that `evaluate.bench` gives its codecs."""
        return self.name.startswith("licodec")

    def values(self, metric: Metric) -> tuple[float, ...] | None:
        """The measured values of one metric, None where the curve lacks it."""
        found: tuple[float, ...] | None = getattr(self, metric)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the range in which two curves are compared; all of it with neither limit."""

    label: str
    bpp: tuple[float, float] | None = None  # the qualities that the anchor has at these rates
    third: int | None = None  # of the common range of quality: 0 is the lowest, 2 the highest


WHOLE = Window(label="all")
WINDOWS = (
    WHOLE,
    Window(label="low third", third=0),
    Window(label="middle third", third=1),
    Window(label="high third", third=2),
    Window(label="0.1-0.3 bpp", bpp=(0.1, 0.3)),
    Window(label="0.3-1 bpp", bpp=(0.3, 1.0)),
    Window(label="1-2 bpp", bpp=(1.0, 2.0)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """Mean rate difference over a common quality interval."""

    percent: float  # negative: the tested curve needs fewer bits
    low: float  # ends of the interval, on the scale of the measure
    high: float
    # Share of the rate window that both curves cover, 0 to 1; 1 without a window.
    coverage: float


def quality_levels(curve: Curve, metric: Metric) -> NDArray[np.float64] | None:
    """Quality of each point on the scale of `MEASURES`, on which higher is better, (n,) float64."""
    values = curve.values(metric)
    return None if values is None else MEASURES[metric].level(np.asarray(values, np.float64))


def _monotone_points(curve: Curve, metric: Metric) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Natural logarithm of bpp and level of quality, both strictly increasing, (m,) float64 each.

    A point that costs at least as many bits as one of higher quality is left out, since the rate
    must be a function of quality. None with fewer than two points left.
    """
    quality = quality_levels(curve, metric)
    if quality is None:
        return None
    kept: list[tuple[float, float]] = []
    for level, rate in sorted(zip(quality, curve.bpp, strict=True), key=lambda p: (-p[0], p[1])):
        if not kept or (rate < kept[-1][1] and level < kept[-1][0]):
            kept.append((float(level), rate))
    if len(kept) < 2:
        return None
    levels, rates = zip(*reversed(kept), strict=True)
    return np.log(np.asarray(rates)), np.asarray(levels)


def bd_rate(
    anchor: Curve, test: Curve, *, metric: Metric = "psnr", window: Window = WHOLE
) -> BdRate | None:
    """Mean rate of `test` relative to `anchor` at equal quality, in percent.

    The mean is one over the metric's scale in `MEASURES`; where lower is better, the scale turns
    and is a logarithm.

    Returns:
        None where a curve lacks the metric, has fewer than two usable points, or the interval is
        shorter than the scale's min_span (a third of it for a third).

    Raises:
        LicodecError: scipy is not installed.

    Source: Bjontegaard, VCEG-M33 (2001), with PCHIP in place of one cubic.
    """
    pchip = load_extra("scipy.interpolate").PchipInterpolator
    anchor_points, test_points = _monotone_points(anchor, metric), _monotone_points(test, metric)
    if anchor_points is None or test_points is None:
        return None
    (anchor_rate, anchor_level), (test_rate, test_level) = anchor_points, test_points
    low, high = max(anchor_level[0], test_level[0]), min(anchor_level[-1], test_level[-1])
    coverage, min_span = 1.0, MEASURES[metric].min_span
    if window.bpp is not None:
        wanted = np.log(window.bpp)
        edges = np.clip(wanted, anchor_rate[0], anchor_rate[-1])  # what the anchor has of it
        window_low, window_high = pchip(anchor_rate, anchor_level)(edges)
        low, high = max(low, window_low), min(high, window_high)
        if high > low:
            coverage = float((high - low) / (window_high - window_low))
            coverage *= float((edges[1] - edges[0]) / (wanted[1] - wanted[0]))
    if window.third is not None:
        step, min_span = (high - low) / 3, min_span / 3
        low, high = low + window.third * step, low + (window.third + 1) * step
    if high - low < min_span:
        return None
    area = pchip(test_level, test_rate).integrate(low, high)
    area -= pchip(anchor_level, anchor_rate).integrate(low, high)
    percent = 100 * math.expm1(float(area) / (high - low))
    return BdRate(percent=percent, low=float(low), high=float(high), coverage=coverage)


def load_curve(path: Path, images: Sequence[str] = ()) -> Curve:
    """Read a stored curve.

    The file is a JSON object with "name" (else the file's name counts) and the keys "bpp" and
    one or more of MEASURES, such as "psnr": as lists of equal length, or as an object per point in
    a list "points", or per quality a list over pictures in a list "per_image" (means are taken).

    Args:
        images: file names of pictures; where the file has "per_image" and its list "images" names
            all of them, the curve is the mean over just these. A file with "images" alone is for
            exactly these.

    Raises:
        LicodecError: the file cannot be read, is none of these, or is for other pictures; one line
            with path and place.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: neither UTF-8 nor JSON
        reason = str(error).splitlines()[0]
        raise LicodecError(f"curve file {path} cannot be read: {reason}") from error
    if not isinstance(data, dict):
        raise LicodecError(f"curve file {path} holds no JSON object; pass a stored curve")
    data = _only_images(path, data, images)
    bpp = _column(path, data, "bpp")
    if bpp is None or len(bpp) < 2:
        raise LicodecError(
            f"curve file {path} has {len(bpp or ())} points with bpp, expected at least 2"
        )
    qualities = {metric: _column(path, data, metric) for metric in MEASURES}
    if not any(qualities.values()):
        raise LicodecError(
            f"curve file {path} has none of {', '.join(MEASURES)} for its points; add one"
        )
    for metric, values in qualities.items():
        if values is not None and len(values) != len(bpp):
            raise LicodecError(
                f"curve file {path} has {len(bpp)} values of bpp but {len(values)} of {metric}"
            )
    return Curve(name=str(data.get("name", path.stem)), bpp=bpp, **qualities)


def _only_images(path: Path, data: dict[str, Any], images: Sequence[str]) -> dict[str, Any]:
    """The file's content with "points" made of the named pictures, if it tells them apart."""
    names, points = data.get("images"), data.get("per_image")
    if not images or not isinstance(names, list):
        return data
    if not isinstance(points, list):
        if set(images) != set(map(str, names)):
            raise LicodecError(
                f"curve file {path} is a mean over {len(names)} pictures, {_ends(names)}, and not "
                "over those to be measured; leave it out, or measure these"
            )
        return data
    if not set(images) <= {str(name) for name in names}:
        return data
    picked = [names.index(name) for name in images]
    chosen = []
    for index, point in enumerate(points):
        columns: dict[str, Any] = {}
        if isinstance(point, dict):
            columns = {key: point[key] for key in _LIMITS if point.get(key) is not None}
        if not all(isinstance(v, list) and len(v) == len(names) for v in columns.values()):
            raise LicodecError(
                f"curve file {path}: entry {index + 1} of per_image has no list of "
                f"{len(names)} values, one for each of its images"
            )
        chosen.append({key: [values[i] for i in picked] for key, values in columns.items()})
    return {**data, "points": chosen}


def _ends(names: Sequence[object]) -> str:
    return f"{names[0]} to {names[-1]}" if len(names) > 1 else ", ".join(map(str, names))


# Key in a curve file -> smallest and largest value that makes sense.
_LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"bpp": (1e-9, 1e9)}
    | {metric: (measure.lowest, measure.highest) for metric, measure in MEASURES.items()}
)


def _column(path: Path, data: dict[str, Any], key: str) -> tuple[float, ...] | None:
    """The values of one key over all points, or None where the file does not have it."""
    points = data.get("points", data.get("per_image"))
    if points is None:
        values = data.get(key)
    elif isinstance(points, list) and all(isinstance(point, dict) for point in points):
        values = [_mean(point.get(key)) for point in points]
        if None in values and not any(isinstance(value, int | float) for value in values):
            values = None
    else:
        raise LicodecError(f"curve file {path}: points is no list of objects")
    if values is None:
        return None
    if not isinstance(values, list):
        raise LicodecError(f"curve file {path}: {key} is no list of numbers")
    lowest, highest = _LIMITS[key]
    for index, value in enumerate(values):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not lowest <= value <= highest:  # NaN is not in any interval
            raise LicodecError(
                f"curve file {path}: {key} of point {index + 1} is {value!r}, "
                f"expected a number from {lowest:g} to {highest:g}"
            )
    return tuple(float(value) for value in values)


def _mean(value: object) -> object:
    """The mean of a list of numbers; anything else as it is."""
    if isinstance(value, list) and value and all(isinstance(item, int | float) for item in value):
        return sum(value) / len(value)
    return value


def unique_names(curves: Sequence[Curve], taken: Sequence[str] = ()) -> list[Curve]:
    """The curves with " (2)", " (3)", ... added to names that came before or are in `taken`."""
    seen = set(taken)
    renamed = []
    for curve in curves:
        name, count = curve.name, 1
        while name in seen:
            count += 1
            name = f"{curve.name} ({count})"
        seen.add(name)
        renamed.append(replace(curve, name=name))
    return renamed
