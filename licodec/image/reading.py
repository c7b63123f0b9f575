"""Reads a Pillow image, opened or loaded, to a picture: samples, colours, metadata."""

import io
from typing import Any

from PIL import Image

from licodec.errors import ImageError
from licodec.image.deep import planes_of_samples
from licodec.image.exif import load_tags, reset_orientation
from licodec.image.facts import NOTHING
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line
from licodec.image.icc import fit_profile, mend_profile
from licodec.image.ico import png_in_icon
from licodec.image.loading import is_as_in, load, notes_before_pixels, num_pictures_in
from licodec.image.metadata import exif_of_tags, metadata_of
from licodec.image.original import Data, file_of
from licodec.image.picture import Picture, picture_of
from licodec.image.planes import planes_of
from licodec.image.png import take_texts
from licodec.image.profile import profile_for, profile_in
from licodec.image.source import facts_of
from licodec.image.tiff import name_of, samples_of, tags_of

_XMP_TAG, _ICC_TAG = 700, 34675  # of a TIFF


def read_image(image: Image.Image) -> Picture:
    """The picture of an image, upright; colours under transparent pixels are kept.

    Raises:
        ImageError: an unknown mode, or pixels that cannot be read.
    """
    texts: dict[Any, Any] = {}
    try:
        return _read(image, texts)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"pixels cannot be read: {one_line(error)}; copy or download the file again"
        ) from error
    finally:
        image.info |= texts


def _read(image: Image.Image, texts: dict[Any, Any]) -> Picture:
    """As `read_image`; what is taken out of `info` for the time is added to `texts`."""
    texts |= take_texts(image)
    data, notes = file_of(image), tuple[str, ...]()
    png = png_in_icon(data, image.size) if image.format == "ICO" else None
    if png is not None and is_as_in(image, png, "PNG"):
        notes = notes_before_pixels(image, NOTHING, num_pictures_in(image))
        image, data = Image.open(io.BytesIO(png), formats=["PNG"]), png
        take_texts(image)
    facts = facts_of(image, data)
    profile = profile_in(image, facts)
    loaded = load(image, data, facts, is_deep=profile.gamma is not None)
    image = loaded.image
    texts |= take_texts(image)  # those behind the pixels
    planes = planes_of(loaded, facts, profile)
    notes += loaded.notes + planes.notes + profile.notes
    icc = None
    if not planes.is_srgb:
        is_grey = planes.pixels.ndim == 2
        icc, fitted = profile_for(
            image, facts, profile.icc, is_grey=is_grey, is_curved=planes.is_curved
        )
        notes += fitted
    size = planes.pixels.shape[1], planes.pixels.shape[0]
    is_upright = loaded.samples is not None
    metadata = metadata_of(image, facts, loaded.num_pictures, size, is_upright=is_upright)
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
    samples = None if tags is None else samples_of(data, tags)
    if samples is None or tags is None:
        layout = "an unknown layout" if tags is None else name_of(tags)
        raise ImageError(
            f"is a TIFF of {layout}, which licodec does not read, or is damaged; "
            "save it with 8 or 16 bits per channel"
        )
    found = bytes_or_none(tags.get(_ICC_TAG))
    icc = None if found is None else mend_profile(found)
    planes = planes_of_samples(samples, icc)
    notes = planes.notes
    if found is not None and icc is None:
        notes += ("ICC profile is damaged and dropped",)
    icc, icc_notes = fit_profile(None if planes.is_srgb else icc, is_grey=planes.pixels.ndim == 2)
    exif, exif_notes = exif_of_tags(load_tags(data[:]))
    return picture_of(
        planes,
        icc=icc,
        exif=None if exif is None else reset_orientation(exif),
        xmp=bytes_or_none(tags.get(_XMP_TAG)),
        notes=notes + icc_notes + exif_notes,
    )
