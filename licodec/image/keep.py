"""Drops metadata of a Picture that is not wanted."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from licodec.config import check_kinds
from licodec.image.colours import convert_to_srgb
from licodec.image.exif_colours import stating_srgb
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.picture import Picture


def keep_only(picture: Picture, kinds: Iterable[str]) -> Picture:
    """Drop metadata; without its ICC profile a picture is converted to sRGB first.

    Args:
        picture: upright, as from `picture_from`.
        kinds: those of `config.METADATA_KINDS` that stay.

    Raises:
        ValueError: an unknown kind.
    """
    wanted = check_kinds(kinds)
    if "icc" not in wanted:
        picture = without_profile(picture, "its ICC profile is not kept")
    return replace(
        picture,
        exif=picture.exif if "exif" in wanted else None,
        xmp=picture.xmp if "xmp" in wanted else None,
    )


def without_profile(picture: Picture, reason: str) -> Picture:
    """The picture in sRGB without a profile; a note where samples change."""
    if picture.icc is None:
        return picture
    notes: tuple[str, ...]
    exif = picture.exif
    try:
        pixels = convert_to_srgb(picture.pixels, picture.icc)
    except PILLOW_FAULTS:
        pixels = picture.pixels
        notes = (f"ICC profile is unusable, colours are left as they are: {reason}",)
    else:
        changes = not np.array_equal(pixels, picture.pixels)
        notes = (f"colours converted to sRGB: {reason}",) * changes
        exif = None if exif is None else stating_srgb(exif)
    return replace(picture, pixels=pixels, icc=None, exif=exif, notes=picture.notes + notes)
