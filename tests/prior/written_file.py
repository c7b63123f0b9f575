"""Bytes of .lic and weights' files taken apart, written from docs/format.md alone."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from tests.prior.written_numbers import Arrays

DTYPES = {"I8": "<i1", "U8": "<u1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2"}


def read_weights(path: Path) -> tuple[dict[str, str], Arrays]:
    """Metadata and tensors as they are stored."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, numbers = json.loads(data[8 : 8 + size]), data[8 + size :]
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, about in header.items():
        first, last = about["data_offsets"]
        flat = np.frombuffer(numbers[first:last], DTYPES[about["dtype"]])
        arrays[name] = flat.reshape(about["shape"])
    return metadata, arrays


@dataclass(frozen=True)
class File:
    """A .lic file without sections, taken apart."""

    front: bytes
    width: int
    height: int
    quality: int
    is_grey: bool
    is_all_coded: bool
    quantizer: int
    crc: int
    payload: bytes


def take_apart(data: bytes) -> File:
    """Split by the table "The file"."""
    assert data[4] == 0x10
    width, at = _varint(data, 12)
    height, at = _varint(data, at)
    quality, colour = data[at], data[at + 1]
    crc = int.from_bytes(data[at + 2 : at + 6], "little")
    length, start = _varint(data, at + 6)
    payload = data[start:]
    assert len(payload) == length
    padded = payload + bytes(-length % 4)
    flags = bool(colour & 1), bool(colour & 16), colour >> 1 & 7
    return File(data[: at + 2], width, height, quality, *flags, crc, padded)


def read_lossless(data: bytes) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3) of a file without weights, without sections, of method 0.

    A second decoder would read method 1 with a library for WebP, as the package does.
    """
    assert data[4] == 0x18
    width, at = _varint(data, 5)
    height, at = _varint(data, at)
    colour, asked = data[at], data[at + 1]
    length, start = _varint(data, at + 6)
    payload = data[start:]
    assert len(payload) == length
    assert colour < 2
    assert asked <= 100
    crc = zlib.crc32(payload, zlib.crc32(data[: at + 2]))
    assert int.from_bytes(data[at + 2 : at + 6], "little") == crc
    assert payload[0] == 0
    num = 1 if colour & 1 else 3
    rows = np.frombuffer(zlib.decompress(payload[1:]), np.uint8).reshape(height, 1 + width * num)
    planes = np.zeros((height, width, num), int)
    for y, x, c in product(range(height), range(width), range(num)):
        left = int(planes[y, x - 1, c]) if x else 0
        above = int(planes[y - 1, x, c]) if y else 0
        corner = int(planes[y - 1, x - 1, c]) if x and y else 0
        guess = min((left, above, corner), key=lambda a: abs(left + above - corner - a))
        added = (0, left, above, (left + above) // 2, guess)[rows[y, 0]]
        planes[y, x, c] = (int(rows[y, 1 + x * num + c]) + added) % 256
    return planes.astype(np.uint8).reshape((height, width) if num == 1 else (height, width, num))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at
