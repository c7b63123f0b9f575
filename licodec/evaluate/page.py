"""The result of a comparison, and one HTML page that shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from licodec.evaluate.bdrate import Curve
from licodec.evaluate.chart import Series
from licodec.evaluate.markup import data_uri, details, figure, html_table, render_page
from licodec.evaluate.measures import MEASURES, Metric
from licodec.evaluate.report import Table, count

Region = tuple[int, int, int, int]  # left, top, width, height in pixels
Uint8 = NDArray[np.uint8]

# A file whose size differs by more gets a mark: its quality is not that of the size asked for.
MARKED_DEVIATION = 0.02

_METHOD = (
    "Each codec's file is made and decoded again; bytes are those of the whole file, without "
    "metadata, and the pictures on this page are exactly the decoded pixels. Times are wall time "
    "in process, after a first call that is not counted."
)

# Where the rates above those asked for begin to squeeze the part of the plot that matters.
_PLOT_RANGE = 3.0

_CURVES: tuple[Metric, ...] = ("ssimulacra2", "psnr")

# After the point; for one picture fewer are meaningful than for a mean.
_DIGITS: Mapping[Metric, int] = MappingProxyType(
    {"ssimulacra2": 1, "ssimulacra2_cut": 1, "butteraugli": 2, "psnr": 2, "ms_ssim": 4}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What one codec made of the picture."""

    name: str
    settings: str
    quality: float  # of the codec's own scale
    num_bytes: int  # the whole file, without metadata
    bpp: float
    ssimulacra2: float | None  # None: a picture too small or too large
    ssimulacra2_cut: float | None  # None: not measured for pages
    butteraugli: float | None  # 3-norm, lower is better; None as of the first
    psnr: float  # dB
    ms_ssim: float | None  # as of the first, or its package is missing
    encode_s: float  # wall seconds, in process, warm
    decode_s: float
    shown: Uint8  # (h, w, 3) RGB, decoded pixels of the region


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One picture through several codecs at nearly equal size."""

    name: str  # of the picture
    width: int
    height: int
    num_source_bytes: int | None  # of the picture's file; None where there is none
    target_bytes: float  # the size that was searched for
    target_from: str  # what set it, as words
    region: Region  # the part that `shown` has
    shown: Uint8  # (h, w, 3) RGB, pixels of the original
    icc: bytes | None  # RGB profile of the pixels
    results: tuple[Compared, ...]
    curves: tuple[Curve, ...]  # quality over rate of each codec; empty if not asked for
    notes: tuple[str, ...]  # one line each
    environment: Mapping[str, str]  # what the times depend on

    def to_html(self) -> str:
        """One page that needs no other file."""
        return comparison_page(self)


def comparison_page(comparison: Comparison) -> str:
    """The page of `licodec compare`: slider, difference map, figures, plot."""
    results = comparison.results
    names = ["Original", *(result.name for result in results)]
    figures = ["", *map(_short_figures, results)]
    shown = [comparison.shown, *(result.shown for result in results)]
    pictures = [
        _picture(name, text, pixels, comparison.icc)
        for name, text, pixels in zip(names, figures, shown, strict=True)
    ]
    left_options = [
        f'<option value="{index}">{escape(name)}</option>' for index, name in enumerate(names)
    ]
    right_choices = [
        f'<label><input type="radio" name="right" value="{index}"'
        f"{' checked' if index == 1 else ''}><span>{escape(names[index])}</span></label>"
        for index in range(1, len(names))
    ]
    notes = [
        _METHOD,
        *(f"{result.name}: {result.settings}" for result in results),
        *comparison.notes,
    ]
    return render_page(
        "comparison",
        title=f"{comparison.name}: codecs at equal size",
        name=escape(comparison.name),
        summary=escape(_summary(comparison)),
        right_choices="\n".join(right_choices),
        left_options="".join(left_options),
        shown_width=str(comparison.region[2]),
        shown_height=str(comparison.region[3]),
        pictures="\n".join(pictures),
        region_note=_region_note(comparison),
        table=_html_table(comparison),
        curves=_curves(comparison),
        details=details(notes, comparison.environment),
    )


def _picture(name: str, figures: str, pixels: Uint8, icc: bytes | None) -> str:
    alt = f"The picture as {name} gives it back" if figures else "The original picture"
    return (
        f'<img src="{data_uri(pixels, icc)}" width="{pixels.shape[1]}" height="{pixels.shape[0]}" '
        f'alt="{escape(alt)}" data-name="{escape(name)}" data-figures="{escape(figures)}" '
        'draggable="false">'
    )


def _text(result: Compared, metric: Metric) -> str:
    value: float | None = getattr(result, metric)
    return "-" if value is None else f"{value:.{_DIGITS[metric]}f}"


def _score(result: Compared, metric: Metric) -> float | None:
    """The value with the sign by which higher is better."""
    value: float | None = getattr(result, metric)
    return -value if value is not None and MEASURES[metric].is_distance else value


def _short_figures(result: Compared) -> str:
    texts = {
        metric: _text(result, metric) for metric in MEASURES if _score(result, metric) is not None
    }
    return " · ".join(
        [
            f"{result.num_bytes:,} B",
            f"{result.bpp:.3f} bpp",
            *(
                f"{text} dB" if metric == "psnr" else f"{MEASURES[metric].label} {text}"
                for metric, text in texts.items()
            ),
        ]
    )


def _summary(comparison: Comparison) -> str:
    source = comparison.num_source_bytes
    bpp = 8 * comparison.target_bytes / (comparison.width * comparison.height)
    return (
        f"{comparison.width}x{comparison.height} px"
        + ("" if source is None else f", {count(source, 'byte')} as a file")
        + f". Each codec comes as near as its settings allow to "
        f"{round(comparison.target_bytes):,} bytes, {bpp:.3f} bits per pixel "
        f"({comparison.target_from})."
    )


def _region_note(comparison: Comparison) -> str:
    left, top, width, height = comparison.region
    if (width, height) == (comparison.width, comparison.height):
        return ""
    return (
        f'<p class="note">The view shows {width}x{height} px of the picture, from column {left} '
        f"and row {top} on, so that this page stays small. All figures are those of the whole "
        "picture.</p>"
    )


# Heading, text, and a number that grows as the codec does better (None: nothing to win).
_COLUMNS: tuple[
    tuple[str, Callable[[Compared], str], Callable[[Compared], float | None] | None], ...
] = (
    ("bpp", lambda r: f"{r.bpp:.3f}", None),
    ("setting", lambda r: f"{r.quality:.4g}", None),
    *(
        (measure.heading, partial(_text, metric=metric), partial(_score, metric=metric))
        for metric, measure in MEASURES.items()
    ),
    ("encode (ms)", lambda r: f"{1000 * r.encode_s:,.0f}", lambda r: -r.encode_s),
    ("decode (ms)", lambda r: f"{1000 * r.decode_s:,.0f}", lambda r: -r.decode_s),
)


def comparison_table(comparison: Comparison) -> Table:
    """The figures of each codec; a metric that none of them has is left out."""
    columns = [
        (heading, text)
        for heading, text, score in _COLUMNS
        if score is None or any(score(result) is not None for result in comparison.results)
    ]
    return Table(
        title="Figures of the whole picture",
        num_names=1,
        columns=("codec", "bytes", "off target", *(heading for heading, _ in columns)),
        rows=tuple(
            (
                result.name,
                f"{result.num_bytes:,}",
                f"{_deviation(comparison, result):+.1%}",
                *(text(result) for _, text in columns),
            )
            for result in comparison.results
        ),
    )


def _deviation(comparison: Comparison, result: Compared) -> float:
    return result.num_bytes / comparison.target_bytes - 1


def _html_table(comparison: Comparison) -> str:
    """The table with the best of each column and sizes that are off marked."""
    table, results = comparison_table(comparison), comparison.results
    table = replace(table, title=f"{table.title}; the best in bold")
    classes: dict[tuple[int, int], str] = {}
    for heading, _, score in _COLUMNS:
        if score is not None and heading in table.columns and len(results) > 1:
            scores = [score(result) for result in results]
            best = max(number for number in scores if number is not None)
            column = table.columns.index(heading)
            classes |= {(row, column): "best" for row, it in enumerate(scores) if it == best}
    for row, result in enumerate(results):
        if abs(_deviation(comparison, result)) > MARKED_DEVIATION:
            classes[row, 2] = "off"
    attributes = [f'data-picture="{row + 1}"' for row in range(len(results))]
    return html_table(table, cell_classes=classes, row_attributes=attributes)


def _curves(comparison: Comparison) -> str:
    """Charts of the measures that all curves have."""
    if not comparison.curves:
        return ""
    bpp = 8 * comparison.target_bytes / (comparison.width * comparison.height)
    charts = [
        figure(
            [
                Series(
                    name=curve.name,
                    index=index,
                    x=curve.bpp,
                    y=curve.values(metric) or (),
                    is_strong=curve.is_of_licodec,
                )
                for index, curve in enumerate(comparison.curves)
            ],
            y_label=MEASURES[metric].scale,
            title=f"{MEASURES[metric].label} over bits per pixel of each codec, for this picture",
            max_x=_PLOT_RANGE * max(bpp, 0.2),
            mark_x=bpp,
        )
        for metric in _CURVES
        if all(curve.values(metric) for curve in comparison.curves)
    ]
    return (
        f'<section><h2>Rate and distortion</h2><div class="charts">{"".join(charts)}</div>'
        '<p class="small">The dashed line is the rate of the files above.</p></section>'
    )
