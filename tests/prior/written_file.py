"""Bytes of .lic and weights' files taken apart, written from docs/format.md alone."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.prior.written_numbers import Arrays
from tests.prior.written_planes import varint

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
    """A .lic file without sections but perhaps a layer or margins, taken apart."""

    front: bytes
    width: int  # of the photograph, as the next one
    height: int
    quality: int
    is_grey: bool
    is_all_coded: bool
    quantizer: int
    crc: int
    payload: bytes
    layer: bytes | None
    margins: list[int]  # lines at top, bottom, left, right
    colour: bytes  # of the margins


def take_apart(data: bytes) -> File:
    """Split by the table "The file"."""
    assert data[4] in (0x10, 0x11)
    width, at = varint(data, 12)
    height, at = varint(data, at)
    quality, colour = data[at], data[at + 1]
    at += 2
    sections: dict[int, bytes] = {}
    if data[4] & 1:
        sections, at = _sections(data, at)
    crc = int.from_bytes(data[at : at + 4], "little")
    length, start = varint(data, at + 4)
    payload = data[start:]
    assert len(payload) == length
    padded = payload + bytes(-length % 4)
    flags = bool(colour & 1), bool(colour & 16), colour >> 1 & 7
    margins, lines = _margins(sections.get(6, bytes(4)))
    width, height = width - sum(margins[2:]), height - sum(margins[:2])
    return File(
        data[:at], width, height, quality, *flags, crc, padded, sections.get(5), margins, lines
    )


def _sections(data: bytes, at: int) -> tuple[dict[int, bytes], int]:
    """The table "Metadata sections" where LAYER and MARGINS, stored as they are, are all."""
    sections: dict[int, bytes] = {}
    num, at = data[at], at + 1
    for _ in range(num):
        assert data[at] in (5, 6)
        length, start = varint(data, at + 1)
        stored = data[start + 4 : start + 4 + length]
        assert int.from_bytes(data[start : start + 4], "little") == zlib.crc32(stored)
        sections[data[at]], at = stored, start + 4 + length
    return sections, at


def _margins(data: bytes) -> tuple[list[int], bytes]:
    at, lines = 0, []
    for _ in range(4):
        number, at = varint(data, at)
        lines.append(number)
    return lines, data[at:]
