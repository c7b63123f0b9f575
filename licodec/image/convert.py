"""Turns a Pillow image of any mode or a uint8 array into a Picture, and a Picture back.

What becomes of each mode stands in `planes`; a line in `Picture.notes` tells wherever something is
changed or dropped.
"""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.config import check_kinds
from licodec.errors import ImageError, PictureWarning
from licodec.image.exif import EXIF_PREFIX
from licodec.image.hidden import without_hidden
from licodec.image.keep import keep_only
from licodec.image.picture import Picture, picture_of
from licodec.image.planes import split_channels, without_equal_channels
from licodec.image.reading import read_image


def picture_given(
    image: Image.Image | NDArray[Any], keep: Iterable[str], *, keeps_hidden: bool, stacklevel: int
) -> Picture:
    """What shall be encoded of what users hold; a `PictureWarning` for each of its notes.

    Args:
        image, keeps_hidden: as of `picture_from`.
        keep: kinds of metadata, of `config.METADATA_KINDS`.
        stacklevel: of the warnings, as `warnings.warn` counts from here.

    Raises:
        ImageError: as `picture_from`.
        ValueError: an unknown kind.
    """
    wanted = check_kinds(keep)
    picture = picture_from(image, keeps_hidden=keeps_hidden)
    picture = keep_only(picture, wanted)
    for note in picture.notes:
        warnings.warn(note, PictureWarning, stacklevel=stacklevel)
    return picture


def picture_from(image: Image.Image | NDArray[Any], *, keeps_hidden: bool = False) -> Picture:
    """Convert what users hold to what the codec takes.

    Args:
        image: a Pillow image, or a uint8 array (H, W), (H, W, 1) grey, (H, W, 2) grey and alpha,
            (H, W, 3) RGB, (H, W, 4) RGB and alpha.
        keeps_hidden: keep the colours under fully transparent pixels.

    Returns:
        The picture, upright: an EXIF orientation is applied to the pixels and its tag reset.
        Colours under fully transparent pixels are replaced (`without_hidden`) unless they are to
        be kept. A profile that is for another kind of pixels is dropped; colours that a PNG or
        AVIF file states without a profile become one, as long as the file is open.

    Raises:
        ImageError: another kind of object or array, no pixels, an unknown mode, or pixels that
            cannot be read.
    """
    if isinstance(image, np.ndarray):
        is_right = image.ndim == 2 or (image.ndim == 3 and 1 <= image.shape[2] <= 4)
        if image.dtype != np.uint8 or not is_right:
            raise ImageError(
                f"array is {image.dtype} {image.shape}; expected uint8 (height, width) or "
                "(height, width, 1 to 4)"
            )
        picture = picture_of(split_channels(image))
    elif not isinstance(image, Image.Image):
        raise ImageError(
            f"picture is a {type(image).__name__}; expected a Pillow image or a uint8 array"
        )
    elif 0 in image.size:
        raise ImageError(f"picture has {image.width}x{image.height} pixels; expected at least 1x1")
    else:
        picture = read_image(image)
    return picture if keeps_hidden else without_hidden(picture)


def to_image(picture: Picture) -> Image.Image:
    """A Pillow image of mode L, LA, RGB or RGBA with icc_profile, exif and xmp in its `info`."""
    image = Image.fromarray(picture.pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    if picture.icc is not None:
        image.info["icc_profile"] = picture.icc
    if picture.exif is not None:
        image.info["exif"] = EXIF_PREFIX + picture.exif
    if picture.xmp is not None:
        image.info["xmp"] = picture.xmp
    return image


def with_fewest_channels(picture: Picture) -> Picture:
    """RGB whose three channels are equal becomes grey, unless an RGB profile belongs to it."""
    if picture.is_grey or picture.icc is not None:
        return picture
    return replace(picture, pixels=np.ascontiguousarray(without_equal_channels(picture.pixels)))
