"""The bytes of the file that a Pillow image was opened from.

Pillow reads the pixels of a file and a part of what stands beside them; the rest is looked for in
these bytes.
"""

import io
import mmap
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageFile

FRONT_BYTES = 2**16  # boxes and headers stand before the pixels
_STEP_BYTES = 2**20
_ZEROS = bytes(_STEP_BYTES)

# Pillow finds out about further pictures once it has opened a file as a JPEG.
_OPENED_AS = MappingProxyType({"MPO": "JPEG"})

Data = bytes | mmap.mmap


def file_of(image: Image.Image) -> Data:
    """The file of an image at its first picture; nothing where there is none to be had.

    Of an image whose pixels have been read the file is opened again by its name, and taken if its
    header still says the same; whoever reads pixels from it must compare them.
    """
    if not isinstance(image, ImageFile.ImageFile) or not _is_first(image):
        return b""
    stream = image.fp if _has_stream(image) else None
    if stream is None:
        return _file_named(image)
    return b"" if stream.closed else bytes_of(stream)


def _has_stream(image: Image.Image) -> bool:
    """Whether an image holds its file still."""
    if image.format == "ICO":  # read when it is opened
        return True
    if image.format == "WEBP":  # has tiles only while it is read
        return getattr(image, "_im", None) is None
    return bool(getattr(image, "tile", None))


def _is_first(image: Image.Image) -> bool:
    try:
        return int(image.tell()) == 0
    except (OSError, ValueError, EOFError):
        return False


def bytes_of(stream: Any) -> Data:
    """All of a binary stream, which stays where it is; not copied where that can be helped."""
    if isinstance(stream, io.BytesIO):
        return stream.getvalue()
    try:
        return _mapped(stream.fileno())
    except (OSError, ValueError, AttributeError):  # no file of the system
        position = stream.tell()
        stream.seek(0)
        data: bytes = stream.read()
        stream.seek(position)
        return data


def stripped(data: Data, start: int, letters: bytes = b"\0") -> bytes:
    """What stands from a place on, without those letters at its ends."""
    end = end_without_zeros(data)
    while start < end and data[start : start + _STEP_BYTES] == _ZEROS:
        start += _STEP_BYTES
    return data[start:end].strip(letters)


def end_without_zeros(data: Data) -> int:
    """Where the zeros at the end of a file begin; in a hole they may be many gigabytes."""
    end = len(data)
    if data[end - 1 : end] != b"\0":  # nearly always
        return end
    while end >= _STEP_BYTES and data[end - _STEP_BYTES : end] == _ZEROS:
        end -= _STEP_BYTES
    start = max(0, end - 2 * _STEP_BYTES)
    return start + len(data[start:end].rstrip(b"\0"))


def _mapped(number: int) -> Data:
    return mmap.mmap(number, 0, access=mmap.ACCESS_READ) if os.fstat(number).st_size else b""


def _file_named(image: ImageFile.ImageFile) -> Data:
    name = getattr(image, "filename", "")
    if not name or not isinstance(name, str | bytes | Path) or image.format is None:
        return b""
    path, wanted = os.fsdecode(name), _OPENED_AS.get(image.format, image.format)
    try:
        if not os.path.isfile(path):
            return b""
        with open(path, "rb") as stream, Image.open(stream, formats=[wanted]) as again:
            # Modes of GIF and oriented TIFF change while they are read.
            is_same = sorted(again.size) == sorted(image.size)
            return _mapped(stream.fileno()) if is_same else b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
