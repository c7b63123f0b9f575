"""Shows the result of a benchmark on one HTML page that needs no other file."""

from collections.abc import Mapping
from html import escape

from licodec.evaluate.bdrate import bd_rate
from licodec.evaluate.chart import NUM_COLOURS
from licodec.evaluate.markup import details, figure, html_table, render_page
from licodec.evaluate.measures import MEASURES, Metric
from licodec.evaluate.plot import MAX_PLOT_BPP, rd_series
from licodec.evaluate.report import (
    QUALITY_HEADINGS,
    Table,
    bd_rate_tables,
    count,
    files_note,
    points_table,
    quality_texts,
    speed_figures,
)
from licodec.evaluate.results import BenchResult, Row


def benchmark_page(result: BenchResult, environment: Mapping[str, str], name: str) -> str:
    """The page of `licodec bench --html`: curves, BD-rates, speed, a table of the pictures.

    Args:
        environment: what the times depend on, name to value; listed at the end.
        name: of the set of pictures.
    """
    bd_rates = "".join(html_table(table) for table in bd_rate_tables(result))
    notes = [
        files_note(result),
        *(f"{codec.name}: {codec.settings}" for codec in result.codecs),
        *(f"left out: {line}" for line in result.failures),
    ]
    return render_page(
        "benchmark",
        title=f"{name}: benchmark",
        name=escape(name),
        summary=f"{count(len(result.images), 'picture')}, {count(len(result.codecs), 'codec')}.",
        curves=_curves(result),
        bd_rates=f"<h3>BD-rate</h3>{bd_rates}" if bd_rates else "",
        speed=_speed(result),
        pictures=_pictures(result),
        points=html_table(points_table(result)),
        details=details(notes, environment),
    )


def _curves(result: BenchResult) -> str:
    curves = [codec.curve() for codec in result.codecs]
    figures = []
    for metric, measure in MEASURES.items():
        series = rd_series(curves, result.stored, metric)
        if any(not one.is_stored for one in series):
            title = f"{measure.label} over bits per pixel, means over the pictures"
            figures.append(figure(series, y_label=measure.scale, title=title, max_x=MAX_PLOT_BPP))
    return f'<div class="charts">{"".join(figures)}</div>'


def _speed(result: BenchResult) -> str:
    """Two tables, encode and decode, whose bars are as long as the time per megapixel."""
    figures = {codec.name: speed_figures(codec) for codec in result.codecs}
    tables = []
    for way, place in (("Encode", 0), ("Decode", 1)):
        longest = max(times[2 + place] for times in figures.values())
        rows = []
        for index, (name, times) in enumerate(figures.items()):
            share = 100 * times[2 + place] / longest
            rows.append(
                f'<tr><th scope="row" class="name">{escape(name)}</th><td class="bar-cell">'
                f'<span class="bar-fill colour-{index % NUM_COLOURS}" style="width: {share:.1f}%">'
                f"</span></td><td>{times[2 + place]:,.1f}</td><td>{times[place]:,.1f}</td></tr>"
            )
        tables.append(
            f'<div class="scroll" tabindex="0" role="region" aria-label="{way} table"><table>'
            f'<thead><tr><th scope="col" class="name">{way}</th><th></th>'
            f'<th scope="col">ms per Mpx</th><th scope="col">ms</th></tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )
    return (
        f'<div class="charts">{"".join(tables)}</div><p class="small">Wall time, warm, in '
        "process; means over pictures and qualities, shorter is better.</p>"
    )


def _pictures(result: BenchResult) -> str:
    """BD-rates picture by picture, and all rows on demand."""
    table = picture_table(result)
    first = html_table(table, is_sortable=True) if len(table.columns) > 2 else ""
    rows = Table(
        title="Every file that was made",
        num_names=2,
        columns=(
            *("picture", "codec", "quality", "bytes", "bpp"),
            *QUALITY_HEADINGS,
            *("encode (ms)", "decode (ms)"),
        ),
        rows=tuple(_cells(row) for codec in result.codecs for row in codec.rows),
    )
    summary = f"All {len(rows.rows):,} files"
    return (
        f"{first}<details><summary>{summary}</summary>"
        f"{html_table(rows, is_sortable=True)}</details>"
    )


def picture_table(result: BenchResult) -> Table:
    """A row per picture with the BD-rate of each pair of measured codecs that the report has.

    At the first of MEASURES that the report has BD-rates of: the visual one, where it was measured.
    """
    names = {codec.name for codec in result.codecs}
    entries = [entry for entry in result.bd_rates if entry.against in names]
    pairs = tuple(dict.fromkeys((entry.codec, entry.against) for entry in entries))
    metric: Metric = entries[0].metric if entries else "psnr"
    rows = []
    for image in result.images:
        curves = {codec.name: codec.curve_of(image) for codec in result.codecs}
        found = [bd_rate(curves[against], curves[codec], metric=metric) for codec, against in pairs]
        shape = next(row for row in result.codecs[0].rows if row.image == image)
        percents = ["-" if one is None else f"{one.percent:+.1f}" for one in found]
        rows.append((image, f"{shape.width}x{shape.height}", *percents))
    is_single = len({codec for codec, _ in pairs}) == 1
    what = f"{pairs[0][0]} against each codec" if is_single and pairs else "the first of each pair"
    return Table(
        title=f"BD-rate in % at equal {MEASURES[metric].label}, picture by picture: {what} "
        "(negative: fewer bits)",
        num_names=1,
        columns=(
            "picture",
            "size (px)",
            *(against if is_single else f"{codec} / {against}" for codec, against in pairs),
        ),
        rows=tuple(rows),
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.image,
        row.codec,
        f"{row.quality:g}",
        f"{row.num_bytes:,}",
        f"{row.bpp:.3f}",
        *quality_texts(row),
        f"{1000 * row.encode_s:.0f}",
        f"{1000 * row.decode_s:.0f}",
    )
