"""WebP files chunk by chunk: metadata that the header does not announce, what stands behind."""

import struct
from collections.abc import Iterator

from licodec.image.facts import Facts
from licodec.image.original import Data, stripped

_HEAD_BYTES, _CHUNK_HEAD_BYTES, _FRAME_BYTES = 12, 8, 16
# Bits of the extended header; readers look for these chunks only where they are set.
_ANNOUNCED = {b"ICCP": (0x20, "ICC profile"), b"EXIF": (0x08, "EXIF"), b"XMP ": (0x04, "XMP")}


def webp_facts(data: Data) -> Facts:
    """What Pillow passes over."""
    if data[:4] != b"RIFF" or len(data) < _HEAD_BYTES:
        return Facts()
    (num_bytes,) = struct.unpack_from("<I", data, 4)
    end = min(8 + num_bytes + num_bytes % 2, len(data))
    flags, lost, extent = 0, dict[str, None](), None
    for kind, start in _chunks(data, end):
        if kind == b"VP8X":
            flags = data[start]
        elif kind == b"ANMF" and extent is None:
            extent = _extent(data[start : start + _FRAME_BYTES])
        elif kind in _ANNOUNCED and not flags & _ANNOUNCED[kind][0]:
            lost[_ANNOUNCED[kind][1]] = None
    note = f"{', '.join(lost)} dropped: the header of the WebP does not announce it"
    return Facts(
        extent=extent,
        num_bytes_behind=len(stripped(data, end, b"\0\r\n ")),
        notes=(note,) if lost else (),
    )


def _extent(frame: bytes) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a frame by its header."""
    left, top, width, height = (
        int.from_bytes(frame[place : place + 3], "little") for place in (0, 3, 6, 9)
    )
    return 2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1


def _chunks(data: Data, end: int) -> Iterator[tuple[bytes, int]]:
    """Name and place of the body of each chunk that has one."""
    offset = _HEAD_BYTES
    while offset + _CHUNK_HEAD_BYTES < end:
        kind, length = struct.unpack_from("<4sI", data, offset)
        yield kind, offset + _CHUNK_HEAD_BYTES
        offset += _CHUNK_HEAD_BYTES + length + length % 2
