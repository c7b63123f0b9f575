"""Keeps the pixel density of a picture file in its EXIF block.

A .lic file has no field for pixels per inch; EXIF has one, which PNG, JPEG and BMP headers are
written from again.
"""

import math
import struct
from fractions import Fraction
from typing import Any

from PIL import Image

from licodec.image.exif import find_orientation, load_tags
from licodec.image.faults import warnings_silenced

Density = tuple[float, float]  # pixels per inch, horizontally and vertically

_X_TAG, _Y_TAG, _UNIT_TAG = 0x011A, 0x011B, 0x0128
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
_SHORT, _RATIONAL = 3, 5
_ENTRY_BYTES = 12

# Readers of EXIF assume this where nothing is stated, so it need not be.
_ASSUMED_DPI = 72
# Half a pixel per metre, the unit of PNG and BMP.
_TOLERANCE_DPI = 0.0128
_MAX_DPI = 2**32 // 1000
_MAX_HEADER_DPI = 65535  # JPEG's field


def with_density(image: Image.Image, exif: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block with the density that the file's header states, unless it has one; notes.

    Args:
        image: not turned; the density is that of the upright picture.
        exif: what `exif_of` found.

    Returns:
        The block as it was where there is nothing to add; else one with three tags more in a
        directory at its end, so that every other offset stays what it was.
    """
    if image.format == "TIFF":  # its tags are the block
        return exif, ()
    found = _checked(image.info.get("dpi"))
    if found is None:
        return exif, _notes_on_shape(image)
    if all(abs(value - _ASSUMED_DPI) <= _TOLERANCE_DPI for value in found):
        return exif, ()
    tags = load_tags(exif)
    lost = f"pixel density of {_named(found)} dropped"
    if tags is not None and _X_TAG in tags:
        stated = density_in(exif)
        if stated is None or _is_near(stated, found):
            return exif, ()
        return exif, (f"{lost}: EXIF states {_named(stated)}",)
    if exif is not None and tags is None:
        return exif, (f"{lost}: the EXIF block is unreadable",)
    if find_orientation(exif) >= 5:  # rows become columns
        found = found[1], found[0]
    try:
        return _add(exif, found), ()
    except struct.error:
        return exif, (f"{lost}: the EXIF block is damaged",)


def density_in(exif: bytes | None) -> Density | None:
    """What an EXIF block states; None if it states none, or one that headers cannot hold."""
    tags = load_tags(exif)
    if tags is None:
        return None
    with warnings_silenced():
        unit = tags.get(_UNIT_TAG, _INCH)
        found = _checked((tags.get(_X_TAG), tags.get(_Y_TAG, tags.get(_X_TAG))))
    if unit == _NO_UNIT:
        return None
    per_inch = 2.54 if unit == _CENTIMETRE else 1.0
    if found is None:
        return None
    density = found[0] * per_inch, found[1] * per_inch
    return density if 1 <= min(density) <= max(density) <= _MAX_HEADER_DPI else None


def is_density_alone(exif: bytes | None) -> bool:
    """Whether a block states a density and nothing else."""
    tags = load_tags(exif)
    return tags is not None and set(tags) <= {_X_TAG, _Y_TAG, _UNIT_TAG}


def _checked(value: Any) -> Density | None:
    """A pair of numbers that mean something; programs put all kinds of things there."""
    try:
        x, y = map(float, value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    is_usable = math.isfinite(x) and math.isfinite(y) and min(x, y) >= 1e-3
    return (x, y) if is_usable and max(x, y) <= _MAX_DPI else None


def _notes_on_shape(image: Image.Image) -> tuple[str, ...]:
    """Pixels that are no squares, where the header tells the ratio of their sides alone."""
    aspect = image.info.get("aspect")  # PNG
    if aspect is None and image.info.get("jfif_unit") == 0:
        aspect = image.info.get("jfif_density")
    found = _checked(aspect)
    if found is None or found[0] == found[1]:
        return ()
    return (
        f"pixel aspect ratio {found[0]:g}:{found[1]:g} dropped: a .lic file has no place for it",
    )


def _named(density: Density) -> str:
    x, y = (f"{float(_fraction(value)):g}" for value in density)
    return f"{x} dpi" if x == y else f"{x}x{y} dpi"


def _is_near(one: Density, other: Density) -> bool:
    # JPEG headers hold whole numbers.
    return all(abs(a - b) <= 0.5 for a, b in zip(one, other, strict=True))


def _fraction(value: float) -> Fraction:
    """Whole where the header's unit could not tell the difference."""
    whole = round(value)
    if whole and abs(value - whole) <= _TOLERANCE_DPI:
        return Fraction(whole)
    return Fraction(value).limit_denominator(1000)


def _add(exif: bytes | None, density: Density) -> bytes:
    """The block with a new first directory at its end; the old one is overwritten with zeros.

    Raises:
        struct.error: the first directory is not inside the block.
    """
    order = ">" if exif is not None and exif.startswith(b"MM") else "<"
    block = bytearray(b"II*\0\0\0\0\0" if exif is None else exif)
    entries, following = [], 0
    if exif is not None:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        end = start + 2 + _ENTRY_BYTES * count
        (following,) = struct.unpack_from(f"{order}I", block, end)
        entries = [bytes(block[at : at + _ENTRY_BYTES]) for at in range(start + 2, end, 12)]
        block[start : end + 4] = bytes(end + 4 - start)
    block += bytes(len(block) % 2)
    for tag, value in zip((_X_TAG, _Y_TAG), density, strict=True):
        entries.append(struct.pack(f"{order}HHII", tag, _RATIONAL, 1, len(block)))
        ratio = _fraction(value)
        block += struct.pack(f"{order}II", ratio.numerator, ratio.denominator)
    entries = [entry for entry in entries if _tag_of(entry, order) != _UNIT_TAG]
    entries.append(struct.pack(f"{order}HHIHH", _UNIT_TAG, _SHORT, 1, _INCH, 0))
    entries.sort(key=lambda entry: _tag_of(entry, order))
    struct.pack_into(f"{order}I", block, 4, len(block))
    block += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
    return bytes(block + struct.pack(f"{order}I", following))


def _tag_of(entry: bytes, order: str) -> int:
    tag: int = struct.unpack_from(f"{order}H", entry)[0]
    return tag
