"""`licodec thumbnail`: a .lic file goes in, a small PNG comes out."""

import io
import warnings
from pathlib import Path

import click

from licodec.cli.completers import complete_lic, complete_path
from licodec.cli.options import debug_option, force_option
from licodec.cli.plan import PIPE
from licodec.errors import LicodecError
from licodec.files import check_target, write_file


@click.command(
    epilog="""\b
Example:
  licodec thumbnail photo.lic photo.png --size 256"""
)
@click.argument("file", metavar="FILE.lic", shell_complete=complete_lic)
@click.argument("output", metavar="OUT", shell_complete=complete_path)
@click.option(
    "-s",
    "--size",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="N",
    help="Greatest width and height in pixels; smaller pictures keep their size.",
)
@force_option
@debug_option
def command(file: str, output: str, size: int, force: bool) -> None:
    """Write a small PNG of a .lic file, as file managers show it.

    OUT is a PNG file, whatever its name. An EXIF orientation is applied.
    """
    if PIPE in (file, output):
        raise click.UsageError("- is no file here; licodec decompress --max-size N takes pipes")
    source, target = Path(file), Path(output)
    check_target(target, source, force=force)
    write_file(target, _render(source, size), replace=force)


def _render(source: Path, size: int) -> bytes:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    from licodec.config import DEFAULT_TUNE, family_of
    from licodec.image.exif import EXIF_PREFIX, find_orientation, turn
    from licodec.pillow import FORMAT, register
    from licodec.profiles import list_profiles

    name = click.format_filename(source)
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(source, formats=[FORMAT])
        with image:
            family = family_of(image.info.get("tune", DEFAULT_TUNE))
            names = [profile.name for profile in list_profiles(family)]
            if names and image.info["profile"] not in names:  # nobody sees it in a small picture
                register(profile=names[0])
            image.thumbnail((size, size))
            pixels = np.asarray(image)
        orientation = find_orientation(image.info.get("exif", b"").removeprefix(EXIF_PREFIX))
        upright = Image.fromarray(turn(pixels, orientation))
        upright.save(buffer, "PNG", icc_profile=image.info.get("icc_profile"))
    except UnidentifiedImageError as error:
        raise LicodecError(f"{name}: is not a .lic file") from error
    except Image.DecompressionBombError as error:
        raise LicodecError(f"{name}: has too many pixels for a thumbnail") from error
    except OSError as error:
        raise LicodecError(f"{name}: {error.strerror or error}") from error
    return buffer.getvalue()
