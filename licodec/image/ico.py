"""Icon files: the PNG that a picture of them may be, with what Pillow leaves out of it."""

import struct

from licodec.image.original import Data
from licodec.image.png import MAGIC

_HEAD_BYTES, _ENTRY_BYTES = 6, 16


def png_in_icon(data: Data, size: tuple[int, int]) -> bytes | None:
    """The file of an icon's picture of that size with most bits; None if it is no PNG.

    Pillow takes over neither its colours nor the transparency of its palette.

    Args:
        data: an icon file.
        size: width and height as the directory states them.
    """
    if len(data) < _HEAD_BYTES:
        return None
    (count,) = struct.unpack_from("<H", data, 4)
    end = min(_HEAD_BYTES + count * _ENTRY_BYTES, len(data))
    table = data[_HEAD_BYTES : end - (end - _HEAD_BYTES) % _ENTRY_BYTES]
    found = [
        (num_bits, offset, num_bytes)
        for width, height, num_bits, num_bytes, offset in struct.iter_unpack("<BB4xHII", table)
        if (width or 256, height or 256) == size
    ]
    if not found:
        return None
    _, offset, num_bytes = max(found, key=lambda entry: entry[0])
    png = data[offset : offset + num_bytes]
    return png if png.startswith(MAGIC) else None
