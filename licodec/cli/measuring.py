"""`licodec bench` and `licodec compare`: measured files of licodec and of other codecs."""

import glob
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.options import (
    debug_option,
    device_option,
    force_option,
    grouped,
    max_pixels_option,
    profile_option,
    quiet_option,
    set_threads,
    threads_option,
)
from licodec.cli.params import (
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
)
from licodec.cli.report import print_tables
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

if TYPE_CHECKING:
    from licodec.evaluate.bdrate import Curve
    from licodec.evaluate.measures import Metric
    from licodec.evaluate.page import Region
    from licodec.evaluate.peers import BenchCodec
    from licodec.evaluate.results import BenchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestants:
    """Which codecs are measured, and how licodec among them codes."""

    codecs: tuple[str, ...] | None  # None: all that are installed
    profile: tuple[str, ...]
    tunes: tuple[str, ...]
    efforts: tuple[int, ...]
    device: str
    threads: int | None  # None: as torch chooses


_contestants_options = grouped(
    "who",
    Contestants,
    profile_option(
        "Profile of licodec; may be given several times.",
        multiple=True,
        default=(DEFAULT_PROFILE,),
    ),
    click.option(
        "--tune",
        "tunes",
        type=click.Choice(TUNES),
        multiple=True,
        help="What licodec's files are made for; may be given several times.  "
        f"[default: {DEFAULT_TUNE}]",
    ),
    click.option(
        "-e",
        "--effort",
        "efforts",
        type=click.IntRange(0, MAX_EFFORT),
        multiple=True,
        default=(DEFAULT_EFFORT,),
        help="Effort of licodec's encoder; may be given several times.",
    ),
    click.option(
        "--codecs",
        type=CODECS,
        help=f"Codecs to compare: {', '.join(CODEC_NAMES)}.  [default: all that are installed]",
    ),
    device_option(),
    threads_option("CPU threads of licodec; the others use one.  [default: as torch chooses]"),
)


@click.command(
    name="bench", epilog="Example: licodec bench photos -p balanced --codecs licodec,avif"
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_contestants_options
@click.option(
    "--qualities",
    type=QUALITIES,
    help="Qualities of licodec, 1 to 100.  [default: 5,15,...,95]",
)
@click.option(
    "--anchors",
    multiple=True,
    metavar="FILE",
    help="Stored curve (JSON) to compare with; a quoted pattern such as 'curves/*.json' stands "
    "for several files; may be given several times.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("bench-results"),
    help="Folder for CSV, JSON, tables, a plot and curves.",
)
@click.option(
    "--metrics",
    type=METRICS,
    default=",".join(METRIC_NAMES),
    show_default=False,
    help=f"Measures of quality: {', '.join(METRIC_NAMES)}. A measure left out saves time; PSNR is "
    "always there.  [default: all]",
)
@click.option("--limit", type=COUNT, help="Only the first pictures by name, this many.")
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
def bench(
    folder: Path,
    who: Contestants,
    qualities: tuple[float, ...] | None,
    anchors: tuple[str, ...],
    out: Path,
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
        check_output(page, force=force)
    _check_early(out, readme, needs_ms_ssim="ms_ssim" in metrics, force=force)
    paths = list_pictures(folder, limit)
    stored = _load_anchors(anchors, [path.name for path in paths])
    num_threads = set_threads(who.threads)
    result = _run(paths, _open_codecs(who, qualities), stored, metrics)
    environment = describe_environment(num_threads, who.device)
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

    for module in ("scipy", *(("pytorch_msssim",) if needs_ms_ssim else ())):
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


def _open_codecs(who: Contestants, qualities: tuple[float, ...] | None) -> list["BenchCodec"]:
    from licodec.evaluate.bench import LICODEC_QUALITIES, licodec_codecs
    from licodec.evaluate.peers import find_peer, installed_peers

    ladder = qualities or LICODEC_QUALITIES
    codecs: list[BenchCodec] = []
    for name in ("licodec", *installed_peers()) if who.codecs is None else who.codecs:
        if name == "licodec":
            codecs += licodec_codecs(who.profile, who.efforts, who.device, ladder, tunes=who.tunes)
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
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page.  [default: beside the picture, as .compare.html]",
)
@click.option(
    "-q",
    "--quality",
    type=QUALITY,
    help="Quality of licodec, of its first profile, tune and effort; the size of that file is "
    "what the others are brought to.  "
    f"[default: {DEFAULT_QUALITY:g}]",
)
@click.option(
    "--bpp",
    type=BPP,
    help="Bits per pixel that all codecs are brought to, in place of a quality.",
)
@_contestants_options
@click.option(
    "--region",
    type=REGION,
    help="Part of the picture to show, in pixels; figures stay those of the whole.  [default: "
    "all, or the centre of pictures above 4 megapixels]",
)
@click.option("--no-curves", is_flag=True, help="Leave the rate-distortion plot out; saves time.")
@max_pixels_option
@force_option
@quiet_option
@debug_option
def compare(
    picture: Path,
    output: Path | None,
    quality: float | None,
    bpp: float | None,
    who: Contestants,
    region: "Region | None",
    no_curves: bool,
    max_pixels: int,
    force: bool,
    quiet: bool,
) -> None:
    """Show one picture through several codecs at equal size.

    Writes one HTML page that needs no other file and no network: a slider
    between the original and each codec, zoom, a map of differences, a table of
    sizes, quality (SSIMULACRA 2, Butteraugli, PSNR, MS-SSIM) and times, and
    rate-distortion curves of this picture.
    """
    if quality is not None and bpp is not None:
        raise click.UsageError("-q and --bpp both set the size; give one of them")
    if who.codecs is not None and "licodec" not in who.codecs and bpp is None:
        raise click.UsageError("without licodec among --codecs nothing sets the size; give --bpp")
    target = picture.with_suffix(".compare.html") if output is None else output
    check_output(target, picture, force=force)
    from rich.console import Console

    from licodec.evaluate.comparison import compare as compare_codecs
    from licodec.evaluate.page import comparison_table

    console = Console(stderr=True)
    set_threads(who.threads)
    with console.status("reading") as status:
        try:
            comparison = compare_codecs(
                picture,
                codecs=who.codecs,
                quality=DEFAULT_QUALITY if quality is None else quality,
                bpp=bpp,
                profiles=who.profile,
                tunes=who.tunes,
                efforts=who.efforts,
                device=who.device,
                region=region,
                with_curves=not no_curves,
                max_pixels=max_pixels,
                on_step=status.update,
            )
        except ImageError as error:
            raise ImageError(f"{click.format_filename(picture)}: {error}") from error
        status.update("writing")
        page = comparison.to_html().encode()
    make_folder(target.parent)
    write_file(target, page, replace=force)
    if not quiet:
        print_tables([comparison_table(comparison)])
        for note in comparison.notes:
            click.echo(f"licodec: {comparison.name}: note: {note}", err=True)
        click.echo(f"page {click.format_filename(target)}, {len(page) / 1e6:.1f} MB", err=True)
