"""`licodec compare`: a picture goes in, one HTML page with a slider between codecs comes out."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.batch import check_output
from licodec.cli.completers import complete_picture
from licodec.cli.goals import check_bpp, check_quality
from licodec.cli.measuring import (
    codecs_option,
    effort_option,
    print_tables,
    profiles_option,
    set_threads,
    threads_option,
    tune_option,
)
from licodec.cli.options import (
    debug_option,
    device_option,
    force_option,
    max_pixels_option,
    quiet_option,
)
from licodec.cli.regions import RegionType
from licodec.config import DEFAULT_QUALITY
from licodec.errors import ImageError
from licodec.files import make_folder, write_file

if TYPE_CHECKING:
    from licodec.evaluate.comparison import Comparison, Region


@click.command(
    epilog="""\b
Examples:
  licodec compare photo.png
  licodec compare photo.png --bpp 0.3 --codecs licodec,avif -o page.html"""
)
@click.argument(
    "picture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    shell_complete=complete_picture,
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
    type=float,
    callback=check_quality,
    metavar="1..100",
    help="Quality of licodec, of its first profile, tune and effort; the size of that file is "
    "what the others are brought to.  "
    f"[default: {DEFAULT_QUALITY:g}]",
)
@click.option(
    "--bpp",
    type=float,
    callback=check_bpp,
    metavar="BITS",
    help="Bits per pixel that all codecs are brought to, in place of a quality.",
)
@codecs_option
@profiles_option
@tune_option
@effort_option
@click.option(
    "--region",
    type=RegionType(),
    help="Part of the picture to show, in pixels; figures stay those of the whole.  [default: "
    "all, or the centre of pictures above 4 megapixels]",
)
@click.option("--no-curves", is_flag=True, help="Leave the rate-distortion plot out; saves time.")
@threads_option
@device_option
@max_pixels_option
@force_option
@quiet_option
@debug_option
def command(
    picture: Path,
    output: Path | None,
    quality: float | None,
    bpp: float | None,
    codecs: tuple[str, ...] | None,
    profiles: tuple[str, ...],
    tunes: tuple[str, ...],
    efforts: tuple[int, ...],
    region: "Region | None",
    no_curves: bool,
    threads: int | None,
    device: str,
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
    _check_usage(codecs, quality, bpp)
    target = picture.with_suffix(".compare.html") if output is None else output
    check_output(target, picture, force=force)
    from rich.console import Console

    from licodec.evaluate.comparison import compare
    from licodec.evaluate.page import comparison_table

    console = Console(stderr=True)
    set_threads(threads)
    with console.status("reading") as status:
        try:
            comparison = compare(
                picture,
                codecs=codecs,
                quality=DEFAULT_QUALITY if quality is None else quality,
                bpp=bpp,
                profiles=profiles,
                tunes=tunes,
                efforts=efforts,
                device=device,
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
        _print_end(target, len(page), comparison)


def _check_usage(codecs: tuple[str, ...] | None, quality: float | None, bpp: float | None) -> None:
    if quality is not None and bpp is not None:
        raise click.UsageError("-q and --bpp both set the size; give one of them")
    if codecs is not None and "licodec" not in codecs and bpp is None:
        raise click.UsageError("without licodec among --codecs nothing sets the size; give --bpp")


def _print_end(target: Path, num_bytes: int, comparison: "Comparison") -> None:
    for note in comparison.notes:
        click.echo(f"licodec: {comparison.name}: note: {note}", err=True)
    click.echo(f"page {click.format_filename(target)}, {num_bytes / 1e6:.1f} MB", err=True)
