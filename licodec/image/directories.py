"""Directories of a TIFF file: the tags of its first picture, and which other pictures there are."""

import io
import mmap
import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PIL import TiffImagePlugin

from licodec.errors import ImageError
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.original import Data

Tags = TiffImagePlugin.ImageFileDirectory_v2


class Tag(IntEnum):
    """Numbers of the tags that tell how pixels are stored."""

    KIND = 254
    OLD_KIND = 255
    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    DESCRIPTION = 270
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    NUM_SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_COUNTS = 279
    GREATEST = 281  # sample
    PLANAR = 284
    PREDICTOR = 317
    COLOUR_MAP = 320
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    SUB_FILES = 330
    INK_SET = 332
    EXTRA = 338
    FORMAT = 339
    GREATEST_OF_FORMAT = 341
    YCBCR_WEIGHTS = 529
    YCBCR_SUBSAMPLING = 530
    BLACK_AND_WHITE = 532
    XMP = 700
    DEPTH = 32997  # slices of a volume
    ICC = 34675
    DNG = 50706


RAW, LINEAR_RAW = 32803, 34892  # colour models of cameras
_IS_REDUCED, _IS_MASK, _OLD_REDUCED = 1, 4, 2  # bits of KIND; OLD_KIND
_CLASSIC = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*")  # the last two are wrong, but Pillow reads them
_BIG_LITTLE, _BIG_BIG = b"II+\0", b"MM\0+"
_CLASSIC_BYTES, _BIG_BYTES = 8, 16  # of a file's header
_SHORT, _LONG, _LONG_8 = 3, 4, 16
_NUMBERS = {_SHORT: "H", _LONG: "I", _LONG_8: "Q"}
# All directories of a file together are read up to here.
_MAX_ENTRIES = 100_000
_MAX_CHILDREN = 16
_LOOKED_AT = (Tag.KIND, Tag.OLD_KIND, Tag.WIDTH, Tag.LENGTH, Tag.PHOTOMETRIC)

_IMAGEJ_STACK = re.compile(r"ImageJ=[^\n]*\nimages=(\d{1,9})\s")

_RAW_DATA = (
    "is raw data of a camera, of which licodec could read a preview alone; "
    "develop it to TIFF or PNG first"
)


def tags_of(data: Data) -> Tags | None:
    """The tags of the first directory; None if the file is no TIFF or too damaged."""
    head = data[:_CLASSIC_BYTES]
    order = head[:2]
    if head[:4] in (_BIG_LITTLE, _BIG_BIG):
        # Pillow looks for the 43 where little-endian files have it.
        head = _BIG_LITTLE + data[4:_BIG_BYTES]
    elif head[:4] not in _CLASSIC:
        return None
    try:
        stream: Any = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
        tags = Tags(head, prefix=order)
        stream.seek(tags.next)
        tags.load(stream)
    except PILLOW_FAULTS:
        return None
    return tags


def size_of(data: Data) -> tuple[int, int]:
    """Width and height that the first directory states; zeros if it does not."""
    tags = tags_of(data)
    return (0, 0) if tags is None else (number(tags, Tag.WIDTH, 0), number(tags, Tag.LENGTH, 0))


def num_pages(data: Data, tags: Tags) -> int:
    """Pages, and those below the first page that are no smaller copies.

    ImageJ writes large stacks with a directory for the first page alone.
    """
    others, description = _Others.of(data, tags), tags.get(Tag.DESCRIPTION)
    stated = _IMAGEJ_STACK.match(description) if isinstance(description, str) else None
    found = 1 + len(others.pages) + sum(not _is_reduced(child) for child in others.children)
    return max(found, int(stated[1])) if stated else found


def check_first_picture(data: Data, tags: Tags) -> None:
    """Refuse a file whose first picture is not the one that is meant.

    Raises:
        ImageError: it is a small copy or a mask of another, or the file is raw data of a camera.
    """
    others = _Others.of(data, tags)
    first: dict[int, int] = {tag: number(tags, tag, 0) for tag in _LOOKED_AT}
    models = {found.get(Tag.PHOTOMETRIC) for found in (first, *others.pages, *others.children)}
    if Tag.DNG in tags or models & {RAW, LINEAR_RAW} or _is_raw_by_magic(data):
        raise ImageError(_RAW_DATA)
    larger = [*others.children, *(others.pages if _is_reduced(first) else ())]
    if max(map(_area, larger), default=0) > _area(first):
        raise ImageError(
            f"is a TIFF whose first picture is a preview of {first[Tag.WIDTH]}x"
            f"{first[Tag.LENGTH]} pixels, with the large one in another directory; "
            "save it as one picture"
        )
    if first[Tag.KIND] & _IS_MASK and (others.pages or others.children):
        raise ImageError(
            "is a TIFF whose first picture is the mask of another one; save it as one picture"
        )


def numbers(tags: Tags, tag: int, default: int | None) -> tuple[int, ...]:
    """All integers of a tag, or the default alone."""
    value = tags.get(tag)
    values = value if isinstance(value, tuple) else (value,)
    found = tuple(v for v in values if isinstance(v, int))
    return found or (() if default is None else (default,))


def number(tags: Tags, tag: int, default: int) -> int:
    """The first integer of a tag, or the default."""
    return numbers(tags, tag, default)[0]


@dataclass(frozen=True, slots=True)
class _Others:
    """Directories beside the first one: what stands in their entries, by tag."""

    pages: list[dict[int, int]]
    children: list[dict[int, int]]  # of the first one

    @classmethod
    def of(cls, data: Data, tags: Tags) -> "_Others":
        walk = _Walk(data, tags)
        children = [walk.visit(at) for at in numbers(tags, Tag.SUB_FILES, None)[:_MAX_CHILDREN]]
        pages, offset = [], tags.next
        while (found := walk.visit(offset)) is not None:
            page, offset = found
            pages.append(page)
        return cls(pages, [child[0] for child in children if child is not None])


class _Walk:
    """Reads directories, each once."""

    def __init__(self, data: Data, tags: Tags) -> None:
        self._data = data
        self._order = ">" if tags.prefix == b"MM" else "<"
        self._is_big = data[:4] in (_BIG_LITTLE, _BIG_BIG)
        self._seen = {0, tags.offset}
        self._num_entries = 0

    def visit(self, offset: int) -> tuple[dict[int, int], int] | None:
        """Single numbers of a directory by tag, and the place of the next directory; None where
        there is no directory, or one that was visited before."""
        if offset in self._seen:
            return None
        self._seen.add(offset)
        count_format, field, entry_bytes = ("Q", "Q", 20) if self._is_big else ("H", "I", 12)
        try:
            (count,) = struct.unpack_from(self._order + count_format, self._data, offset)
            start = offset + struct.calcsize(count_format)
            self._num_entries += count
            if self._num_entries > _MAX_ENTRIES:
                return None
            found = {}
            for place in range(start, start + count * entry_bytes, entry_bytes):
                head = f"{self._order}HH{field}"
                tag, kind, length = struct.unpack_from(head, self._data, place)
                if length == 1 and kind in _NUMBERS:
                    value = place + struct.calcsize(head)
                    (found[tag],) = struct.unpack_from(
                        self._order + _NUMBERS[kind], self._data, value
                    )
            end = start + count * entry_bytes
            (following,) = struct.unpack_from(self._order + field, self._data, end)
        except struct.error:
            return None
        return found, following


def _is_reduced(found: dict[int, int]) -> bool:
    return bool(found.get(Tag.KIND, 0) & _IS_REDUCED) or found.get(Tag.OLD_KIND) == _OLD_REDUCED


def _area(found: dict[int, int]) -> int:
    return found.get(Tag.WIDTH, 0) * found.get(Tag.LENGTH, 0)


def _is_raw_by_magic(data: Data) -> bool:
    """Canon and Phase One, whose first directories are those of a plain preview."""
    head = data[8:16]
    return head[:3] == b"CR\x02" or (head[:4] == b"IIII" and head[5:] == b"waR")
