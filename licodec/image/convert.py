"""A Pillow image of any mode or a uint8 array goes in; a Picture comes out, and back.

What becomes of each mode (a line in `Picture.notes` wherever colours change):

| mode | becomes |
|---|---|
| L, RGB | kept |
| 1 | grey 0 and 255 |
| LA, RGBA | kept; an alpha plane that is opaque everywhere is dropped |
| La, RGBa | colours divided by alpha |
| P, PA | RGB, or grey if the palette is grey and there is no ICC profile |
| L, RGB, P, I;16 with a transparent colour | the same with an alpha plane |
| RGBX | RGB |
| CMYK | sRGB by its ICC profile; without one (255 - C)(255 - K) / 255 and so on |
| LAB | sRGB by LittleCMS |
| YCbCr, HSV | RGB by Pillow's formulas |
| I;16 and its byte orders | grey, value / 257 rounded |
| I | grey; values are 16-bit unless none is above 255 and it is no PGM; clipped |
| F | grey; values are 0 to 255 unless all lie within 0 to 1; rounded and clipped |
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from licodec.errors import ImageError
from licodec.image.density import with_density
from licodec.image.exif import (
    EXIF_PREFIX,
    exif_of,
    find_orientation,
    reset_orientation,
    reset_xmp_orientation,
    turn,
)
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line
from licodec.image.hidden import fill_hidden
from licodec.image.icc import image_to_srgb, profile_space
from licodec.image.picture import Picture
from licodec.image.source import (
    notes_after_pixels,
    notes_before_pixels,
    profile_of,
    read_front,
    take_texts,
    xmp_of,
)

Uint8 = NDArray[np.uint8]
Planes = tuple[Uint8, Uint8 | None]  # pixels, alpha

_PHOTOMETRIC_TAG = 262
_PNG_DEPTH = 24  # offset of the bits per sample in a PNG file
_EXACT: Mapping[str, str] = MappingProxyType({"1": "L", "RGBX": "RGB"})
_BY_FORMULA: Mapping[str, str] = MappingProxyType(
    {
        "YCbCr": "YCbCr converted to RGB",
        "HSV": "HSV converted to RGB",
        "La": "colours divided by alpha",
        "RGBa": "colours divided by alpha",
    }
)
_TARGETS: Mapping[str, str] = MappingProxyType(
    {"YCbCr": "RGB", "HSV": "RGB", "La": "LA", "RGBa": "RGBA"}
)


def picture_from(image: Image.Image | NDArray[Any]) -> Picture:
    """Convert what users hold to what the codec takes.

    Args:
        image: a Pillow image, or a uint8 array (H, W), (H, W, 1) grey, (H, W, 2) grey and alpha,
            (H, W, 3) RGB, (H, W, 4) RGB and alpha.

    Returns:
        The picture, upright: an EXIF orientation is applied to the pixels and its tag reset.
        Colours under fully transparent pixels are replaced (`fill_hidden`). A profile that is for
        another kind of pixels is dropped; colours that a PNG or AVIF file states without a
        profile become one, as long as the file is open.

    Raises:
        ImageError: another kind of object or array, no pixels, an unknown mode, or pixels that
            cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _picture_of(_split_channels(_check_array(image)))
    if not isinstance(image, Image.Image):
        raise ImageError(
            f"picture is a {type(image).__name__}; expected a Pillow image or a uint8 array"
        )
    if 0 in image.size:
        raise ImageError(f"picture has {image.width}x{image.height} pixels; expected at least 1x1")
    texts: dict[Any, Any] = {}
    try:
        texts |= take_texts(image)
        front = read_front(image)
        notes = notes_before_pixels(image, front)
        image.load()
        texts |= take_texts(image)  # what stands behind the pixels
        planes, conversion_notes = _planes_from(image, front)
        icc, icc_notes = _profile_for(image, planes[0], front)
        exif, exif_notes = exif_of(image)
        exif, density_notes = with_density(image, exif)
        xmp = xmp_of(image)
        notes += conversion_notes + icc_notes + exif_notes + density_notes
        notes += notes_after_pixels(image)
    except PILLOW_FAULTS as error:
        raise ImageError(
            f"pixels cannot be read: {one_line(error)}; copy or download the file again"
        ) from error
    finally:
        image.info |= texts
    return _upright(_picture_of(planes, icc=icc, exif=exif, xmp=xmp, notes=notes))


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
    picture = Picture(pixels=pixels, alpha=alpha, icc=icc, exif=exif, xmp=xmp, notes=notes)
    if alpha is not None and alpha.min() == 0:
        picture = replace(picture, pixels=fill_hidden(pixels, alpha))
    return _contiguous(picture)


def _upright(picture: Picture) -> Picture:
    """The orientation of the EXIF block applied to the pixels, once, and reset."""
    orientation = find_orientation(picture.exif)
    if picture.exif is None or orientation == 1:
        return picture
    return _contiguous(
        replace(
            picture,
            pixels=turn(picture.pixels, orientation),
            alpha=None if picture.alpha is None else turn(picture.alpha, orientation),
            exif=reset_orientation(picture.exif),
            xmp=None if picture.xmp is None else reset_xmp_orientation(picture.xmp),
        )
    )


def _contiguous(picture: Picture) -> Picture:
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha)
    return replace(picture, pixels=np.ascontiguousarray(picture.pixels), alpha=alpha)


def _profile_for(
    image: Image.Image, pixels: Uint8, front: bytes
) -> tuple[bytes | None, tuple[str, ...]]:
    """The ICC profile of the converted pixels, and notes."""
    if image.mode in ("CMYK", "LAB"):  # converted to sRGB
        return None, ()
    icc = bytes_or_none(image.info.get("icc_profile"))
    is_grey = pixels.ndim == 2
    if icc is None:
        return profile_of(image, front, is_grey=is_grey)
    space, wanted = profile_space(icc), "GRAY" if is_grey else "RGB"
    if space is None:
        return None, ("ICC profile is damaged and dropped",)
    if space != wanted:
        kind = "grey" if is_grey else "RGB"
        return None, (f"ICC profile is for {space} pixels and dropped, these are {kind}",)
    return icc, ()


def _check_array(array: NDArray[Any]) -> Uint8:
    is_right = array.ndim == 2 or (array.ndim == 3 and 1 <= array.shape[2] <= 4)
    if array.dtype != np.uint8 or not is_right:
        raise ImageError(
            f"array is {array.dtype} {array.shape}; expected uint8 (height, width) or "
            "(height, width, 1 to 4)"
        )
    return array.astype(np.uint8, copy=False)


def _split_channels(array: Uint8) -> Planes:
    """(H, W), or (H, W, 1 to 4) in the order grey, alpha or R, G, B, alpha, to planes."""
    if array.ndim == 2:
        return array, None
    num_channels = array.shape[2]
    pixels = array[:, :, 0] if num_channels < 3 else array[:, :, :3]
    return pixels, (array[:, :, -1] if num_channels in (2, 4) else None)


def _planes_from(image: Image.Image, front: bytes) -> tuple[Planes, tuple[str, ...]]:
    mode = image.mode
    if mode in ("L", "1", "RGB") and "transparency" in image.info:
        keyed, notes = _with_key_of_8_bits(image, front)
        return _split_channels(np.asarray(keyed.convert("RGBA" if mode == "RGB" else "LA"))), notes
    if mode in ("L", "LA", "RGB", "RGBA"):
        return _split_channels(np.asarray(image)), ()
    if mode in _EXACT:
        return _split_channels(np.asarray(image.convert(_EXACT[mode]))), ()
    if mode in ("P", "PA"):
        return _from_palette(image), ()
    if mode in _BY_FORMULA:
        return _split_channels(np.asarray(image.convert(_TARGETS[mode]))), (_BY_FORMULA[mode],)
    if mode in _WITH_NOTE or mode.startswith("I;16"):
        return _WITH_NOTE.get(mode, _from_16_bit)(image)
    raise ImageError(f"pixels of mode {mode} are not supported; convert the picture to RGB first")


def _with_key_of_8_bits(image: Image.Image, front: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with its transparent colour on the scale of its samples; notes.

    Pillow brings a PNG's samples of 2, 4 and 16 bits to 8 and leaves the colour as the file has it.
    """
    is_png = image.format == "PNG" and len(front) > _PNG_DEPTH
    num_bits, key = front[_PNG_DEPTH] if is_png else 8, image.info["transparency"]
    if image.mode == "L" and num_bits in (2, 4):
        image = image.copy()
        image.info["transparency"] = key * 255 // (2**num_bits - 1)
    elif image.mode == "RGB" and num_bits == 16:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
        return image, ("transparent colour cut to 8 bits; colours that differ below turn with it",)
    return image, ()


def _from_palette(image: Image.Image) -> Planes:
    pixels, alpha = _split_channels(
        np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    )
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    profile = bytes_or_none(image.info.get("icc_profile")) or b""
    has_rgb_profile = profile_space(profile) == "RGB"  # it would not fit grey
    if not has_rgb_profile and np.array_equal(red, green) and np.array_equal(green, blue):
        pixels = red
    return pixels, alpha


def _from_cmyk(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    profile = bytes_or_none(image.info.get("icc_profile"))
    note = "CMYK without ICC profile converted to RGB by the plain formula"
    if profile is not None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = image_to_srgb(image, source)
        except PILLOW_FAULTS:
            note = "CMYK whose ICC profile is unusable converted to RGB by the plain formula"
        else:
            return (np.asarray(converted), None), ("CMYK converted to sRGB by its ICC profile",)
    return (np.asarray(image.convert("RGB")), None), (note,)


def _from_lab(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return (np.asarray(image_to_srgb(image, source)), None), ("LAB converted to sRGB",)


def _from_16_bit(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    if _is_white_zero(image):
        values = 65535 - values
    key = image.info.get("transparency")
    alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    return (_from_65535(values), alpha), ("16-bit grey reduced to 8 bits",)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white, which Pillow leaves unsaid for 16-bit samples."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG) == 0


def _from_int(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    # A PGM's samples have been brought to 16 bits, dark ones, too.
    if image.format == "PPM" or values.max() > 255:
        note = "integer grey reduced to 8 bits, values taken as 0 to 65535"
        return (_from_65535(np.clip(values, 0, 65535)), None), (note,)
    note = "integer grey reduced to 8 bits, values taken as 0 to 255"
    return (np.clip(values, 0, 255).astype(np.uint8), None), (note,)


def _from_65535(values: NDArray[Any]) -> Uint8:
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _from_float(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=255.0, neginf=0.0)
    top = 1 if values.min() >= 0 and values.max() <= 1 else 255
    grey = np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8)
    return (grey, None), (f"floating-point grey reduced to 8 bits, values taken as 0 to {top}",)


_WITH_NOTE: Mapping[str, Callable[[Image.Image], tuple[Planes, tuple[str, ...]]]]
_WITH_NOTE = MappingProxyType(
    {"CMYK": _from_cmyk, "LAB": _from_lab, "I": _from_int, "F": _from_float}
)
