"""Reads picture files to a Picture, and writes them."""

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
from licodec.errors import ImageError
from licodec.files import write_file
from licodec.image.convert import (
    picture_from,
    to_image,
    with_fewest_channels,
)
from licodec.image.directories import Tag, size_of
from licodec.image.exif import (
    EXIF_PREFIX,
    Density,
    density_in,
    find_orientation,
    load_tags,
    without_orientation,
)
from licodec.image.faults import PILLOW_FAULTS, one_line, warnings_silenced
from licodec.image.fit import fit_to, without_exif
from licodec.image.formats import READ_FORMATS, WriteFormat, find_format
from licodec.image.hidden import without_hidden
from licodec.image.kinds import kind_not_read
from licodec.image.loading import mend
from licodec.image.original import bytes_of
from licodec.image.picture import Picture
from licodec.image.reading import read_tiff
from licodec.image.strangers import MAX_MAGIC_BYTES, name_stranger
from licodec.image.tags import writable_tags

_FILE_FAULTS: tuple[type[Exception], ...] = (*PILLOW_FAULTS, zlib.error)
_BOMBS: tuple[type[Exception], ...] = (
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)

# Pillow's words about files that may well be whole.
_UNKNOWN_KINDS = ("Unsupported", "unknown PCX mode")

# Of a PNG's text or profile when it is inflated; Pillow's own limit of 1 MiB refuses valid files.
_MAX_PNG_BLOCK_BYTES = 2**26

_ZLIB_RLE = 3
_SAVE_OPTIONS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        # Repeats alone, which photographs hardly have others than: a quarter of the time of zlib's
        # default and 1 % more bytes.
        "PNG": {"compress_type": _ZLIB_RLE},
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }
)


def read_picture(
    source: str | Path | BinaryIO, *, max_pixels: int = MAX_PIXELS, keeps_hidden: bool = False
) -> Picture:
    """Read the first picture of a file or binary stream; formats: `formats.READ_FORMATS`.

    The picture is upright, see `picture_from`, where `keeps_hidden` is explained, too; RGB whose
    channels are all equal becomes grey.

    Raises:
        ImageError: the file cannot be opened, is no picture, is damaged, or has more than
            `max_pixels` pixels.
    """
    if isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as stream:
                return read_picture(stream, max_pixels=max_pixels, keeps_hidden=keeps_hidden)
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror or one_line(error)}") from error
    with _pixel_limit(max_pixels):
        try:
            picture = _read_open(source, max_pixels)
            return with_fewest_channels(picture if keeps_hidden else without_hidden(picture))
        except _BOMBS as error:
            raise ImageError(
                f"has more than {max_pixels:,} pixels; allow more with --max-pixels or max_pixels"
            ) from error
        except _FILE_FAULTS as error:
            text = one_line(error)
            if text.startswith(_UNKNOWN_KINDS):
                raise ImageError(f"is not read: {text}; convert it to PNG first") from error
            raise ImageError(f"is damaged: {text}; get it again") from error


def _read_open(source: BinaryIO, max_pixels: int) -> Picture:
    """The picture of a stream, hidden colours as they are; Pillow's errors come as they are, but
    for what it does not know."""
    try:
        with Image.open(source, formats=READ_FORMATS) as image:
            _check_size(*image.size, max_pixels)
            return picture_from(image, keeps_hidden=True)
    except _FILE_FAULTS as error:
        data = bytes_of(source)
        found = mend(data)
        if found is not None:
            mended, notes = found
            _check_size(*mended.size, max_pixels)
            picture = picture_from(mended, keeps_hidden=True)
            return replace(picture, notes=notes + picture.notes)
        if not isinstance(error, UnidentifiedImageError):
            raise
        if (kind := kind_not_read(data)) is not None:
            raise ImageError(kind) from error
        width, height = size_of(data)
        if width * height:
            _check_size(width, height, max_pixels)
            return read_tiff(data)
        raise ImageError(name_stranger(data[:MAX_MAGIC_BYTES])) from error


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
    density = density_in(picture.exif) if chosen.has_density else None
    try:
        try:
            return _saved(fitted, chosen, density)
        except PILLOW_FAULTS as error:
            if fitted.exif is None:
                raise
            note = f"EXIF dropped: {chosen.name} cannot be written with it ({one_line(error)})"
            return _saved(without_exif(fitted, note), chosen, density)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"cannot be written as {chosen.name}: {one_line(error)}; choose PNG"
        ) from error


def _saved(
    fitted: Picture, chosen: WriteFormat, density: Density | None
) -> tuple[bytes, tuple[str, ...]]:
    """As `render_picture`, of a picture that fits the format."""
    image = to_image(fitted)
    image.info.clear()  # some writers take metadata from here unasked
    with warnings_silenced():
        metadata, notes = _metadata_options(fitted, chosen)
    options = dict(_SAVE_OPTIONS.get(chosen.name, {})) | metadata
    if density is not None:
        options["dpi"] = density
    buffer = io.BytesIO()
    # Pillow warns of tags that it mends for these.
    reads_tags = chosen.name in ("TIFF", "AVIF")
    with warnings_silenced() if reads_tags else contextlib.nullcontext():
        image.save(buffer, chosen.name, **options)
    return buffer.getvalue(), fitted.notes + notes


def _metadata_options(
    picture: Picture, chosen: WriteFormat
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What Pillow's writer must be given, since it drops what is not passed on; notes."""
    options: dict[str, Any] = {}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    if chosen.name == "TIFF":
        tags, notes = _tiff_options(picture)
        return options | tags, notes
    if picture.exif is not None:
        exif = picture.exif
        if chosen.name == "AVIF" and find_orientation(exif) == 1:
            exif = without_orientation(exif)  # else Pillow writes all tags anew
        options["exif"] = EXIF_PREFIX + exif
    if picture.xmp is not None and chosen.name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + picture.xmp)
        options["pnginfo"] = text
    elif picture.xmp is not None:
        options["xmp"] = picture.xmp
    return options, ()


def _tiff_options(picture: Picture) -> tuple[dict[str, Any], tuple[str, ...]]:
    """EXIF and XMP among the tags of the file, but none that tells how pixels are stored; notes."""
    tags, notes = writable_tags(load_tags(picture.exif) or Image.Exif())
    if find_orientation(picture.exif) == 1 and tags.get(Tag.ORIENTATION, 1) != 1:
        del tags[Tag.ORIENTATION]  # only Pillow understands it
    if picture.xmp is not None:
        tags[Tag.XMP] = picture.xmp
    return {"exif": tags} if len(tags) else {}, notes


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


def _check_size(width: int, height: int, max_pixels: int) -> None:
    num_pixels = width * height
    if num_pixels > max_pixels:
        raise ImageError(
            f"has {width}x{height} = {num_pixels:,} pixels, the limit is "
            f"{max_pixels:,}; allow more with --max-pixels or max_pixels"
        )
