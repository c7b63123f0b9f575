"""The pixels of a loaded Pillow image of any mode as planes of 8 bits.

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
| F | grey; white is 1 unless more than 5 % lie above 1.5, then 255 or 65535; rounded, clipped |

A line tells wherever colours change.
"""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageCms

from licodec.errors import ImageError
from licodec.image.deep import Uint8, from_floats, from_integers, to_8_bits
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.icc import image_to_srgb, profile_space

Planes = tuple[Uint8, Uint8 | None]  # pixels, alpha

_PHOTOMETRIC_TAG = 262
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


def split_channels(array: Uint8) -> Planes:
    """(H, W), or (H, W, 1 to 4) in the order grey, alpha or R, G, B, alpha, to planes."""
    if array.ndim == 2:
        return array, None
    num_channels = array.shape[2]
    pixels = array[:, :, 0] if num_channels < 3 else array[:, :, :3]
    return pixels, (array[:, :, -1] if num_channels in (2, 4) else None)


def planes_of(
    image: Image.Image, icc: bytes | None = None, *, num_bits: int = 8, gamma: float | None = None
) -> tuple[Planes, tuple[str, ...]]:
    """Pixels (H, W) or (H, W, 3), alpha (H, W) if there is some, and notes.

    Args:
        image: loaded.
        icc: its profile; one for RGB keeps grey palettes in colour, one for CMYK is used up.
        num_bits: bits of a sample in its file if that is a PNG.
        gamma: exponent from 16-bit grey to light if the samples take the curve of sRGB first.

    Raises:
        ImageError: another mode.
    """
    mode = image.mode
    if mode in ("L", "1", "RGB") and "transparency" in image.info:
        keyed, notes = _with_key_of_8_bits(image, num_bits)
        return split_channels(np.asarray(keyed.convert("RGBA" if mode == "RGB" else "LA"))), notes
    if mode in ("L", "LA", "RGB", "RGBA"):
        return split_channels(np.asarray(image)), ()
    if mode in _EXACT:
        return split_channels(np.asarray(image.convert(_EXACT[mode]))), ()
    if mode in ("P", "PA"):
        return _from_palette(image, icc), ()
    if mode in _BY_FORMULA:
        return split_channels(np.asarray(image.convert(_TARGETS[mode]))), (_BY_FORMULA[mode],)
    if mode == "CMYK":
        return from_cmyk(image, icc)
    if mode.startswith("I;16"):
        return _from_16_bit(image, gamma)
    if mode in _WITH_NOTE:
        return _WITH_NOTE[mode](image)
    raise ImageError(f"pixels of mode {mode} are not supported; convert the picture to RGB first")


def _with_key_of_8_bits(image: Image.Image, num_bits: int) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with its transparent colour on the scale of its samples; notes.

    Pillow brings a PNG's samples of 2, 4 and 16 bits to 8 and leaves the colour as the file has it.
    """
    key = image.info["transparency"]
    if image.mode == "L" and num_bits in (2, 4):
        image = image.copy()
        image.info["transparency"] = key * 255 // (2**num_bits - 1)
    elif image.mode == "RGB" and num_bits == 16:
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in key)
        return image, ("transparent colour cut to 8 bits; colours that differ below turn with it",)
    return image, ()


def _from_palette(image: Image.Image, icc: bytes | None) -> Planes:
    pixels, alpha = split_channels(
        np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    )
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    has_rgb_profile = profile_space(icc or b"") == "RGB"  # it would not fit grey
    if not has_rgb_profile and np.array_equal(red, green) and np.array_equal(green, blue):
        pixels = red
    return pixels, alpha


def from_cmyk(image: Image.Image, profile: bytes | None = None) -> tuple[Planes, tuple[str, ...]]:
    """As `planes_of`, of an image of mode CMYK."""
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


def _from_16_bit(image: Image.Image, gamma: float | None = None) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    if _is_white_zero(image):
        values = 65535 - values
    key = image.info.get("transparency")
    alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
    return (to_8_bits(values, gamma), alpha), ("16-bit grey reduced to 8 bits",)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white, which Pillow leaves unsaid for 16-bit samples."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG) == 0


def _from_int(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    values = np.asarray(image)
    # A PGM's samples have been brought to 16 bits, dark ones, too.
    num_bits = 16 if image.format == "PPM" or values.max() > 255 else 8
    scaled, value_range = from_integers(np.maximum(values, 0), num_bits, is_signed=False)
    note = f"integer grey reduced to 8 bits, values taken as {value_range}"
    return (to_8_bits(scaled), None), (note,)


def _from_float(image: Image.Image) -> tuple[Planes, tuple[str, ...]]:
    scaled, value_range = from_floats(np.asarray(image))
    note = f"floating-point grey reduced to 8 bits, values taken as {value_range}"
    return (to_8_bits(scaled), None), (note,)


_WITH_NOTE: Mapping[str, Callable[[Image.Image], tuple[Planes, tuple[str, ...]]]]
_WITH_NOTE = MappingProxyType({"LAB": _from_lab, "I": _from_int, "F": _from_float})
