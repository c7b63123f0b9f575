"""`licodec bench` and `licodec compare`: measured files of licodec and of other codecs."""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.options import (
    BPP,
    CODEC_NAMES,
    CODECS,
    COUNT,
    FOLDER,
    METRIC_NAMES,
    METRICS,
    QUALITIES,
    QUALITY,
    REGION,
    device_option,
    flag,
    max_pixels_option,
    option,
    profile_option,
    refuse_together,
    set_threads,
    threads_option,
    with_options,
)
from licodec.cli.report import print_tables, progress_bar
from licodec.config import (
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_EFFORT,
    TUNES,
)
from licodec.errors import ImageError, LicodecError
from licodec.files import check_folder, check_output, make_folder, write_file
from licodec.names import shown

if TYPE_CHECKING:
    from licodec.evaluate.bdrate import Curve
    from licodec.evaluate.codec import BenchCodec
    from licodec.evaluate.measures import Metric
    from licodec.evaluate.page import Region
    from licodec.evaluate.results import BenchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecOptions:
    """Which codecs are measured, and how licodec among them codes."""

    profiles: tuple[str, ...] = profile_option(
        "Profile of licodec; may be given several times.",
        multiple=True,
        default=(DEFAULT_PROFILE,),
    )
    tunes: tuple[str, ...] = option(
        "What licodec's files are made for; may be given several times.  "
        f"[default: {DEFAULT_TUNE}]",
        "--tune",
        type=click.Choice(TUNES),
        multiple=True,
    )
    efforts: tuple[int, ...] = option(
        "Effort of licodec's encoder; may be given several times.",
        "-e",
        "--effort",
        type=click.IntRange(0, MAX_EFFORT),
        multiple=True,
        default=(DEFAULT_EFFORT,),
    )
    codecs: tuple[str, ...] | None = option(
        f"Codecs to compare: {', '.join(CODEC_NAMES)}.  [default: all that are installed]",
        type=CODECS,
    )
    device: str = device_option()
    threads: int | None = threads_option(
        "CPU threads of licodec; the others use one.  [default: as torch chooses]"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions(CodecOptions):
    """What is measured, and where the results go."""

    qualities: tuple[float, ...] | None = option(
        "Qualities of licodec, 1 to 100.  [default: 5,15,...,95]", type=QUALITIES
    )
    anchors: tuple[str, ...] = option(
        "Stored curve (JSON) to compare with; a quoted pattern such as 'curves/*.json' stands for "
        "several files; may be given several times.",
        multiple=True,
        metavar="FILE",
    )
    out: Path = option(
        "Folder for CSV, JSON, tables, a plot and curves.",
        type=FOLDER,
        default=Path("bench-results"),
    )
    metrics: tuple[Metric, ...] = option(
        f"Measures of quality: {', '.join(METRIC_NAMES)}. A measure left out saves time; PSNR is "
        "always there.  [default: all]",
        type=METRICS,
        default=",".join(METRIC_NAMES),
        show_default=False,
    )
    limit: int | None = option("Only the first pictures by name, this many.", type=COUNT)
    readme: Path | None = option(
        "Write a summary between the bench markers of this file, too.",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
    )
    page: Path | None = option(
        "Write one HTML page with curves, BD-rates, speed and pictures, too.",
        "--html",
        type=click.Path(path_type=Path),
        metavar="FILE",
    )
    force: bool = flag("Replace earlier results in the --out folder, and the page.")


@click.command(
    name="bench", epilog="Example: licodec bench photos -p balanced --codecs licodec,avif"
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_options("options", BenchOptions)
def bench(folder: Path, options: BenchOptions) -> None:
    """Measure licodec and other codecs on the pictures of FOLDER.

    Makes and decodes real files; reports bits per pixel, SSIMULACRA 2 and
    Butteraugli (3-norm, lower is better), which follow what people see, PSNR,
    MS-SSIM, wall times, and the bitrate difference at equal quality (BD-rate).
    """
    from licodec.evaluate.bench import list_pictures
    from licodec.evaluate.bench_page import benchmark_page
    from licodec.evaluate.report import describe_environment, missing_means, tables

    page = options.page
    if page is not None:
        check_output(page, force=options.force)
    _check_early(options)
    paths = list_pictures(folder, options.limit)
    stored = _load_anchors(options.anchors, [path.name for path in paths])
    num_threads = set_threads(options.threads)
    result = _run(paths, _open_codecs(options), stored, options.metrics)
    environment = describe_environment(num_threads, options.device)
    print_tables(tables(result))
    for line in missing_means(result):
        click.echo(f"licodec: note: {line[0].lower()}{line[1:]}", err=True)
    _write(result, environment, options)
    if page is not None:
        make_folder(page.parent)
        text = benchmark_page(result, environment, shown(folder.resolve().name))
        write_file(page, text.encode(), replace=options.force)
    click.echo(f"results in {options.out}" + (f", page {page}" if page else ""), err=True)
    if result.failures:
        sys.exit(1)


def _check_early(options: BenchOptions) -> None:
    """Notice before the long run, not after it, what would stop the report."""
    from licodec.evaluate import load_extra
    from licodec.evaluate.report import check_absent

    for module in ("scipy", *(("pytorch_msssim",) if "ms_ssim" in options.metrics else ())):
        load_extra(module)
    if not options.force:
        check_absent(options.out)
    check_folder(options.out)
    if options.readme is not None:
        check_folder(options.readme.resolve().parent)
        _rewrite_readme_text(options.readme, "")


def _write(result: BenchResult, environment: dict[str, str], options: BenchOptions) -> None:
    from licodec.evaluate.report import readme_block, write_results

    write_results(result, environment, options.out)
    if options.readme is not None:
        link = os.path.relpath(options.out, options.readme.parent).replace(os.sep, "/")
        block = readme_block(result, environment, link)
        text = _rewrite_readme_text(options.readme, block)
        write_file(options.readme, text.encode(), replace=True)


def _rewrite_readme_text(readme: Path, block: str) -> str:
    from licodec.evaluate.report import rewrite_block

    try:
        return rewrite_block(readme.read_text(encoding="utf-8"), block)
    except (OSError, UnicodeDecodeError) as error:
        raise LicodecError(f"{readme} cannot be read: {error}") from error
    except LicodecError as error:
        raise LicodecError(f"{readme}: {error}") from error


def _load_anchors(patterns: tuple[str, ...], images: list[str]) -> list[Curve]:
    from licodec.evaluate.bdrate import load_curve

    paths: dict[str, None] = {}
    for pattern in patterns:
        found = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern))
        if not found:
            raise LicodecError(f"--anchors {pattern} matches no file; check the path")
        paths.update(dict.fromkeys(found))
    return [load_curve(Path(path), images) for path in paths]


def _open_codecs(options: BenchOptions) -> list[BenchCodec]:
    from licodec.evaluate.bench import LICODEC_QUALITIES, licodec_codecs
    from licodec.evaluate.peers import find_peer, installed_peers

    codecs: list[BenchCodec] = []
    for name in ("licodec", *installed_peers()) if options.codecs is None else options.codecs:
        if name == "licodec":
            codecs += licodec_codecs(
                options.profiles,
                options.efforts,
                options.device,
                options.qualities or LICODEC_QUALITIES,
                tunes=options.tunes,
            )
        else:
            codecs.append(find_peer(name))
    return codecs


def _run(
    paths: list[Path],
    codecs: list[BenchCodec],
    stored: list[Curve],
    metrics: tuple[Metric, ...],
) -> BenchResult:
    from licodec.evaluate.bench import run_bench

    num_steps = len(paths) * sum(len(codec.qualities) for codec in codecs)
    with progress_bar("{task.description}") as bar:
        task = bar.add_task("bench", total=num_steps)
        return run_bench(
            paths,
            codecs,
            stored,
            metrics=metrics,
            on_step=lambda text: bar.update(task, advance=1, description=text),
            on_failure=lambda line: click.echo(f"error: {line}", err=True),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """Where a page goes, and the size of the files on it."""

    output: Path | None = option(
        "The page.  [default: beside the picture, as .compare.html]",
        "-o",
        type=click.Path(path_type=Path),
        metavar="FILE",
    )
    quality: float = option(
        "Quality of licodec, of its first profile, tune and effort; the size of that file is what "
        "the others are brought to.",
        "-q",
        type=QUALITY,
        default=f"{DEFAULT_QUALITY:g}",
    )
    bpp: float | None = option(
        "Bits per pixel that all codecs are brought to, in place of a quality.", type=BPP
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions(CodecOptions):
    """What is compared, and how much of it the page shows."""

    region: Region | None = option(
        "Part of the picture to show, in pixels; figures stay those of the whole.  [default: all, "
        "or the centre of pictures above 4 megapixels]",
        type=REGION,
    )
    no_curves: bool = flag("Leave the rate-distortion plot out; saves time.")
    max_pixels: int = max_pixels_option()
    force: bool = flag("Replace files that exist.")
    quiet: bool = flag("Print errors only.")


@click.command(
    epilog="""\b
Examples:
  licodec compare photo.png
  licodec compare photo.png --bpp 0.3 --codecs licodec,avif -o page.html"""
)
@click.argument(
    "picture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@with_options("page", PageOptions)
@with_options("options", CompareOptions)
def compare(picture: Path, page: PageOptions, options: CompareOptions) -> None:
    """Show one picture through several codecs at equal size.

    Writes one HTML page that needs no other file and no network: a slider
    between the original and each codec, zoom, a map of differences, a table of
    sizes, quality (SSIMULACRA 2, Butteraugli, PSNR, MS-SSIM) and times, and
    rate-distortion curves of this picture.
    """
    refuse_together("quality", "bpp")
    if options.codecs is not None and "licodec" not in options.codecs and page.bpp is None:
        raise click.UsageError("without licodec among --codecs nothing sets the size; give --bpp")
    target = page.output or picture.with_suffix(".compare.html")
    check_output(target, picture, force=options.force)
    from rich.console import Console

    from licodec.evaluate.comparison import compare as compare_codecs
    from licodec.evaluate.page import comparison_table

    set_threads(options.threads)
    with Console(stderr=True).status("reading") as status:
        try:
            comparison = compare_codecs(
                picture,
                codecs=options.codecs,
                quality=page.quality,
                bpp=page.bpp,
                profiles=options.profiles,
                tunes=options.tunes,
                efforts=options.efforts,
                device=options.device,
                region=options.region,
                with_curves=not options.no_curves,
                max_pixels=options.max_pixels,
                on_step=status.update,
            )
        except ImageError as error:
            raise ImageError(f"{click.format_filename(picture)}: {error}") from error
        status.update("writing")
        text = comparison.to_html().encode()
    make_folder(target.parent)
    write_file(target, text, replace=options.force)
    if not options.quiet:
        print_tables([comparison_table(comparison)])
        for note in comparison.notes:
            click.echo(f"licodec: {comparison.name}: note: {note}", err=True)
        click.echo(f"page {click.format_filename(target)}, {len(text) / 1e6:.1f} MB", err=True)
