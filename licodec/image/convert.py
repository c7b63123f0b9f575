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
| I | grey; values are 16-bit unless none is above 255; clipped |
| F | grey; values are 0 to 255 unless all lie within 0 to 1; rounded and clipped |
"""

import io
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from licodec.errors import ImageError
from licodec.image.hidden import fill_hidden
from licodec.image.picture import Picture

EXIF_PREFIX = b"Exif\0\0"

Uint8 = NDArray[np.uint8]
Planes = tuple[Uint8, Uint8 | None]  # pixels, alpha

# What Pillow raises while it unpacks or converts damaged pixels or metadata.
PILLOW_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    ImageCms.PyCMSError,
)

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
        The picture; colours under fully transparent pixels are replaced (`fill_hidden`).

    Raises:
        ImageError: another kind of object or array, no pixels, an unknown mode, or pixels that
            cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _picture_of(*_split_channels(_check_array(image)))
    if not isinstance(image, Image.Image):
        raise ImageError(
            f"picture is a {type(image).__name__}; expected a Pillow image or a uint8 array"
        )
    if 0 in image.size:
        raise ImageError(f"picture has {image.width}x{image.height} pixels; expected at least 1x1")
    try:
        image.load()
        (pixels, alpha), notes = _planes_from(image)
        keeps_profile = image.mode not in ("CMYK", "LAB")
        icc = _bytes_or_none(image.info.get("icc_profile")) if keeps_profile else None
        exif, exif_notes = _exif_of(image)
        xmp = _bytes_or_none(image.info.get("xmp"))
    except PILLOW_FAULTS as error:
        raise ImageError(f"pixels cannot be read: {one_line(error)}") from error
    return _picture_of(pixels, alpha, icc=icc, exif=exif, xmp=xmp, notes=notes + exif_notes)


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


def one_line(error: BaseException) -> str:
    """The text of an exception without line breaks; its class where there is no text."""
    return " ".join(str(error).split()) or type(error).__name__


def _picture_of(
    pixels: Uint8,
    alpha: Uint8 | None,
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    notes: tuple[str, ...] = (),
) -> Picture:
    if alpha is not None and alpha.size and alpha.min() == 255:
        alpha = None
    picture = Picture(
        pixels=np.ascontiguousarray(pixels),
        alpha=None if alpha is None else np.ascontiguousarray(alpha),
        icc=icc,
        exif=exif,
        xmp=xmp,
        notes=notes,
    )
    if picture.alpha is None or picture.alpha.min() > 0:
        return picture
    filled = fill_hidden(picture.pixels, picture.alpha)
    return Picture(
        pixels=filled, alpha=picture.alpha, icc=icc, exif=exif, xmp=xmp, notes=picture.notes
    )


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


def _planes_from(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    mode = image.mode
    if mode in ("L", "1", "RGB") and "transparency" in image.info:
        return _split_channels(np.asarray(image.convert("RGBA" if mode == "RGB" else "LA"))), ()
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


def _from_palette(image: Image.Image) -> Planes:
    pixels, alpha = _split_channels(
        np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    )
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    has_profile = bool(image.info.get("icc_profile"))  # an RGB profile would not fit grey
    if not has_profile and np.array_equal(red, green) and np.array_equal(green, blue):
        pixels = red
    return pixels, alpha


def _from_cmyk(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    profile = _bytes_or_none(image.info.get("icc_profile"))
    note = "CMYK without ICC profile converted to RGB by the plain formula"
    if profile is not None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = _to_srgb(image, source)
        except PILLOW_FAULTS:
            note = "CMYK whose ICC profile is unusable converted to RGB by the plain formula"
        else:
            return (np.asarray(converted), None), ("CMYK converted to sRGB by its ICC profile",)
    return (np.asarray(image.convert("RGB")), None), (note,)


def _from_lab(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return (np.asarray(_to_srgb(image, source)), None), ("LAB converted to sRGB",)


def _to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(
        source,
        target,
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    converted = Image.new("RGB", image.size)
    transform.apply(image, converted)
    return converted


def _from_16_bit(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    key = image.info.get("transparency")
    alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    return (_from_65535(values), alpha), ("16-bit grey reduced to 8 bits",)


def _from_int(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    if values.max() > 255:
        note = "32-bit grey reduced to 8 bits, values taken as 0 to 65535"
        return (_from_65535(np.clip(values, 0, 65535)), None), (note,)
    note = "32-bit grey reduced to 8 bits, values taken as 0 to 255"
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


def _bytes_or_none(value: object) -> bytes | None:
    """Metadata as bytes; Pillow and its users hold it as bytes or text, or not at all."""
    if isinstance(value, str):
        value = value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def _exif_of(image: Image.Image) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block as the file has it, or as Pillow rebuilds it from a TIFF's tags; notes."""
    raw = _bytes_or_none(image.info.get("exif"))
    if raw is not None:
        return raw.removeprefix(EXIF_PREFIX) or None, ()
    # Elsewhere Pillow would make a block up from the orientation that an XMP packet states.
    if image.format != "TIFF" and "Raw profile type exif" not in image.info:
        return None, ()
    try:
        exif = image.getexif()
        for tag in _TIFF_LAYOUT_TAGS:
            exif.pop(tag, None)
        raw = exif.tobytes() if len(exif) else b""
    except PILLOW_FAULTS as error:
        return None, (f"EXIF is unreadable and dropped ({one_line(error)})",)
    return raw.removeprefix(EXIF_PREFIX) or None, ()


# Tags that describe how a TIFF file stores its pixels, or that are kept elsewhere in a Picture.
_TIFF_LAYOUT_TAGS = (
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289,
    290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 333, 334,
    336, 337, 338, 339, 340, 341, 342, 347, 512, 513, 514, 529, 530, 531, 532, 700, 34675,
)  # fmt: skip
