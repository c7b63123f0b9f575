"""Icon files: the PNG that a picture of them may be, and the mask that Pillow passes over."""

import struct

import numpy as np
from numpy.typing import NDArray

from licodec.image.facts import Facts
from licodec.image.original import Data
from licodec.image.png import MAGIC

_HEAD_BYTES, _ENTRY_BYTES, _DIB_BYTES = 6, 16, 40


def png_in_icon(data: Data, size: tuple[int, int]) -> bytes | None:
    """The file of an icon's picture of that size with most bits; None if it is no PNG.

    Pillow takes over neither its colours nor the transparency of its palette.

    Args:
        data: an icon file.
        size: width and height as the directory states them.
    """
    picture = _picture_in(data, size)
    return picture if picture.startswith(MAGIC) else None


def icon_facts(data: Data, size: tuple[int, int]) -> Facts:
    """The mask of an icon's picture with 32 bits a pixel, of which Pillow takes the alpha alone."""
    picture = _picture_in(data, size)
    if len(picture) < _DIB_BYTES or picture.startswith(MAGIC):
        return Facts()
    num_header, width, height, _, num_bits = struct.unpack_from("<IiiHH", picture)
    row_bytes, start = (width + 31) // 32 * 4, num_header + 4 * width * (height // 2)
    if num_bits != 32 or (width, height // 2) != size:
        return Facts()
    mask = picture[start : start + row_bytes * (height // 2)]
    if len(mask) < row_bytes * (height // 2):
        return Facts()
    rows = np.frombuffer(mask, np.uint8).reshape(-1, row_bytes)[::-1]
    is_hidden: NDArray[np.bool_] = np.unpackbits(rows, axis=1)[:, :width].astype(bool)
    return Facts(mask=is_hidden)


def _picture_in(data: Data, size: tuple[int, int]) -> bytes:
    """The picture of that size with most bits; nothing where there is none."""
    if len(data) < _HEAD_BYTES:
        return b""
    (count,) = struct.unpack_from("<H", data, 4)
    end = min(_HEAD_BYTES + count * _ENTRY_BYTES, len(data))
    table = data[_HEAD_BYTES : end - (end - _HEAD_BYTES) % _ENTRY_BYTES]
    found = [
        (num_bits, offset, num_bytes)
        for width, height, num_bits, num_bytes, offset in struct.iter_unpack("<BB4xHII", table)
        if (width or 256, height or 256) == size
    ]
    if not found:
        return b""
    _, offset, num_bytes = max(found, key=lambda entry: entry[0])
    return data[offset : offset + num_bytes]
