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

from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from licodec.config import MAX_PIXELS
from licodec.errors import ImageError
from licodec.files import write_file
from licodec.image.convert import EXIF_PREFIX, PILLOW_FAULTS, one_line, picture_from, to_image
from licodec.image.formats import READ_FORMATS, WriteFormat, find_format
from licodec.image.picture import Picture

_XMP_TIFF_TAG = 700
_ORIENTATION_TAG = 0x0112
_FILE_FAULTS: tuple[type[Exception], ...] = (*PILLOW_FAULTS, zlib.error)
_BOMBS: tuple[type[Exception], ...] = (
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)

_SAVE_OPTIONS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }
)


def read_picture(source: str | Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read the first picture of a file or binary stream; formats: `formats.READ_FORMATS`.

    Pixels stay in the order of the file and an EXIF orientation stays in `exif`, except for TIFF,
    whose pixels Pillow turns and whose tag it removes.

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
                notes = _file_notes(image)
                picture = picture_from(image)
        except UnidentifiedImageError as error:
            raise ImageError(
                "is not a picture in a format that licodec reads, or is damaged; "
                "convert it to PNG with the program that made it"
            ) from error
        except _BOMBS as error:
            raise ImageError(
                f"has more than {max_pixels:,} pixels; allow more with --max-pixels or max_pixels"
            ) from error
        except _FILE_FAULTS as error:
            raise ImageError(f"is damaged: {one_line(error)}; get it again") from error
    return replace(picture, notes=notes + picture.notes)


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
        One line for each piece of metadata that the format cannot carry.

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
        ImageError: a format that cannot carry the alpha plane, the size or the metadata.
    """
    if picture.alpha is not None and not chosen.has_alpha:
        raise ImageError(
            f"has transparency, which {chosen.name} cannot carry; choose PNG, WebP, AVIF or TIFF"
        )
    image = to_image(picture)
    image.info.clear()  # some writers take metadata from here unasked
    if picture.exif is not None and not chosen.has_exif:
        image = _turn_upright(image, picture.exif)
    options = dict(_SAVE_OPTIONS.get(chosen.name, {})) | _metadata_options(picture, chosen)
    buffer = io.BytesIO()
    try:
        image.save(buffer, chosen.name, **options)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"cannot be written as {chosen.name}: {one_line(error)}; choose PNG"
        ) from error
    return buffer.getvalue(), _dropped(picture, chosen)


def _metadata_options(picture: Picture, chosen: WriteFormat) -> dict[str, Any]:
    """What Pillow's writer must be given, since it drops what is not passed on."""
    options: dict[str, Any] = {}
    if picture.icc is not None and chosen.has_icc:
        options["icc_profile"] = picture.icc
    if picture.exif is not None and chosen.has_exif:
        options["exif"] = EXIF_PREFIX + picture.exif
    if picture.xmp is None or not chosen.has_xmp:
        return options
    if chosen.name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + picture.xmp)
        options["pnginfo"] = text
    elif chosen.name == "TIFF":
        tags = _load_exif(picture.exif) or Image.Exif()
        tags[_XMP_TIFF_TAG] = picture.xmp
        options["exif"] = tags
    else:
        options["xmp"] = picture.xmp
    return options


def _dropped(picture: Picture, chosen: WriteFormat) -> tuple[str, ...]:
    blocks = (
        ("ICC profile", picture.icc, chosen.has_icc),
        ("EXIF", picture.exif, chosen.has_exif),
        ("XMP", picture.xmp, chosen.has_xmp),
    )
    return tuple(
        f"{name} dropped: {chosen.name} has no place for it"
        + ("; its orientation is applied" if name == "EXIF" else "")
        for name, block, is_kept in blocks
        if block is not None and not is_kept
    )


@contextlib.contextmanager
def _pixel_limit(max_pixels: int) -> Iterator[None]:
    """Pillow's own limit set to ours, its warnings about damaged metadata silenced."""
    earlier = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = earlier


def _check_size(image: Image.Image, max_pixels: int) -> None:
    num_pixels = image.width * image.height
    if num_pixels > max_pixels:
        raise ImageError(
            f"has {image.width}x{image.height} = {num_pixels:,} pixels, the limit is "
            f"{max_pixels:,}; allow more with --max-pixels or max_pixels"
        )


def _file_notes(image: Image.Image) -> tuple[str, ...]:
    """What opening the file as one 8-bit picture drops; asked before pixels are read.

    For AVIF and JPEG 2000 Pillow does not tell how many bits a sample had.
    """
    notes = []
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1:
        notes.append(f"only the first of {num_frames} pictures in the file is kept")
    if not image.mode.startswith(("I", "F")) and any(map(_is_deep, getattr(image, "tile", ()))):
        notes.append("16-bit samples reduced to 8 bits")
    return tuple(notes)


def _is_deep(tile: Any) -> bool:
    """Whether a tile of a picture file holds more than 8 bits per sample: a raw mode like
    RGB;16B, or a greatest value above 255 (PPM)."""
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return any(
        ";16" in arg or ";12" in arg
        if isinstance(arg, str)
        else tile[0].startswith("ppm") and isinstance(arg, int) and arg > 255
        for arg in args
    )


def _load_exif(exif: bytes | None) -> Image.Exif | None:
    """The tags of an EXIF block; None where there is none or no program could read it."""
    if exif is None:
        return None
    tags = Image.Exif()
    try:
        tags.load(EXIF_PREFIX + exif)
        len(tags)  # reads the tags
    except PILLOW_FAULTS:
        return None
    return tags


def _turn_upright(image: Image.Image, exif: bytes) -> Image.Image:
    """Apply the orientation of an EXIF block that will not be kept."""
    tags = _load_exif(exif)
    if tags is None:
        return image
    image.getexif()[_ORIENTATION_TAG] = tags.get(_ORIENTATION_TAG, 1)
    upright = ImageOps.exif_transpose(image)
    upright.info.clear()
    return upright
