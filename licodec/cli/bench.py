"""`licodec bench`: a folder of pictures goes in; measured files, tables and a plot come out."""

import glob
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.batch import check_folder
from licodec.cli.measuring import (
    codecs_option,
    effort_option,
    print_tables,
    profiles_option,
    set_threads,
    threads_option,
    tune_option,
)
from licodec.cli.options import device_option
from licodec.config import quality_to_index
from licodec.errors import LicodecError
from licodec.files import check_target, make_folder, write_file

if TYPE_CHECKING:
    from licodec.evaluate.bdrate import Curve
    from licodec.evaluate.measures import Metric
    from licodec.evaluate.peers import BenchCodec
    from licodec.evaluate.results import BenchResult

# As options are written; a test compares them with licodec.evaluate.measures.
METRIC_NAMES = ("ssimulacra2", "butteraugli", "psnr", "ms-ssim")


def _parse_qualities(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        qualities = tuple(float(part) for part in value.split(","))
        for quality in qualities:
            quality_to_index(quality)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no list of numbers from 1 to 100") from error
    return qualities


def _parse_metrics(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """Keys of licodec.evaluate.measures.MEASURES from a list of METRIC_NAMES with commas."""
    names = METRIC_NAMES if value is None else tuple(part.strip() for part in value.split(","))
    for name in names:
        if name not in METRIC_NAMES:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(METRIC_NAMES)}")
    return tuple(name.replace("-", "_") for name in names)


@click.command(
    name="bench", epilog="Example: licodec bench photos -p balanced --codecs licodec,avif"
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@profiles_option
@tune_option
@effort_option
@click.option(
    "--qualities",
    callback=_parse_qualities,
    metavar="Q,Q,...",
    help="Qualities of licodec, 1 to 100.  [default: 5,15,...,95]",
)
@codecs_option
@click.option(
    "--anchors",
    multiple=True,
    metavar="FILE",
    help="Stored curve (JSON) to compare with; a quoted pattern such as 'curves/*.json' stands "
    "for several files; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("bench-results"),
    show_default=True,
    help="Folder for CSV, JSON, tables, plots and curves.",
)
@device_option
@threads_option
@click.option(
    "--metrics",
    callback=_parse_metrics,
    metavar="NAME,...",
    help=f"Measures of quality: {', '.join(METRIC_NAMES)}. A measure left out saves time; PSNR is "
    "always there.  [default: all]",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Only the first pictures by name, this many."
)
@click.option(
    "--readme",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write a summary between the bench markers of this file, too.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write one HTML page with curves, BD-rates, speed and pictures, too.",
)
@click.option(
    "--force", is_flag=True, help="Replace earlier results in the --out folder, and the page."
)
def command(
    folder: Path,
    profiles: tuple[str, ...],
    tunes: tuple[str, ...],
    efforts: tuple[int, ...],
    qualities: tuple[float, ...] | None,
    codecs: tuple[str, ...] | None,
    anchors: tuple[str, ...],
    out: Path,
    device: str,
    threads: int | None,
    metrics: tuple["Metric", ...],
    limit: int | None,
    readme: Path | None,
    page: Path | None,
    force: bool,
) -> None:
    """Measure licodec and other codecs on the pictures of FOLDER.

    Makes and decodes real files; reports bits per pixel, SSIMULACRA 2 and
    Butteraugli (3-norm, lower is better), which follow what people see, PSNR,
    MS-SSIM, wall times, and the bitrate difference at equal quality (BD-rate).
    """
    from licodec.evaluate.bench import list_pictures
    from licodec.evaluate.bench_page import benchmark_page
    from licodec.evaluate.report import describe_environment, tables

    if page is not None:
        check_target(page, force=force)
        check_folder(page.parent)
    _check_early(out, readme, needs_ms_ssim="ms_ssim" in metrics, force=force)
    paths = list_pictures(folder, limit)
    stored = _load_anchors(anchors, [path.name for path in paths])
    num_threads = set_threads(threads)
    chosen = _open_codecs(codecs, profiles, tunes, efforts, qualities, device)
    result = _run(paths, chosen, stored, metrics)
    environment = describe_environment(num_threads, device)
    print_tables(tables(result))
    _write(result, environment, out, readme)
    if page is not None:
        make_folder(page.parent)
        text = benchmark_page(result, environment, folder.resolve().name)
        write_file(page, text.encode(), replace=force)
    click.echo(f"results in {out}" + (f", page {page}" if page else ""), err=True)
    if result.failures:
        sys.exit(1)


def _check_early(out: Path, readme: Path | None, *, needs_ms_ssim: bool, force: bool) -> None:
    """Notice before the long run, not after it, what would stop the report."""
    from licodec.evaluate import load_extra
    from licodec.evaluate.report import check_absent

    for module in ("matplotlib", "scipy", *(("pytorch_msssim",) if needs_ms_ssim else ())):
        load_extra(module)
    if not force:
        check_absent(out)
    check_folder(out)
    if readme is not None:
        check_folder(readme.resolve().parent)
        _rewrite_readme_text(readme, "")


def _write(
    result: "BenchResult", environment: dict[str, str], out: Path, readme: Path | None
) -> None:
    from licodec.evaluate.report import readme_block, write_results

    write_results(result, environment, out)
    if readme is not None:
        link = os.path.relpath(out, readme.parent).replace(os.sep, "/")
        text = _rewrite_readme_text(readme, readme_block(result, environment, link))
        write_file(readme, text.encode(), replace=True)


def _rewrite_readme_text(readme: Path, block: str) -> str:
    from licodec.evaluate.report import rewrite_block

    try:
        return rewrite_block(readme.read_text(encoding="utf-8"), block)
    except (OSError, UnicodeDecodeError) as error:
        raise LicodecError(f"{readme} cannot be read: {error}") from error
    except LicodecError as error:
        raise LicodecError(f"{readme}: {error}") from error


def _load_anchors(patterns: tuple[str, ...], images: list[str]) -> list["Curve"]:
    from licodec.evaluate.bdrate import load_curve

    paths: dict[str, None] = {}
    for pattern in patterns:
        found = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern))
        if not found:
            raise LicodecError(f"--anchors {pattern} matches no file; check the path")
        paths.update(dict.fromkeys(found))
    return [load_curve(Path(path), images) for path in paths]


def _open_codecs(
    names: tuple[str, ...] | None,
    profiles: tuple[str, ...],
    tunes: tuple[str, ...],
    efforts: tuple[int, ...],
    qualities: tuple[float, ...] | None,
    device: str,
) -> list["BenchCodec"]:
    from licodec.evaluate.bench import LICODEC_QUALITIES, licodec_codecs
    from licodec.evaluate.peers import find_peer, installed_peers

    codecs: list[BenchCodec] = []
    for name in ("licodec", *installed_peers()) if names is None else names:
        if name == "licodec":
            ladder = qualities or LICODEC_QUALITIES
            codecs += licodec_codecs(profiles, efforts, device, ladder, tunes=tunes)
        else:
            codecs.append(find_peer(name))
    return codecs


def _run(
    paths: list[Path],
    codecs: list["BenchCodec"],
    stored: list["Curve"],
    metrics: tuple["Metric", ...],
) -> "BenchResult":
    from rich.console import Console
    from rich.progress import Progress

    from licodec.evaluate.bench import run_bench

    console = Console(stderr=True)
    num_steps = len(paths) * sum(len(codec.qualities) for codec in codecs)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("bench", total=num_steps)
        return run_bench(
            paths,
            codecs,
            stored,
            metrics=metrics,
            on_step=lambda text: progress.update(task, advance=1, description=text),
            on_failure=lambda line: click.echo(f"error: {line}", err=True),
        )
