"""Rate-distortion curves of a benchmark, as series of a chart and as an SVG file."""

from collections.abc import Sequence
from html import escape

from licodec.evaluate.bdrate import Curve, quality_levels
from licodec.evaluate.chart import HEIGHT, WIDTH, Series, legend_mark, line_chart
from licodec.evaluate.measures import MEASURES, Metric

# Rates beyond what the benchmark's windows cover, with room to see where the curves go.
MAX_PLOT_BPP = 2.5

_TITLE_HEIGHT, _ROW_HEIGHT = 44, 24
# As the page's light scheme; a file of its own has no other style.
_STYLE = """
svg { font: 13px sans-serif; }
text { fill: #57606a; }
.label, .name { fill: #1f2328; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
path { fill: none; }
.grid { stroke: #d8dee4; }
.axis { stroke: #57606a; }
.series path { fill: currentColor; }
.series path.line { fill: none; stroke: currentColor; stroke-width: 2; }
.series.strong path.line { stroke-width: 3.2; }
.series.stored path.line { stroke-dasharray: 7 5; }
.colour-0 { color: #0b62c4; }
.colour-1 { color: #c2410c; }
.colour-2 { color: #15803d; }
.colour-3 { color: #9333b8; }
.colour-4 { color: #8a6a00; }
.colour-5 { color: #0e7490; }
.colour-6 { color: #be185d; }
.colour-7 { color: #57606a; }
"""


def rd_series(measured: Sequence[Curve], stored: Sequence[Curve], metric: Metric) -> list[Series]:
    """A line for each curve that has the measure; a curve has one number for all measures."""
    found = []
    for index, curve in enumerate([*measured, *stored]):
        quality = quality_levels(curve, metric)
        if quality is None:
            continue
        points = sorted(zip(curve.bpp, map(float, quality), strict=True))
        found.append(
            Series(
                name=curve.name,
                index=index,
                x=tuple(bpp for bpp, _ in points),
                y=tuple(level for _, level in points),
                is_stored=index >= len(measured),
                is_strong=curve.is_of_licodec,
            )
        )
    return found


def rd_svg(measured: Sequence[Curve], stored: Sequence[Curve], title: str) -> str:
    """An SVG file of quality over rate: a chart for each measure that any curve has, two in a row.

    Measured curves are solid, stored ones dashed. The same curves have the same bytes.
    """
    panels = {metric: rd_series(measured, stored, metric) for metric in MEASURES}
    panels = {metric: series for metric, series in panels.items() if series}
    num_columns = min(2, len(panels))
    width = num_columns * WIDTH
    parts = [f'<text x="{width // 2}" y="28" class="middle label">{escape(title)}</text>']
    for number, (metric, series) in enumerate(panels.items()):
        row, column = divmod(number, num_columns)
        chart = line_chart(
            series,
            x_label="bits per pixel",
            y_label=MEASURES[metric].scale,
            title=MEASURES[metric].label,
            max_x=MAX_PLOT_BPP,
        )
        place = f'x="{column * WIDTH}" y="{_TITLE_HEIGHT + row * HEIGHT}"'
        parts.append(f'<svg {place} width="{WIDTH}" height="{HEIGHT}">{chart}</svg>')
    names = {one.index: one for series in panels.values() for one in series}
    top = _TITLE_HEIGHT + -(-len(panels) // num_columns) * HEIGHT + _ROW_HEIGHT
    for number, one in enumerate(names[index] for index in sorted(names)):
        row, column = divmod(number, num_columns)
        place = f"translate({column * WIDTH + 80} {top + row * _ROW_HEIGHT})"
        parts.append(
            f'<g transform="{place}">{legend_mark(one)}'
            f'<text x="24" y="4" class="name">{escape(one.name)}</text></g>'
        )
    height = top + -(-len(names) // num_columns) * _ROW_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
