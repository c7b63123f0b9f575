"""A picture file goes in and a Picture comes out, or the other way round."""

import contextlib
import io
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from licodec.config import MAX_PIXELS
from licodec.container.format import MAGIC_BYTES
from licodec.errors import ImageError
from licodec.files import write_file
from licodec.image.convert import picture_from, to_image, with_fewest_channels
from licodec.image.density import density_in
from licodec.image.exif import EXIF_PREFIX, TIFF_LAYOUT_TAGS, load_tags
from licodec.image.faults import PILLOW_FAULTS, one_line, warnings_silenced
from licodec.image.fit import fit_to
from licodec.image.formats import READ_FORMATS, WriteFormat, find_format
from licodec.image.picture import Picture

_XMP_TIFF_TAG = 700
_FILE_FAULTS: tuple[type[Exception], ...] = (*PILLOW_FAULTS, zlib.error)
_BOMBS: tuple[type[Exception], ...] = (
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)

# Of a PNG's text or profile when it is inflated; Pillow's own limit of 1 MiB refuses valid files.
_MAX_PNG_BLOCK_BYTES = 2**26

_SAVE_OPTIONS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }
)


def read_picture(source: str | Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read the first picture of a file or binary stream; formats: `formats.READ_FORMATS`.

    The picture is upright, see `picture_from`; RGB whose channels are all equal becomes grey.

    Raises:
        ImageError: the file cannot be opened, is no picture, is damaged, or has more than
            `max_pixels` pixels.
    """
    if isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as stream:
                return read_picture(stream, max_pixels=max_pixels)
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror or one_line(error)}") from error
    with _pixel_limit(max_pixels):
        try:
            with Image.open(source, formats=READ_FORMATS) as image:
                _check_size(image, max_pixels)
                return with_fewest_channels(picture_from(image))
        except UnidentifiedImageError as error:
            raise ImageError(_name_stranger(source)) from error
        except _BOMBS as error:
            raise ImageError(
                f"has more than {max_pixels:,} pixels; allow more with --max-pixels or max_pixels"
            ) from error
        except _FILE_FAULTS as error:
            raise ImageError(f"is damaged: {one_line(error)}; get it again") from error


def write_picture(
    picture: Picture,
    target: str | Path | BinaryIO,
    format: str | None = None,  # noqa: A002 - the name that Pillow uses
) -> tuple[str, ...]:
    """Write a picture file; a path gets it whole or not at all, and is replaced if it exists.

    Args:
        picture: what to write. PNG, WebP, TIFF, BMP, PPM and JPEG 2000 keep pixels exactly; JPEG
            and AVIF are written at quality 95 with full colour resolution.
        target: path or binary stream.
        format: a name of `formats.WRITE_FORMATS`; None takes it from the path's extension, and
            PNG for a stream.

    Returns:
        One line for each piece of metadata that the format cannot carry, see `fit.fit_to`.

    Raises:
        ImageError: unknown format, or one that cannot carry the alpha plane or the size.
        LicodecError: the target cannot be written.
    """
    chosen = find_format(target, format)
    data, notes = render_picture(picture, chosen)
    if isinstance(target, str | Path):
        write_file(Path(target), data, replace=True)
        return notes
    try:
        target.write(data)
    except OSError as error:
        raise ImageError(f"cannot be written: {error.strerror or one_line(error)}") from error
    return notes


def render_picture(picture: Picture, chosen: WriteFormat) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a picture file, and notes as from `write_picture`.

    Raises:
        ImageError: a format that cannot carry the alpha plane or the size.
    """
    fitted = fit_to(replace(picture, notes=()), chosen)
    image = to_image(fitted)
    image.info.clear()  # some writers take metadata from here unasked
    options = dict(_SAVE_OPTIONS.get(chosen.name, {})) | _metadata_options(fitted, chosen)
    density = density_in(picture.exif) if chosen.has_density else None
    if density is not None:
        options["dpi"] = density
    buffer = io.BytesIO()
    try:
        image.save(buffer, chosen.name, **options)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"cannot be written as {chosen.name}: {one_line(error)}; choose PNG"
        ) from error
    return buffer.getvalue(), fitted.notes


def _metadata_options(picture: Picture, chosen: WriteFormat) -> dict[str, Any]:
    """What Pillow's writer must be given, since it drops what is not passed on."""
    options: dict[str, Any] = {}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    if chosen.name == "TIFF":
        return options | _tiff_options(picture)
    if picture.exif is not None:
        options["exif"] = EXIF_PREFIX + picture.exif
    if picture.xmp is not None and chosen.name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + picture.xmp)
        options["pnginfo"] = text
    elif picture.xmp is not None:
        options["xmp"] = picture.xmp
    return options


def _tiff_options(picture: Picture) -> dict[str, Any]:
    """EXIF and XMP among the tags of the file, but none that tells how pixels are stored."""
    tags = load_tags(picture.exif) or Image.Exif()
    for tag in TIFF_LAYOUT_TAGS:
        tags.pop(tag, None)
    if picture.xmp is not None:
        tags[_XMP_TIFF_TAG] = picture.xmp
    return {"exif": tags} if len(tags) else {}


@contextlib.contextmanager
def _pixel_limit(max_pixels: int) -> Iterator[None]:
    """Pillow's own limits set to ours, its warnings about damaged metadata silenced.

    All are settings of the process, so that threads read one picture after the other.
    """
    with warnings_silenced():
        earlier = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        PngImagePlugin.MAX_TEXT_CHUNK = _MAX_PNG_BLOCK_BYTES
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = earlier


def _check_size(image: Image.Image, max_pixels: int) -> None:
    num_pixels = image.width * image.height
    if num_pixels > max_pixels:
        raise ImageError(
            f"has {image.width}x{image.height} = {num_pixels:,} pixels, the limit is "
            f"{max_pixels:,}; allow more with --max-pixels or max_pixels"
        )


def _name_stranger(source: BinaryIO) -> str:
    """The message for a file that Pillow does not open, by its first bytes."""
    source.seek(0)
    head = source.read(_MAX_MAGIC_BYTES)
    for offset, magic, message in _STRANGERS:
        if head.startswith(magic, offset):
            return message
    return (
        "is not a picture in a format that licodec reads, or is damaged; "
        "convert it to PNG with the program that made it"
    )


_MAX_MAGIC_BYTES = 16
_DEEP_TIFF = (
    "is a TIFF of a kind that licodec does not read, such as 32-bit colour, or is damaged; "
    "save it with 8 or 16 bits per channel"
)
_STRANGERS = (
    (0, MAGIC_BYTES, "is a .lic file already; licodec decompress makes a picture of it"),
    (0, b"II*\0", _DEEP_TIFF),
    (0, b"MM\0*", _DEEP_TIFF),
    (4, b"ftyphei", "is HEIC, which licodec does not read; convert it to PNG or JPEG first"),
    (4, b"JXL ", "is JPEG XL, which licodec does not read; convert it to PNG with djxl"),
    (0, b"\xff\x0a", "is JPEG XL, which licodec does not read; convert it to PNG with djxl"),
)
