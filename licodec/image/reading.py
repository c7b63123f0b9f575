"""Reads a Pillow image, opened or loaded, to a picture: samples, colours, metadata."""

import io
from dataclasses import replace
from typing import Any

from PIL import Image

from licodec.errors import ImageError
from licodec.image.directories import Tag, tags_of
from licodec.image.exif import load_tags
from licodec.image.facts import NOTHING, Facts
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line
from licodec.image.ico import png_in_icon
from licodec.image.kinds import kind_not_read
from licodec.image.loading import (
    Loaded,
    is_as_in,
    load,
    load_tiff,
    notes_on_number,
    num_pictures_in,
)
from licodec.image.metadata import exif_of_tags, metadata_of
from licodec.image.original import Data, file_of
from licodec.image.picture import Picture, picture_of
from licodec.image.planes import planes_of
from licodec.image.png import take_texts
from licodec.image.profile import StatedProfile, profile_for, profile_in
from licodec.image.source import facts_of


def read_image(image: Image.Image) -> Picture:
    """The picture of an image, upright; colours under transparent pixels are kept.

    Raises:
        ImageError: an unknown mode, or pixels that cannot be read.
    """
    texts: dict[Any, Any] = {}
    data: Data = b""
    try:
        data = file_of(image)
        return _read(image, data, texts)
    except PILLOW_FAULTS as error:
        raise ImageError(
            kind_not_read(data)
            or f"pixels cannot be read: {one_line(error)}; copy or download the file again"
        ) from error
    finally:
        image.info |= texts


def _read(image: Image.Image, data: Data, texts: dict[Any, Any]) -> Picture:
    """As `read_image`; what is taken out of `info` for the time is added to `texts`."""
    texts |= take_texts(image)
    notes = tuple[str, ...]()
    png = png_in_icon(data, image.size) if image.format == "ICO" else None
    if png is not None and is_as_in(image, png, "PNG"):
        notes = notes_on_number(image, num_pictures_in(image))
        image, data = Image.open(io.BytesIO(png), formats=["PNG"]), png
        take_texts(image)
    facts = facts_of(image, data)
    profile = profile_in(image, facts)
    loaded = load(image, data, facts, is_deep=profile.gamma is not None)
    image = loaded.image
    texts |= take_texts(image)  # those behind the pixels
    picture = _picture(loaded, facts, profile)
    return replace(picture, notes=notes + picture.notes) if notes else picture


def _picture(loaded: Loaded, facts: Facts, profile: StatedProfile) -> Picture:
    """Of a loaded image."""
    image, planes = loaded.image, planes_of(loaded, facts, profile)
    notes = loaded.notes + planes.notes + profile.notes
    icc = None
    if not planes.is_srgb:
        is_grey = planes.pixels.ndim == 2
        icc, fitted = profile_for(
            image, facts, profile.icc, is_grey=is_grey, is_curved=planes.is_curved
        )
        notes += fitted
    size = planes.pixels.shape[1], planes.pixels.shape[0]
    metadata = metadata_of(loaded, facts, size)
    return picture_of(
        planes,
        icc=icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
        notes=notes + metadata.notes,
        orientation=metadata.orientation,
    )


def read_tiff(data: Data) -> Picture:
    """The first picture of a TIFF that Pillow does not open.

    Raises:
        ImageError: the file is damaged, or its layout is not read here either.
    """
    tags = tags_of(data)
    if tags is None:
        raise ImageError("is a TIFF whose first directory is damaged; get it again")
    exif, exif_notes = exif_of_tags(load_tags(data[:]))
    found = (("icc_profile", tags.get(Tag.ICC)), ("xmp", tags.get(Tag.XMP)), ("exif", exif))
    image = Image.new("L", (1, 1))  # for the metadata alone
    image.format = "TIFF"
    image.info |= {name: value for name, value in found if bytes_or_none(value)}
    profile = profile_in(image, NOTHING)
    loaded = load_tiff(image, data, tags, is_open=False, is_deep=profile.gamma is not None)
    picture = _picture(loaded, NOTHING, profile)
    return replace(picture, notes=picture.notes + exif_notes)
