"""Turns a Pillow image of any mode or a uint8 array into a Picture, and a Picture back.

What becomes of each mode stands in `planes`; a line in `Picture.notes` tells wherever something is
changed or dropped.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.errors import ImageError
from licodec.image.deep import Uint8
from licodec.image.dpi import with_density
from licodec.image.exif import (
    EXIF_PREFIX,
    exif_of,
    exif_of_tags,
    find_orientation,
    load_tags,
    reset_orientation,
    reset_xmp_orientation,
    turn,
)
from licodec.image.exif import with_size as exif_with_size
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line
from licodec.image.hidden import fill_hidden
from licodec.image.icc import mend_profile
from licodec.image.original import Data, file_of
from licodec.image.picture import Picture
from licodec.image.planes import Planes, split_channels
from licodec.image.reading import planes_of_samples, read_pixels
from licodec.image.source import (
    facts_of,
    fit_profile,
    notes_after_pixels,
    notes_on_parts,
    num_pictures_in,
    take_texts,
    xmp_of,
)
from licodec.image.tiff import CMYK, name_of, samples_of, tags_of
from licodec.image.xmp import with_size as xmp_with_size
from licodec.image.xmp import without_claims

_XMP_TAG, _ICC_TAG = 700, 34675  # of a TIFF


def picture_from(image: Image.Image | NDArray[Any], *, keeps_hidden: bool = False) -> Picture:
    """Convert what users hold to what the codec takes.

    Args:
        image: a Pillow image, or a uint8 array (H, W), (H, W, 1) grey, (H, W, 2) grey and alpha,
            (H, W, 3) RGB, (H, W, 4) RGB and alpha.
        keeps_hidden: keep the colours under fully transparent pixels.

    Returns:
        The picture, upright: an EXIF orientation is applied to the pixels and its tag reset.
        Colours under fully transparent pixels are replaced (`without_hidden`) unless they are to
        be kept. A profile that is for
        another kind of pixels is dropped; colours that a PNG or AVIF file states without a
        profile become one, as long as the file is open.

    Raises:
        ImageError: another kind of object or array, no pixels, an unknown mode, or pixels that
            cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _filled(_picture_of(split_channels(_check_array(image))), keeps_hidden)
    if not isinstance(image, Image.Image):
        raise ImageError(
            f"picture is a {type(image).__name__}; expected a Pillow image or a uint8 array"
        )
    if 0 in image.size:
        raise ImageError(f"picture has {image.width}x{image.height} pixels; expected at least 1x1")
    texts: dict[Any, Any] = {}
    try:
        texts |= take_texts(image)
        data = file_of(image)
        return _filled(_upright(_read(image, data, texts)), keeps_hidden)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"pixels cannot be read: {one_line(error)}; copy or download the file again"
        ) from error
    finally:
        image.info |= texts


def picture_from_tiff(data: Data) -> Picture:
    """The first picture of a TIFF that Pillow does not open.

    Raises:
        ImageError: the file is damaged, or its layout is not read here either.
    """
    samples, tags = samples_of(data), tags_of(data)
    if samples is None or tags is None:
        layout = "an unknown layout" if tags is None else name_of(tags)
        raise ImageError(
            f"is a TIFF of {layout}, which licodec does not read, or is damaged; "
            "save it with 8 or 16 bits per channel"
        )
    found = bytes_or_none(tags.get(_ICC_TAG))
    icc = None if found is None else mend_profile(found)
    planes, notes = planes_of_samples(samples, icc)
    if found is not None and icc is None:
        notes += ("ICC profile is damaged and dropped",)
    exif, exif_notes = exif_of_tags(load_tags(data[:]))
    exif = None if exif is None else reset_orientation(exif)
    xmp = bytes_or_none(tags.get(_XMP_TAG))
    if icc is not None and samples.photometric == CMYK:  # used up
        icc = None
    elif icc is not None:
        icc, profile_notes = fit_profile(icc, is_grey=planes[0].ndim == 2)
        notes += profile_notes
    return _picture_of(planes, icc=icc, exif=exif, xmp=xmp, notes=notes + exif_notes)


def _read(image: Image.Image, data: Data, texts: dict[Any, Any]) -> Picture:
    """The picture as it lies in its file; the texts of a PNG are added to `texts`."""
    facts = facts_of(image, data)
    num_pictures = num_pictures_in(image)
    found = read_pixels(image, data, facts, texts)
    image = found.image
    exif, exif_notes = exif_of(image)
    exif, density_notes = with_density(image, exif)
    if exif is not None and found.is_turned:
        exif = reset_orientation(exif)
    notes = found.notes + exif_notes + density_notes
    xmp = xmp_of(image) or facts.xmp
    claimed = frozenset[str]()
    if xmp is not None:
        xmp, claimed = without_claims(xmp, facts.gone)
    notes += notes_after_pixels(image) + notes_on_parts(facts, claimed, num_pictures)
    return _picture_of(found.planes, icc=found.icc, exif=exif, xmp=xmp, notes=notes)


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
    red, green, blue = (picture.pixels[:, :, i] for i in range(3))
    if not (np.array_equal(red, green) and np.array_equal(green, blue)):
        return picture
    return replace(picture, pixels=np.ascontiguousarray(red))


def _picture_of(
    planes: Planes,
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    notes: tuple[str, ...] = (),
) -> Picture:
    pixels, alpha = planes
    if alpha is not None and alpha.size and alpha.min() == 255:
        alpha = None
    return _contiguous(
        Picture(pixels=pixels, alpha=alpha, icc=icc, exif=exif, xmp=xmp, notes=notes)
    )


def _filled(picture: Picture, keeps_hidden: bool) -> Picture:
    return picture if keeps_hidden else without_hidden(picture)


def without_hidden(picture: Picture) -> Picture:
    """Colours under fully transparent pixels replaced (`fill_hidden`), with a note where nothing
    else is in the picture."""
    alpha, pixels, notes = picture.alpha, picture.pixels, picture.notes
    if alpha is None or alpha.min() > 0:
        return picture
    if not alpha.any() and (pixels != pixels[:1, :1]).any():
        notes += ("all pixels are fully transparent; the colours below are dropped",)
    return _contiguous(replace(picture, pixels=fill_hidden(pixels, alpha), notes=notes))


def _upright(picture: Picture) -> Picture:
    """The orientation of the EXIF block applied to the pixels, once, and reset."""
    orientation = find_orientation(picture.exif)
    if picture.exif is None or orientation == 1:
        return picture
    turned = replace(
        picture,
        pixels=turn(picture.pixels, orientation),
        alpha=None if picture.alpha is None else turn(picture.alpha, orientation),
        exif=reset_orientation(picture.exif),
        xmp=None if picture.xmp is None else reset_xmp_orientation(picture.xmp),
    )
    return _contiguous(resized(turned) if orientation >= 5 else turned)


def resized(picture: Picture) -> Picture:
    """Metadata of a picture that was turned, cut or made smaller: its size, no thumbnails."""
    size = picture.width, picture.height
    return replace(
        picture,
        exif=None if picture.exif is None else exif_with_size(picture.exif, *size),
        xmp=None if picture.xmp is None else xmp_with_size(picture.xmp, *size),
    )


def _contiguous(picture: Picture) -> Picture:
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha)
    return replace(picture, pixels=np.ascontiguousarray(picture.pixels), alpha=alpha)


def _check_array(array: NDArray[Any]) -> Uint8:
    is_right = array.ndim == 2 or (array.ndim == 3 and 1 <= array.shape[2] <= 4)
    if array.dtype != np.uint8 or not is_right:
        raise ImageError(
            f"array is {array.dtype} {array.shape}; expected uint8 (height, width) or "
            "(height, width, 1 to 4)"
        )
    return array.astype(np.uint8, copy=False)
