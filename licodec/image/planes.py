"""Makes planes of 8 bits of a loaded Pillow image of any mode.

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

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from PIL import Image

from licodec.errors import ImageError
from licodec.image.colours import cmyk_planes, lab_planes
from licodec.image.deep import Uint8, grey_planes, join_bytes, planes_of_samples
from licodec.image.facts import Facts
from licodec.image.loading import Loaded
from licodec.image.picture import Planes
from licodec.image.profile import StatedProfile

# Of modes that Pillow converts: the mode wanted, and the note.
_CONVERTED: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "1": ("L", ()),
        "RGBX": ("RGB", ()),
        "YCbCr": ("RGB", ("YCbCr converted to RGB",)),
        "HSV": ("RGB", ("HSV converted to RGB",)),
        "La": ("LA", ("colours divided by alpha",)),
        "RGBa": ("RGBA", ("colours divided by alpha",)),
    }
)
# Their writers leave the fourth sample 0 where they mean no alpha.
_LOOSE_ALPHA = frozenset(("BMP", "DIB", "TGA", "ICO"))
_NARROW_BLACK, _NARROW_RANGE = 16, 219


def planes_of(loaded: Loaded, facts: Facts, profile: StatedProfile) -> Planes:
    """Pixels and alpha of a loaded image.

    Args:
        loaded: the image, or its samples where Pillow does not read them rightly.
        facts: of its file.
        profile: of its file; one for RGB keeps grey palettes in colour, one for CMYK is used up.

    Raises:
        ImageError: another mode.
    """
    image, gamma = loaded.image, profile.gamma
    mode = image.mode if loaded.samples is None else ""  # what Pillow calls those does not matter
    planes = _plain_planes(image, mode, facts, profile.space)
    if planes is not None and loaded.lower is not None and gamma is not None:
        pixels = join_bytes(image, loaded.lower, gamma)
        planes = replace(planes, pixels=pixels, is_curved=True)
    elif mode.startswith("I;16") or mode in ("I", "F"):
        planes = grey_planes(image, gamma)
    elif loaded.samples is not None:
        planes = planes_of_samples(loaded.samples, profile.icc, gamma)
    elif mode == "CMYK":
        planes = cmyk_planes(image, profile.icc)
    elif mode == "LAB":
        planes = lab_planes(image)
    if planes is None:
        raise ImageError(
            f"pixels of mode {mode} are not supported; convert the picture to RGB first"
        )
    return _corrected(image, facts, planes)


def split_channels(array: Uint8, notes: tuple[str, ...] = ()) -> Planes:
    """(H, W), or (H, W, 1 to 4) in the order grey, alpha or R, G, B, alpha, to planes."""
    if array.ndim == 2:
        return Planes(pixels=array, notes=notes)
    num_channels = array.shape[2]
    pixels = array[:, :, 0] if num_channels < 3 else array[:, :, :3]
    alpha = array[:, :, -1] if num_channels in (2, 4) else None
    return Planes(pixels=pixels, alpha=alpha, notes=notes)


def without_equal_channels(pixels: Uint8) -> Uint8:
    """(H, W) of (H, W, 3) whose channels are all equal; others as they are."""
    red, green, blue = (pixels[:, :, i] for i in range(3))
    return red if np.array_equal(red, green) and np.array_equal(green, blue) else pixels


def _plain_planes(image: Image.Image, mode: str, facts: Facts, space: str | None) -> Planes | None:
    """Of modes of 8 bits that need no profile; None for others."""
    if mode in ("L", "1", "RGB") and "transparency" in image.info:
        keyed, notes = _with_key_of_8_bits(image, facts.num_bits)
        wanted = "RGBA" if mode == "RGB" else "LA"
        planes = split_channels(np.asarray(keyed.convert(wanted)), notes)
    elif mode in ("L", "LA", "RGB", "RGBA"):
        planes = split_channels(np.asarray(image))
    elif mode in _CONVERTED:
        wanted, notes = _CONVERTED[mode]
        planes = split_channels(np.asarray(image.convert(wanted)), notes)
    elif mode in ("P", "PA"):
        wanted = "RGBA" if image.has_transparency_data else "RGB"
        planes = split_channels(np.asarray(image.convert(wanted)))
        if space != "RGB":  # such a profile would not fit grey
            planes = replace(planes, pixels=without_equal_channels(planes.pixels))
    else:
        return None
    if space == "GRAY" and planes.pixels.ndim == 3:  # WebP has no grey
        grey = planes.pixels[:, :, 0] if facts.is_grey else without_equal_channels(planes.pixels)
        planes = replace(planes, pixels=grey)
    return planes


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


def _corrected(image: Image.Image, facts: Facts, planes: Planes) -> Planes:
    """Alpha that means none left out, that around a GIF's frame added, a narrow range expanded."""
    pixels, alpha, notes = planes.pixels, planes.alpha, planes.notes
    if facts.order and pixels.ndim == 3:
        pixels = pixels[:, :, list(facts.order)]
    if alpha is None:
        alpha = _around_frame(image, facts)
    elif facts.has_loose_alpha and image.mode in ("LA", "RGBA"):
        alpha = None
    elif facts.has_inverted_alpha:
        alpha = 255 - alpha
    if alpha is not None and image.format in _LOOSE_ALPHA and not alpha.any():
        alpha = _alpha_of_mask(facts)
        kept = "none" if alpha is None else "that of the icon's mask"
        notes += (f"alpha is 0 everywhere and taken as {kept}",)
    if alpha is not None and facts.has_associated_alpha:
        ratio = pixels.T / np.maximum(alpha, 1).T  # the samples of a pixel stand first
        pixels = np.rint(np.clip(ratio * 255, 0, 255)).astype(np.uint8).T
        notes += ("colours divided by alpha",)
    is_narrow = facts.numbers is not None and not facts.numbers.is_full_range
    if is_narrow and image.format == "PNG":
        levels = (np.arange(256.0) - _NARROW_BLACK) * (255 / _NARROW_RANGE)
        pixels = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)[pixels]
        notes += ("narrow range expanded: 16 to 235 became 0 to 255",)
    return replace(planes, pixels=pixels, alpha=alpha, notes=notes)


def _alpha_of_mask(facts: Facts) -> Uint8 | None:
    """Alpha of an icon's mask that shows some pixels and hides others."""
    mask = facts.mask
    if mask is None or not mask.any() or mask.all():
        return None
    return np.where(mask, 0, 255).astype(np.uint8)


def _around_frame(image: Image.Image, facts: Facts) -> Uint8 | None:
    """Alpha of an animation whose first frame does not fill the picture."""
    is_gif = image.format == "GIF"
    extent = getattr(image, "dispose_extent", None) if is_gif else facts.extent
    if extent is None or extent == (0, 0, *image.size) or getattr(image, "tell", int)():
        return None
    left, top, right, bottom = extent
    alpha = np.zeros(image.size[::-1], np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha
