"""What a benchmark measured: a row per file, means and curves per codec, and BD-rates of them."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from licodec.evaluate.bdrate import WINDOWS, BdRate, Curve, Window, bd_rate
from licodec.evaluate.codec import BenchCodec
from licodec.evaluate.measures import MEASURES, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one codec gives at one quality: of one picture, or means over the pictures."""

    quality: float
    bpp: float
    psnr: float  # dB
    # None where it was not asked for, or a picture is not of its size; likewise the next three.
    ssimulacra2: float | None
    ssimulacra2_cut: float | None
    butteraugli: float | None
    ms_ssim: float | None
    encode_s: float  # wall seconds, in process, after one warm-up
    decode_s: float
    encode_stages_s: Mapping[str, float]  # empty where the codec does not tell
    decode_stages_s: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Point):
    """One picture through one codec at one quality."""

    codec: str
    image: str  # file name
    width: int
    height: int
    num_bytes: int  # the whole file


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecResult:
    """All rows of one codec and their means, lowest rate first."""

    name: str
    settings: str
    rows: tuple[Row, ...]
    points: tuple[Point, ...]

    def curve(self) -> Curve:
        """Means over the pictures, with the measures that no point lacks."""
        return _curve(self.name, self.points)

    def curve_of(self, image: str) -> Curve:
        """One picture's own curve."""
        return _curve(self.name, [row for row in self.rows if row.image == image])


def _curve(name: str, points: Sequence[Point]) -> Curve:
    columns: dict[str, tuple[float, ...]] = {}
    for metric in MEASURES:
        values = [getattr(point, metric) for point in points]
        if None not in values:
            columns[metric] = tuple(values)
    return Curve(name=name, bpp=tuple(point.bpp for point in points), **columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class BdEntry:
    """One number of the BD-rate table."""

    codec: str
    against: str
    metric: Metric
    window: Window
    result: BdRate | None  # None: the curves do not meet there


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Everything that a report is made of."""

    images: tuple[str, ...]  # pictures that went through every codec
    metrics: tuple[Metric, ...]  # that were asked for; PSNR is always there
    codecs: tuple[CodecResult, ...]
    stored: tuple[Curve, ...]
    bd_rates: tuple[BdEntry, ...]
    failures: tuple[str, ...]  # one line per picture that was left out


def collect(codec: BenchCodec, rows: Iterable[Row]) -> CodecResult:
    """The codec's own rows, and their means at each of its qualities."""
    own = tuple(row for row in rows if row.codec == codec.name)
    points = [
        _mean_point([row for row in own if row.quality == quality]) for quality in codec.qualities
    ]
    points.sort(key=lambda point: point.bpp)
    return CodecResult(name=codec.name, settings=codec.settings, rows=own, points=tuple(points))


def _mean_point(rows: Sequence[Row]) -> Point:
    return Point(
        quality=rows[0].quality,
        bpp=statistics.fmean(row.bpp for row in rows),
        psnr=statistics.fmean(row.psnr for row in rows),
        ssimulacra2=_mean_of([row.ssimulacra2 for row in rows]),
        ssimulacra2_cut=_mean_of([row.ssimulacra2_cut for row in rows]),
        butteraugli=_mean_of([row.butteraugli for row in rows]),
        ms_ssim=_mean_of([row.ms_ssim for row in rows]),
        encode_s=statistics.fmean(row.encode_s for row in rows),
        decode_s=statistics.fmean(row.decode_s for row in rows),
        encode_stages_s=_mean_stages([row.encode_stages_s for row in rows]),
        decode_stages_s=_mean_stages([row.decode_stages_s for row in rows]),
    )


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def _mean_stages(splits: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean seconds per stage, in the order of first appearance; a missing stage counts as 0."""
    names = dict.fromkeys(name for split in splits for name in split)
    return {name: sum(split.get(name, 0.0) for split in splits) / len(splits) for name in names}


def compare_curves(measured: Sequence[Curve], stored: Sequence[Curve]) -> list[BdEntry]:
    """BD-rates of the licodec curves (of all, if there is none) against each other curve."""
    tested = [curve for curve in measured if curve.is_of_licodec] or measured
    return [
        BdEntry(
            codec=curve.name,
            against=anchor.name,
            metric=metric,
            window=window,
            result=bd_rate(anchor, curve, metric=metric, window=window),
        )
        for curve in tested
        for anchor in [*measured, *stored]
        if anchor.name != curve.name
        for metric in MEASURES
        if curve.values(metric) is not None and anchor.values(metric) is not None
        for window in WINDOWS
    ]
