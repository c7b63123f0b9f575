"""The pixels of an image with their profile, read by Pillow where it does so rightly."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from licodec.errors import ImageError
from licodec.image.bmp import has_no_alpha
from licodec.image.deep import Uint8, Uint16, reduce_samples
from licodec.image.facts import Facts
from licodec.image.faults import bytes_or_none
from licodec.image.icc import profile_space, to_srgb_curve
from licodec.image.jpeg import has_all_rows, may_lack_rows
from licodec.image.mend import mend
from licodec.image.original import Data, is_unread
from licodec.image.planes import Planes, from_cmyk, planes_of
from licodec.image.png import lower_bytes
from licodec.image.source import (
    linear_light,
    notes_before_pixels,
    on_srgb_curve,
    profile_for,
    profile_in,
    take_texts,
)
from licodec.image.tiff import (
    CMYK,
    Samples,
    check_first_picture,
    palette_of,
    samples_of,
    tags_of,
)

# Their writers leave the fourth sample 0 where they mean no alpha.
_LOOSE_ALPHA = frozenset(("BMP", "DIB", "TGA", "ICO"))
_NARROW_BLACK, _NARROW_RANGE = 16, 219


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What was read."""

    image: (
        Image.Image
    )  # loaded, with the metadata of its file; not the one that was given if mended
    planes: Planes
    icc: bytes | None
    is_turned: bool  # an orientation has been applied that the metadata still state
    notes: tuple[str, ...]


def read_pixels(image: Image.Image, data: Data, facts: Facts, texts: dict[Any, Any]) -> Pixels:
    """Read an image, see `convert.picture_from`.

    Args:
        image: as given.
        data: its file, or nothing.
        facts: of the file.
        texts: gets those of a PNG that stand behind its pixels, see `take_texts`.

    Raises:
        ImageError: pixels that cannot be read rightly.
        OSError, ...: `faults.PILLOW_FAULTS`, of damaged files.
    """
    notes = notes_before_pixels(image, facts)
    icc, icc_notes = profile_in(image, facts)
    gamma = linear_light(image, facts, icc)
    samples = _samples_of(image, data, is_deep=gamma is not None)
    if samples is not None:
        planes, plane_notes = planes_of_samples(samples, icc, gamma)
        is_curved, is_srgb = gamma is not None, samples.photometric == CMYK
    else:
        image, mended = _loaded(image, data, facts)
        texts |= take_texts(image)
        if image.mode == "CMYK":  # whether it can be used is seen there
            icc, icc_notes = bytes_or_none(image.info.get("icc_profile")) or facts.icc, ()
        planes, plane_notes = planes_of(image, icc, num_bits=facts.num_bits, gamma=gamma)
        if profile_space(icc or b"") == "GRAY" and planes[0].ndim == 3 and _is_grey_png(data):
            planes = planes[0][:, :, 0], planes[1]
        planes, is_curved = _in_linear_light(image, data, facts, planes, gamma)
        planes, corrected = _corrected(image, data, facts, planes)
        notes, plane_notes = notes + mended, plane_notes + corrected
        is_srgb = image.mode in ("CMYK", "LAB")
    if is_srgb:
        icc = None
    else:
        icc, fitted = profile_for(image, facts, icc, is_grey=planes[0].ndim == 2)
        icc, icc_notes = on_srgb_curve(icc) if is_curved else icc, icc_notes + fitted
    return Pixels(
        image=image,
        planes=planes,
        icc=icc,
        is_turned=samples is not None,
        notes=notes + plane_notes + icc_notes,
    )


def planes_of_samples(
    samples: Samples, icc: bytes | None, gamma: float | None = None
) -> tuple[Planes, tuple[str, ...]]:
    """The picture of a TIFF that Pillow does not read, as `planes.planes_of`."""
    colours, alpha, notes = reduce_samples(samples, gamma)
    if samples.photometric == CMYK:
        (pixels, _), plane_notes = from_cmyk(Image.fromarray(colours, "CMYK"), icc)
        return (pixels, alpha), notes + plane_notes
    return (colours[:, :, 0] if samples.num_colours == 1 else colours, alpha), notes


def _samples_of(image: Image.Image, data: Data, *, is_deep: bool) -> Samples | None:
    """What Pillow does not read rightly of a TIFF, if the image still is what the file says."""
    if image.format != "TIFF" or not data:
        return None
    check_first_picture(data)
    samples = samples_of(data, is_deep_read=is_deep)
    return None if samples is None or not _is_as_in(image, data) else samples


def _is_as_in(image: Image.Image, data: Data) -> bool:
    """Whether nobody has changed the pixels of an image since they were read from its file."""
    if is_unread(image):
        return True
    with Image.open(io.BytesIO(data[:]), formats=[image.format or ""]) as again:
        return again.mode == image.mode and again.tobytes() == image.tobytes()


def _loaded(image: Image.Image, data: Data, facts: Facts) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with its pixels, or a mended one in its place; notes."""
    is_new = is_unread(image)
    if facts.is_damaged:
        found = mend(data)
        if found is not None:
            again, notes = found
            if is_new:
                again.load()
                again.info |= image.info
            return again if is_new else image, notes
    image.load()
    if image.format == "TIFF" and image.mode == "P":
        tags = tags_of(data)
        palette = None if tags is None else palette_of(tags)
        if palette is not None:
            image.putpalette(palette)
    if is_new and data and image.format in ("JPEG", "MPO"):
        last = image.width - 1, image.height - 1
        is_grey = may_lack_rows(image.crop((*last, *image.size)).tobytes())
        if facts.is_damaged or (is_grey and not has_all_rows(data)):
            raise ImageError("is damaged: rows at its end are missing; get it again")
    return image, ()


def _in_linear_light(
    image: Image.Image, data: Data, facts: Facts, planes: Planes, gamma: float | None
) -> tuple[Planes, bool]:
    """Colours of 16 bits on the curve of sRGB in place of those that Pillow has cut; whether so."""
    if gamma is None or image.mode.startswith("I;16"):
        return planes, gamma is not None
    if image.format != "PNG" or facts.num_bits != 16 or not _is_as_in(image, data):
        return planes, False
    lower = lower_bytes(data)
    if lower is None:
        return planes, False
    upper = np.asarray(image).astype(np.uint16)
    if lower.shape[2] == 2 and upper.shape[2] == 4:  # Pillow shows grey and alpha in colour
        upper = upper[:, :, ::3]
    samples: Uint16 = upper * np.uint16(256) + lower
    count = 1 if samples.shape[2] < 3 else 3
    pixels = to_srgb_curve(samples[:, :, :count], gamma)
    return (pixels[:, :, 0] if count == 1 else pixels, planes[1]), True


def _is_grey_png(data: Data) -> bool:
    """Whether a PNG says that it is grey; Pillow shows 16 bits with alpha in colour."""
    return data[:4] == b"\x89PNG" and len(data) > 25 and not data[25] & 2


def _corrected(
    image: Image.Image, data: Data, facts: Facts, planes: Planes
) -> tuple[Planes, tuple[str, ...]]:
    """Alpha that means none left out, that around a GIF's frame added, a narrow range expanded."""
    pixels, alpha = planes
    notes: tuple[str, ...] = ()
    if alpha is None:
        alpha = _around_frame(image)
    elif image.format == "TGA" and image.mode == "RGBA" and data and has_no_alpha(data):
        alpha = None
    elif image.format in _LOOSE_ALPHA and not alpha.any():
        alpha, notes = None, ("alpha is 0 everywhere and taken as none",)
    is_narrow = facts.numbers is not None and not facts.numbers.is_full_range
    if is_narrow and image.format == "PNG":
        pixels = _expanded(pixels)
        notes += ("narrow range expanded: 16 to 235 became 0 to 255",)
    return (pixels, alpha), notes


def _around_frame(image: Image.Image) -> Uint8 | None:
    """Alpha of a GIF whose first frame does not fill the picture."""
    extent = getattr(image, "dispose_extent", None) if image.format == "GIF" else None
    if extent is None or extent == (0, 0, *image.size) or getattr(image, "tell", int)():
        return None
    left, top, right, bottom = extent
    alpha = np.zeros(image.size[::-1], np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha


def _expanded(pixels: Uint8) -> Uint8:
    levels = (np.arange(256.0) - _NARROW_BLACK) * (255 / _NARROW_RANGE)
    expanded: Uint8 = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)[pixels]
    return expanded
