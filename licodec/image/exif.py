"""EXIF blocks: found in an image, their orientation applied to the pixels and reset."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image

from licodec.image.faults import PILLOW_FAULTS, bytes_or_none, one_line, warnings_silenced
from licodec.image.tags import writable_tags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXIF_PREFIX = b"Exif\0\0"

_ORDERS = {b"II": "<", b"MM": ">"}
_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1
_EXIF_TAG = 0x8769
_WIDTH_TAGS, _HEIGHT_TAGS = (0x0100, 0xA002), (0x0101, 0xA003)
_SHORT, _LONG = 3, 4
# Layouts of the integer types; some programs write an orientation as bytes or with a sign.
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_THUMBNAIL_TAG, _THUMBNAIL_LENGTH_TAG = 0x0201, 0x0202
_COUNT_BYTES, _ENTRY_BYTES = 2, 12  # of a TIFF directory
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")

# Tags that describe how a TIFF file stores its pixels, or that are kept elsewhere in a Picture.
TIFF_LAYOUT_TAGS = (
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289,
    290, 291, 292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 333, 334,
    336, 337, 338, 339, 340, 341, 342, 347, 512, 513, 514, 529, 530, 531, 532, 700, 34675,
)  # fmt: skip


def exif_of(image: Image.Image) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block as the file has it, or as Pillow rebuilds it from a TIFF's tags; notes."""
    raw = bytes_or_none(image.info.get("exif"))
    if raw is not None:
        return raw.removeprefix(EXIF_PREFIX) or None, ()
    raw = hidden_profile(image, "exif")
    if raw is not None:
        raw = raw.removeprefix(EXIF_PREFIX)
        # djxl puts zero bytes before the block, whose orientation it has applied already.
        is_block = raw.startswith((b"II", b"MM"))
        return (raw, ()) if is_block else (None, ("EXIF in PNG text is unreadable and dropped",))
    if image.format != "TIFF":  # else Pillow makes a block up from what an XMP packet states
        return None, ()
    try:
        return exif_of_tags(image.getexif())
    except PILLOW_FAULTS as error:
        return None, (f"EXIF is unreadable and dropped ({one_line(error)})",)


def exif_of_tags(tags: Image.Exif | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block that the tags of a TIFF make, without those about its pixels; notes."""
    if tags is None:
        return None, ()
    for tag in TIFF_LAYOUT_TAGS:
        tags.pop(tag, None)
    tags, notes = writable_tags(tags)
    raw = tags.tobytes() if len(tags) else b""
    return raw.removeprefix(EXIF_PREFIX) or None, notes


def hidden_profile(image: Image.Image, name: str) -> bytes | None:
    """A block that ImageMagick and djxl put into PNG text in hexadecimal."""
    text = image.info.get(f"Raw profile type {name}")
    if not isinstance(text, str):
        return None
    try:
        return bytes.fromhex("".join(text.split("\n")[3:])) or None
    except ValueError:
        return None


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
    return found[2] if found else _UPRIGHT


def reset_orientation(exif: bytes) -> bytes:
    """The block with orientation 1 for a picture that has been turned.

    Every other byte stays as it was, but for a thumbnail: it would lie on its side, so it is
    unlinked and overwritten with zeros, which deflate to nothing.
    """
    found = _locate(exif)
    if found is None or found[2] == _UPRIGHT:
        return exif
    order, offset, _ = found
    reset = bytearray(exif)
    (kind,) = struct.unpack_from(f"{order}H", exif, offset + 2)
    if kind in (_SHORT, _LONG):
        struct.pack_into(order + _INTEGERS[kind], reset, offset + 8, _UPRIGHT)
    else:  # writers of other formats refuse it
        struct.pack_into(f"{order}HIHH", reset, offset + 2, _SHORT, 1, _UPRIGHT, 0)
    with contextlib.suppress(struct.error):
        _erase_thumbnail(reset, order)
    return bytes(reset)


def without_orientation(exif: bytes) -> bytes:
    """The block of an upright picture without the tag, whatever its type."""
    order = _ORDERS.get(exif[:2])
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
    order = _ORDERS.get(exif[:2])
    if order is None:
        return exif
    block = bytearray(exif)
    with contextlib.suppress(struct.error):
        starts = [_first_directory(block, order)]
        starts += [v for tag, _, _, v in _entries(block, order, starts[0]) if tag == _EXIF_TAG]
        for tag, kind, offset, _ in [e for s in starts for e in _entries(block, order, s)]:
            for tags, value in ((_WIDTH_TAGS, width), (_HEIGHT_TAGS, height)):
                if tag in tags:
                    layout = order + _INTEGERS[kind]
                    with contextlib.suppress(struct.error):  # too large for the tag's type
                        struct.pack_into(layout, block, offset + 8, value)
        _erase_thumbnail(block, order)
    return bytes(block)


def reset_xmp_orientation(xmp: bytes) -> bytes:
    """The packet with orientation 1 wherever it states one; some readers obey it."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def turn(plane: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """An (H, W, ...) array as it is meant to be seen, from the order that the tag tells."""
    if orientation >= 5:
        plane = plane.swapaxes(0, 1)
    flips_rows = orientation in (3, 4, 7, 8)
    flips_columns = orientation in (2, 3, 6, 7)
    return plane[:: -1 if flips_rows else 1, :: -1 if flips_columns else 1]


def _locate(exif: bytes) -> tuple[str, int, int] | None:
    """Byte order, offset of the entry and value of a valid orientation tag.

    By hand, since rewriting a block with Pillow loses its thumbnail and breaks the offsets inside
    makers' notes.
    """
    order = _ORDERS.get(exif[:2])
    if order is None:
        return None
    try:
        for tag, _, offset, value in _entries(exif, order, _first_directory(exif, order)):
            if tag == _ORIENTATION_TAG:
                return (order, offset, value) if _UPRIGHT <= value <= 8 else None
    except struct.error:
        return None
    return None


def _first_directory(exif: bytes | bytearray, order: str) -> int:
    start: int = struct.unpack_from(f"{order}I", exif, 4)[0]
    return start


def _entries(
    exif: bytes | bytearray, order: str, start: int
) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, offset and first value of each entry whose integers stand in it."""
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for index in range(count):
        entry = start + _COUNT_BYTES + _ENTRY_BYTES * index
        tag, kind, num_values = struct.unpack_from(f"{order}HHI", exif, entry)
        layout = f"{order}{_INTEGERS[kind]}" if kind in _INTEGERS else ""
        if layout and 1 <= num_values <= 4 // struct.calcsize(layout):
            yield tag, kind, entry, struct.unpack_from(layout, exif, entry + 8)[0]


def _erase_thumbnail(exif: bytearray, order: str) -> None:
    """Unlink the second directory, the thumbnail's, and overwrite its pixels."""
    start = _first_directory(exif, order)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    link = start + _COUNT_BYTES + _ENTRY_BYTES * count
    (second,) = struct.unpack_from(f"{order}I", exif, link)
    if not second:
        return
    values = {tag: value for tag, _, _, value in _entries(exif, order, second)}
    first, num_bytes = values.get(_THUMBNAIL_TAG, 0), values.get(_THUMBNAIL_LENGTH_TAG, 0)
    if 0 < first < first + num_bytes <= len(exif):
        exif[first : first + num_bytes] = bytes(num_bytes)
    struct.pack_into(f"{order}I", exif, link, 0)
