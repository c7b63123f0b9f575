"""Draws series of points as an SVG chart.

Colours are by class (`colour-0` and so on, `currentColor`) and belong to the page or file around
the drawing, so that it follows a reader's light or dark scheme; a series also has a shape of its
own for its points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 14, 46

# Shapes of points, centred on the origin; series take them in turn.
SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5.5L5 4H-5z",
    "M0 -5.5L5.5 0L0 5.5L-5.5 0z",
    "M0 5.5L5 -4H-5z",
    "M-1.6 -5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
)
NUM_COLOURS = 8  # that the page's style defines


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart."""

    name: str
    index: int  # chooses colour and shape; the same codec has one number on all of a page
    x: tuple[float, ...]
    y: tuple[float, ...]
    is_stored: bool = False  # drawn dashed, without points
    is_strong: bool = False  # drawn thicker


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    title: str,
    max_x: float | None = None,
    mark_x: float | None = None,
) -> str:
    """An `<svg>` element with axes, lines and points; each point tells its values on hovering.

    Args:
        series: points in order of x; at least one point in all.
        title: what the drawing shows, for those who cannot see it.
        max_x: right end of the axis at most; of no effect where every point is beyond it.
        mark_x: where a vertical line stands.
    """
    xs = [x for one in series for x in one.x]
    right = 1.04 * max(xs)
    if max_x is not None and min(xs) < max_x:
        right = min(right, max_x)
    lines = [_cut(list(zip(one.x, one.y, strict=True)), right) for one in series]
    ys = [y for line in lines for _, y in line]
    x_ticks = _ticks(0, right)
    y_ticks = _ticks(min(ys), max(ys))
    low, high = min(*ys, y_ticks[0]), max(*ys, y_ticks[-1])
    margin = 0.04 * (high - low or 1)
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (WIDTH - _LEFT - _RIGHT) * x / right
        return across, HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (y - low) / (high - low)

    bottom = HEIGHT - _BOTTOM
    label = f'role="img" aria-label="{escape(title)}"'
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" {label}>']
    for tick in y_ticks:
        _, y = place(0, tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" class="end">{tick:g}</text>')
    for tick in x_ticks:
        x, _ = place(tick, low)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" class="middle">{tick:g}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}"/>')
    centre = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{centre:.0f}" y="{HEIGHT - 8}" class="middle label">{escape(x_label)}</text>'
        f'<text transform="translate(14 {(_TOP + bottom) / 2:.0f}) rotate(-90)" '
        f'class="middle label">{escape(y_label)}</text>'
    )
    if mark_x is not None and mark_x <= right:
        x, _ = place(mark_x, low)
        parts.append(f'<path class="mark" d="M{x:.1f} {_TOP}V{bottom}"/>')
    for one, line in sorted(zip(series, lines, strict=True), key=lambda pair: pair[0].is_strong):
        num_points = sum(x <= right for x in one.x)
        parts.append(_draw(one, [place(*point) for point in line], num_points))
    return "".join([*parts, "</svg>"])


def legend(series: Sequence[Series]) -> str:
    """A list of the series with their colours and shapes."""
    items = (
        f'<li><svg viewBox="-15 -8 30 16" aria-hidden="true">{legend_mark(one)}</svg>'
        f"{escape(one.name)}</li>"
        for one in series
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def legend_mark(one: Series) -> str:
    """A piece of the series' line with its shape, 30 wide and centred on the origin."""
    shape = "" if one.is_stored else f'<path d="{SHAPES[one.index % len(SHAPES)]}"/>'
    return f'<g class="{_classes(one)}"><path class="line" d="M-15 0H15"/>{shape}</g>'


def _classes(one: Series) -> str:
    weight = (" stored" if one.is_stored else "") + (" strong" if one.is_strong else "")
    return f"series colour-{one.index % NUM_COLOURS}{weight}"


def _cut(points: Sequence[tuple[float, float]], right: float) -> list[tuple[float, float]]:
    """The points up to x = right, and where the line crosses it."""
    kept = [(x, y) for x, y in points if x <= right]
    if kept and len(kept) < len(points):
        (x0, y0), (x1, y1) = points[len(kept) - 1], points[len(kept)]
        kept.append((right, y0 + (y1 - y0) * (right - x0) / (x1 - x0)))
    return kept


def _draw(one: Series, line: Sequence[tuple[float, float]], num_points: int) -> str:
    """A line through places of the drawing, with a mark at the first `num_points` of them."""
    if not line:
        return ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in line)
    marks = ""
    if not one.is_stored:
        shape = SHAPES[one.index % len(SHAPES)]
        marks = "".join(
            f'<path d="{shape}" transform="translate({px:.1f} {py:.1f})">'
            f"<title>{escape(one.name)}: {x:.3f}, {y:.2f}</title></path>"
            for (px, py), x, y in zip(line[:num_points], one.x, one.y, strict=False)
        )
    return f'<g class="{_classes(one)}"><path class="line" d="M{path}"/>{marks}</g>'


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers between the ends, at least one."""
    span = high - low
    if span <= 0:
        return [round(low, 2)]
    step = 10 ** math.floor(math.log10(span))
    step = next(step * factor for factor in (0.2, 0.5, 1, 2) if span / (step * factor) <= 8)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)] or [round(low, 2)]
