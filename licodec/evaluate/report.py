"""Writes the result of a benchmark as CSV, JSON, markdown tables and a block of the README."""

import csv
import io
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import licodec
from licodec.errors import LicodecError
from licodec.evaluate.bdrate import MIN_COVERAGE, WHOLE, WINDOWS, BdRate
from licodec.evaluate.measures import CLASSIC, MEASURES, VISUAL, Measure, Metric
from licodec.evaluate.plot import rd_svg
from licodec.evaluate.results import BdEntry, BenchResult, CodecResult, Point, Row
from licodec.files import system_errors, write_file

BLOCK_BEGIN = "<!-- bench:begin -->"
BLOCK_END = "<!-- bench:end -->"

RESULT_FILES = ("results.csv", "results.json", "results.md", "rd.svg")
CURVES_FOLDER = "curves"

CSV_COLUMNS = (
    "codec",
    "quality",
    "image",
    "width",
    "height",
    "bytes",
    "bpp",
    *MEASURES,
    "encode_s",
    "decode_s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as texts; the first `num_names` columns are names, the others numbers."""

    title: str
    num_names: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        num_numbers = len(self.columns) - self.num_names
        rule = (*("---",) * self.num_names, *("---:",) * num_numbers)
        lines = [self.columns, rule, *self.rows]
        body = [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        ]
        return "\n".join([f"**{self.title}**", "", *body])


def _is_tested(codec: CodecResult, result: BenchResult) -> bool:
    return any(entry.codec == codec.name for entry in result.bd_rates)


def bd_rate_tables(result: BenchResult) -> list[Table]:
    """BD-rates in percent, a table per measure that any two curves have, visual ones first."""
    found = [_bd_rate_table(result, metric) for metric in MEASURES]
    return [table for table in found if table.rows]


def _bd_rate_table(result: BenchResult, metric: Metric) -> Table:
    """A row per tested codec and anchor, a column per window of the range."""
    measure = MEASURES[metric]
    rows: dict[tuple[str, str], list[BdEntry]] = {}
    for entry in result.bd_rates:
        if entry.metric == metric:
            rows.setdefault((entry.codec, entry.against), []).append(entry)
    lines = [
        (
            *pair,
            *(_percent(entry.result) for entry in entries),
            _interval(measure, next(e.result for e in entries if e.window == WHOLE)),
        )
        for pair, entries in rows.items()
    ]
    return Table(
        title=f"BD-rate in % at equal {measure.label}, over everything, by thirds of the common "
        "range of quality, and by bpp of the anchor (negative: the codec needs fewer bits; "
        f"* = under {MIN_COVERAGE:.0%} of the range is covered)",
        num_names=2,
        columns=("codec", "against", *(window.label for window in WINDOWS), measure.heading),
        rows=tuple(lines),
    )


def summary_tables(result: BenchResult) -> list[Table]:
    """A row per codec and stored curve: BD-rates of each tested codec against it, and its times.

    What people see comes first, PSNR and MS-SSIM have a table below; times are in the first.
    """
    measured = {entry.metric for entry in result.bd_rates}
    halves = [[m for m in half if m in measured] for half in (VISUAL, CLASSIC)]
    shown = [half for half in halves if half]
    return [_summary_table(result, half, with_times=half is shown[0]) for half in shown]


def _summary_table(result: BenchResult, metrics: Sequence[Metric], *, with_times: bool) -> Table:
    whole = {
        (entry.codec, entry.against, entry.metric): entry.result
        for entry in result.bd_rates
        if entry.window == WHOLE
    }
    tested = list(dict.fromkeys(entry.codec for entry in result.bd_rates))
    times = {
        codec.name: tuple(f"{time:.0f}" for time in speed_figures(codec)[:2])
        for codec in result.codecs
    }
    rows = [
        (
            name,
            *(_percent(whole.get((codec, name, key))) for codec in tested for key in metrics),
            *(times.get(name, ("-", "-")) if with_times else ()),
        )
        for name in (*times, *(curve.name for curve in result.stored))
    ]
    labels = [MEASURES[metric].label for metric in metrics]
    return Table(
        title="Bits that licodec needs more (+) or fewer (-) than others at equal "
        f"{' and equal '.join(labels)} (BD-rate in %; * = under {MIN_COVERAGE:.0%} of the range is "
        f"covered){', and wall times of a picture' if with_times else ''}",
        num_names=1,
        columns=(
            "codec",
            *(f"{codec}, {label}" for codec in tested for label in labels),
            *(("encode (ms)", "decode (ms)") if with_times else ()),
        ),
        rows=tuple(rows),
    )


def _percent(value: BdRate | None) -> str:
    if value is None:
        return "-"
    return f"{value.percent:+.1f}" + ("" if value.coverage >= MIN_COVERAGE else "*")


def _interval(measure: Measure, found: BdRate | None) -> str:
    if found is None:
        return "-"
    return " to ".join(measure.text(measure.value(level)) for level in (found.low, found.high))


# Columns of tables that give every measure.
QUALITY_HEADINGS = tuple(measure.heading for measure in MEASURES.values())


def quality_texts(measured: Row | Point) -> tuple[str, ...]:
    """The cells under QUALITY_HEADINGS."""
    return tuple(measure.text(getattr(measured, metric)) for metric, measure in MEASURES.items())


def points_table(result: BenchResult) -> Table:
    """Means over the pictures, a row per tested codec and quality."""
    lines = [
        (
            codec.name,
            f"{point.quality:g}",
            f"{point.bpp:.3f}",
            *quality_texts(point),
            f"{1000 * point.encode_s:.0f}",
            f"{1000 * point.decode_s:.0f}",
        )
        for codec in result.codecs
        if _is_tested(codec, result) or len(result.codecs) == 1
        for point in codec.points
    ]
    return Table(
        title=f"Means over {count(len(result.images), 'picture')}",
        num_names=1,
        columns=("codec", "quality", "bpp", *QUALITY_HEADINGS, "encode (ms)", "decode (ms)"),
        rows=tuple(lines),
    )


def speed_figures(codec: CodecResult) -> tuple[float, float, float, float]:
    """Encode and decode in ms, mean over pictures and qualities; the same in ms per megapixel."""
    num_px = sum(row.width * row.height for row in codec.rows)
    encode_ms = 1000 * statistics.fmean(row.encode_s for row in codec.rows)
    decode_ms = 1000 * statistics.fmean(row.decode_s for row in codec.rows)
    per_mpx = len(codec.rows) * 1e6 / num_px
    return encode_ms, decode_ms, encode_ms * per_mpx, decode_ms * per_mpx


def speed_table(result: BenchResult) -> Table:
    """Wall time of each codec, mean over pictures and qualities, and per megapixel."""
    lines = [
        (codec.name, *(f"{time:.1f}" for time in speed_figures(codec))) for codec in result.codecs
    ]
    return Table(
        title="Wall time, warm, in process, mean over pictures and qualities",
        num_names=1,
        columns=("codec", "encode (ms)", "decode (ms)", "encode (ms/Mpx)", "decode (ms/Mpx)"),
        rows=tuple(lines),
    )


def stage_table(result: BenchResult) -> Table | None:
    """Where the time goes, mean over pictures and qualities; None if no codec tells."""
    lines = []
    for codec in result.codecs:
        for way in ("encode", "decode"):
            splits = [getattr(point, f"{way}_stages_s") for point in codec.points]
            for stage in dict.fromkeys(stage for split in splits for stage in split):
                mean_s = statistics.fmean(split.get(stage, 0.0) for split in splits)
                lines.append((codec.name, way, stage, f"{1000 * mean_s:.1f}"))
    columns = ("codec", "way", "stage", "mean (ms)")
    table = Table(title="Time by stage", num_names=3, columns=columns, rows=tuple(lines))
    return table if lines else None


def tables(result: BenchResult) -> list[Table]:
    """The report's tables, those without rows left out."""
    others = [points_table(result), speed_table(result), stage_table(result)]
    return [
        *bd_rate_tables(result),
        *(table for table in others if table is not None and table.rows),
    ]


def markdown(result: BenchResult, environment: Mapping[str, str], plot_link: str) -> str:
    """All tables, the plot and how it was measured."""
    return _page(result, environment, plot_link, tables(result))


def readme_block(result: BenchResult, environment: Mapping[str, str], folder: str) -> str:
    """The summary, the plot and how it was measured; `folder` is a link to the other results."""
    page = _page(result, environment, f"{folder}/rd.svg", summary_tables(result))
    return (
        f"{page}\n\nBD-rates by rate, points and times by stage: [{folder}]({folder}/results.md)."
    )


def _page(
    result: BenchResult, environment: Mapping[str, str], plot_link: str, shown: Sequence[Table]
) -> str:
    settings = [f"- `{codec.name}`: {codec.settings}" for codec in result.codecs]
    measured = ", ".join(f"{key} {value}" for key, value in environment.items())
    return "\n\n".join(
        [
            f"![Rate-distortion curves]({plot_link})",
            *(table.to_markdown() for table in shown),
            f"{files_note(result)} Measured with {measured}.",
            "\n".join(settings),
        ]
    )


def describe_environment(num_threads: int, device: str) -> dict[str, str]:
    """What the times and the peers' sizes depend on, name to value."""
    described = {"python": platform.python_version(), "licodec": licodec.__version__}
    described |= {package: version(package) for package in ("torch", "pillow")}
    described["device"] = device
    described["threads"] = f"{num_threads} of {os.cpu_count()} CPUs (peers: 1)"
    described["machine"] = platform.machine()
    return described


def files_note(result: BenchResult) -> str:
    """What was measured, in a few sentences."""
    left_out = f" {count(len(result.failures), 'picture')} left out." if result.failures else ""
    without_mean = "".join(f" {line}." for line in missing_means(result))
    stored = (
        " Stored curves are means over the same pictures if their file tells pictures apart, "
        "else over their own."
        if result.stored
        else ""
    )
    return (
        f"{count(len(result.images), 'picture')}, rate and quality averaged over them; "
        f"real files, real decodes; without metadata.{left_out}{without_mean}{stored}"
    )


def missing_means(result: BenchResult) -> list[str]:
    """A line for each measure that was asked for but that some pictures have no value of."""
    rows = result.codecs[0].rows  # that all codecs have
    lines = []
    for metric in result.metrics:
        num = len({row.image for row in rows if getattr(row, metric) is None})
        if num:
            lines.append(
                f"No mean {MEASURES[metric].label}: {count(num, 'picture')} "
                f"{'is' if num == 1 else 'are'} too small or too large for it"
            )
    return lines


def count(number: int, noun: str) -> str:
    """The number with thousands marked, and the noun in its form."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def rewrite_block(text: str, block: str) -> str:
    """The text with what lies between the two bench markers replaced.

    Raises:
        LicodecError: not exactly one pair of markers in order.
    """
    head, begin, rest = text.partition(BLOCK_BEGIN)
    _, end, tail = rest.partition(BLOCK_END)
    if not begin or not end or BLOCK_BEGIN in rest or BLOCK_END in head + tail:
        raise LicodecError(
            f"expected exactly one {BLOCK_BEGIN} with one {BLOCK_END} after it; add the two lines"
        )
    return f"{head}{BLOCK_BEGIN}\n{block.strip()}\n{BLOCK_END}{tail}"


def to_csv(result: BenchResult) -> str:
    """A line per codec, quality and picture; an empty cell where a measure is missing."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_record(row) for codec in result.codecs for row in codec.rows)
    return buffer.getvalue()


def _record(row: Row) -> dict[str, object]:
    record = asdict(row)
    record["bytes"] = record["num_bytes"]
    return {column: record[column] for column in CSV_COLUMNS}


def to_json(result: BenchResult, environment: Mapping[str, str]) -> str:
    """Everything that was measured; "points" has the means, "per_image" the rows."""
    codecs = [
        {
            "name": codec.name,
            "settings": codec.settings,
            "points": [asdict(point) for point in codec.points],
            "per_image": [_record(row) for row in codec.rows],
        }
        for codec in result.codecs
    ]
    content = {
        "environment": dict(environment),
        "images": result.images,
        "failures": result.failures,
        "codecs": codecs,
        "bd_rates": [asdict(entry) for entry in result.bd_rates],
    }
    return json.dumps(content, indent=1) + "\n"


def write_results(result: BenchResult, environment: Mapping[str, str], out: Path) -> list[Path]:
    """Write RESULT_FILES and a curve file per codec, curves/NAME.json, into the folder `out`.

    The curve files can be passed to a later benchmark as anchors.

    Raises:
        LicodecError: a file cannot be written.
    """
    texts = {
        out / "results.csv": to_csv(result),
        out / "results.json": to_json(result, environment),
        out / "results.md": markdown(result, environment, "rd.svg") + "\n",
    }
    for codec in result.codecs:
        curve = {
            "name": codec.name,
            "settings": codec.settings,
            "points": [asdict(point) for point in codec.points],
        }
        texts[out / CURVES_FOLDER / f"{codec.name}.json"] = json.dumps(curve, indent=1) + "\n"
    title = f"Mean over {count(len(result.images), 'picture')}"
    curves = [codec.curve() for codec in result.codecs]
    texts[out / "rd.svg"] = rd_svg(curves, result.stored, title)
    with system_errors(f"{out} cannot be written"):
        (out / CURVES_FOLDER).mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        write_file(path, text.encode(), replace=True)
    return list(texts)


def check_absent(out: Path) -> None:
    """Refuse a folder that already holds results, or a folder of curves.

    Raises:
        LicodecError: it does; the message names the option that allows it.
    """
    for name in (*RESULT_FILES, CURVES_FOLDER):
        if (out / name).exists():
            raise LicodecError(f"{out / name} exists; choose another --out or pass --force")
