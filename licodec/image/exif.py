"""EXIF blocks: orientation, size and pixel density, read and rewritten in place.

A .lic file has no field for pixels per inch; EXIF has one, which PNG, JPEG and BMP headers are
written from again.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from PIL import Image

from licodec.image.faults import PILLOW_FAULTS, warnings_silenced

Density = tuple[float, float]  # pixels per inch, horizontally and vertically

EXIF_PREFIX = b"Exif\0\0"

ORDERS = {b"II": "<", b"MM": ">"}
_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1
EXIF_TAG = 0x8769
_WIDTH_TAGS, _HEIGHT_TAGS = (0x0100, 0xA002), (0x0101, 0xA003)
_SHORT, _LONG, _RATIONAL = 3, 4, 5
# Layouts of the integer types; some programs write an orientation as bytes or with a sign, and
# pointers to directories as type 13.
_INTEGERS = {1: "B", _SHORT: "H", _LONG: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_THUMBNAIL_TAG, _THUMBNAIL_LENGTH_TAG = 0x0201, 0x0202
_COUNT_BYTES, _ENTRY_BYTES = 2, 12  # of a TIFF directory

DENSITY_TAGS = (0x011A, 0x011B, 0x0128)
_X_TAG, _Y_TAG, _UNIT_TAG = DENSITY_TAGS
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
# Readers of EXIF assume this where nothing is stated, so it need not be.
_ASSUMED_DPI = 72
# Half a pixel per metre, the unit of PNG and BMP.
_TOLERANCE_DPI = 0.0128
_MAX_DPI = 2**32 // 1000
_MAX_HEADER_DPI = 65535  # JPEG's field


def without_prefix(exif: bytes) -> bytes:
    """The TIFF block of what some programs put the prefix of JPEG before, also more than once."""
    while exif.startswith(EXIF_PREFIX):
        exif = exif[len(EXIF_PREFIX) :]
    return exif


def load_tags(exif: bytes | None) -> Image.Exif | None:
    """The tags of an EXIF block; None where there is none or no program could read it."""
    if exif is None:
        return None
    tags = Image.Exif()
    try:
        with warnings_silenced():
            tags.load(EXIF_PREFIX + exif)
            len(tags)  # reads the tags
    except PILLOW_FAULTS:
        return None
    return tags


def find_orientation(exif: bytes | None) -> int:
    """The orientation of an EXIF block, 1 (upright) to 8; 1 where it states none."""
    found = _locate(exif) if exif else None
    return found[1] if found else _UPRIGHT


def reset_orientation(exif: bytes) -> bytes:
    """The block with orientation 1 for a picture that has been turned.

    Every other byte stays as it was, but for a thumbnail: it would lie on its side, so it is
    unlinked and overwritten with zeros, which deflate to nothing.
    """
    found = _locate(exif)
    if found is None or found[1] == _UPRIGHT:
        return exif
    order = found[0]
    reset = bytearray(exif)
    with contextlib.suppress(struct.error):
        for entry in _entries(exif, order, _first_directory(exif, order)):
            if entry.tag != _ORIENTATION_TAG:
                continue
            if entry.kind in (_SHORT, _LONG) and entry.num_values == 1:
                struct.pack_into(order + _INTEGERS[entry.kind], reset, entry.place, _UPRIGHT)
            else:  # writers of other formats refuse it
                struct.pack_into(f"{order}HIHH", reset, entry.offset + 2, _SHORT, 1, _UPRIGHT, 0)
        _erase_thumbnail(reset, order)
    return bytes(reset)


def without_orientation(exif: bytes) -> bytes:
    """The block of an upright picture without the tag, whatever its type."""
    order = ORDERS.get(exif[:2])
    if order is None:
        return exif
    block = bytearray(exif)
    with contextlib.suppress(struct.error):
        start = _first_directory(block, order)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        end = start + _COUNT_BYTES + _ENTRY_BYTES * count
        (link,) = struct.unpack_from(f"{order}I", block, end)
        for index in reversed(range(count)):
            entry = start + _COUNT_BYTES + _ENTRY_BYTES * index
            if struct.unpack_from(f"{order}H", block, entry)[0] == _ORIENTATION_TAG:
                block[entry : end - _ENTRY_BYTES] = block[entry + _ENTRY_BYTES : end]
                end -= _ENTRY_BYTES
                struct.pack_into(f"{order}H", block, start, (end - start) // _ENTRY_BYTES)
                struct.pack_into(f"{order}I12x", block, end, link)
    return bytes(block)


def with_size(exif: bytes, width: int, height: int) -> bytes:
    """The block of a picture that was turned, cut or made smaller: its size, no thumbnail."""
    order = ORDERS.get(exif[:2])
    if order is None:
        return exif
    block = bytearray(exif)
    with contextlib.suppress(struct.error):
        starts = [_first_directory(block, order)]
        starts += [e.value for e in _entries(block, order, starts[0]) if e.tag == EXIF_TAG]
        for entry in [e for s in starts for e in _entries(block, order, s)]:
            for tags, value in ((_WIDTH_TAGS, width), (_HEIGHT_TAGS, height)):
                if entry.tag in tags:
                    layout = order + _INTEGERS[entry.kind]
                    with contextlib.suppress(struct.error):  # too large for the tag's type
                        struct.pack_into(layout, block, entry.place, value)
        _erase_thumbnail(block, order)
    return bytes(block)


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
    try:
        return _add(exif, found), ()
    except struct.error:
        return exif, (f"{lost}: the EXIF block is damaged",)


def state_density(exif: bytes | None, dpi: Any) -> bytes | None:
    """The EXIF block with a density in place of what it states.

    Args:
        exif: the block, None for a new one.
        dpi: horizontally and vertically, of a picture that is not turned upright yet.

    Returns:
        None where the block is unreadable, or the density says nothing, as zeros do.
    """
    density = _checked(dpi)
    if density is None or (exif is not None and load_tags(exif) is None):
        return None
    try:
        return _add(exif, density)
    except struct.error:
        return None


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
    return tags is not None and set(tags) <= set(DENSITY_TAGS)


def _locate(exif: bytes) -> tuple[str, int] | None:
    """Byte order and value of a valid orientation tag.

    By hand, since rewriting a block with Pillow loses its thumbnail and breaks the offsets inside
    makers' notes.
    """
    order = ORDERS.get(exif[:2])
    if order is None:
        return None
    try:
        for entry in _entries(exif, order, _first_directory(exif, order)):
            if entry.tag == _ORIENTATION_TAG:
                return (order, entry.value) if _UPRIGHT <= entry.value <= 8 else None
    except struct.error:
        return None
    return None


def _first_directory(exif: bytes | bytearray, order: str) -> int:
    start: int = struct.unpack_from(f"{order}I", exif, 4)[0]
    return start


class _Entry(NamedTuple):
    """An entry of a directory that holds integers."""

    tag: int
    kind: int  # type
    num_values: int
    offset: int  # of the entry
    place: int  # of its first value
    value: int  # the first one


def _entries(exif: bytes | bytearray, order: str, start: int) -> Iterator[_Entry]:
    """The entries of integers of a directory, but for those whose values lie outside of the block.

    Raises:
        struct.error: the directory lies outside, or a part of it.
    """
    (num_entries,) = struct.unpack_from(f"{order}H", exif, start)
    for index in range(num_entries):
        offset = start + _COUNT_BYTES + _ENTRY_BYTES * index
        tag, kind, count, pointer = struct.unpack_from(f"{order}HHII", exif, offset)
        if kind not in _INTEGERS or count < 1:
            continue
        layout = order + _INTEGERS[kind]
        num_bytes = count * struct.calcsize(layout)
        place = offset + 8 if num_bytes <= 4 else pointer
        if place + num_bytes <= len(exif):
            (value,) = struct.unpack_from(layout, exif, place)
            yield _Entry(tag, kind, count, offset, place, value)


def _erase_thumbnail(exif: bytearray, order: str) -> None:
    """Unlink the second directory, the thumbnail's, and overwrite its pixels."""
    start = _first_directory(exif, order)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    link = start + _COUNT_BYTES + _ENTRY_BYTES * count
    (second,) = struct.unpack_from(f"{order}I", exif, link)
    if not second:
        return
    values = {entry.tag: entry.value for entry in _entries(exif, order, second)}
    first, num_bytes = values.get(_THUMBNAIL_TAG, 0), values.get(_THUMBNAIL_LENGTH_TAG, 0)
    if 0 < first < first + num_bytes <= len(exif):
        exif[first : first + num_bytes] = bytes(num_bytes)
    struct.pack_into(f"{order}I", exif, link, 0)


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

    Args:
        exif: the block, None for a new one.
        density: horizontally and vertically, before the picture is turned upright.

    Raises:
        struct.error: the first directory is not inside the block.
    """
    if find_orientation(exif) >= 5:  # rows become columns
        density = density[1], density[0]
    order = ">" if exif is not None and exif.startswith(b"MM") else "<"
    block = bytearray(b"II*\0\0\0\0\0" if exif is None else exif)
    entries, following = [], 0
    if exif is not None:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        first = start + _COUNT_BYTES
        end = first + _ENTRY_BYTES * count
        (following,) = struct.unpack_from(f"{order}I", block, end)
        places = range(first, end, _ENTRY_BYTES)
        entries = [bytes(block[place : place + _ENTRY_BYTES]) for place in places]
        block[start : end + 4] = bytes(end + 4 - start)
    entries = [e for e in entries if _tag_of(e, order) not in DENSITY_TAGS]
    block += bytes(len(block) % 2)
    for tag, value in zip((_X_TAG, _Y_TAG), density, strict=True):
        entries.append(struct.pack(f"{order}HHII", tag, _RATIONAL, 1, len(block)))
        ratio = _fraction(value)
        block += struct.pack(f"{order}II", ratio.numerator, ratio.denominator)
    entries.append(struct.pack(f"{order}HHIHH", _UNIT_TAG, _SHORT, 1, _INCH, 0))
    entries.sort(key=lambda entry: _tag_of(entry, order))
    struct.pack_into(f"{order}I", block, 4, len(block))
    block += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
    return bytes(block + struct.pack(f"{order}I", following))


def _tag_of(entry: bytes, order: str) -> int:
    tag: int = struct.unpack_from(f"{order}H", entry)[0]
    return tag
