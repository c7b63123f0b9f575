"""Reads planes without loss and files without weights as docs/format.md describes them."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import product

import numpy as np
from PIL import Image

TILE_PX = 4096
CHANNELS = {1: [1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}  # of VP8L, by number of planes


def read_lossless(data: bytes) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3) of a file without weights, without sections."""
    assert data[4] == 0x18
    width, at = varint(data, 5)
    height, at = varint(data, at)
    colour, asked = data[at], data[at + 1]
    length, start = varint(data, at + 6)
    payload = data[start:]
    assert len(payload) == length
    assert colour < 2
    assert asked <= 100
    crc = zlib.crc32(payload, zlib.crc32(data[: at + 2]))
    assert int.from_bytes(data[at + 2 : at + 6], "little") == crc
    planes = read_planes(payload, width, height, 1 if colour & 1 else 3)
    return planes[:, :, 0] if colour & 1 else planes


def read_planes(data: bytes, width: int, height: int, num: int) -> np.ndarray:
    """The section "Planes without loss": (H, W, num) uint8 of 1, 3 or 4 planes."""
    assert data[0] in (0, 1)
    way = _from_tiles if data[0] else _from_rows
    return way(data[1:], width, height, num)


def _from_rows(data: bytes, width: int, height: int, num: int) -> np.ndarray:
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * num)
    planes = np.zeros((height, width, num), int)
    for y, x, c in product(range(height), range(width), range(num)):
        left = int(planes[y, x - 1, c]) if x else 0
        above = int(planes[y - 1, x, c]) if y else 0
        corner = int(planes[y - 1, x - 1, c]) if x and y else 0
        guess = min((left, above, corner), key=lambda a: abs(left + above - corner - a))
        added = (0, left, above, (left + above) // 2, guess)[rows[y, 0]]
        planes[y, x, c] = (int(rows[y, 1 + x * num + c]) + added) % 256
    return planes.astype(np.uint8)


def _from_tiles(data: bytes, width: int, height: int, num: int) -> np.ndarray:
    planes = np.zeros((height, width, num), np.uint8)
    corners = list(product(range(0, height, TILE_PX), range(0, width, TILE_PX)))
    for y, x in corners:
        length, start = varint(data, 0) if (y, x) != corners[-1] else (len(data), 0)
        tile = _vp8l(data[start : start + length])
        data = data[start + length :]
        planes[y : y + TILE_PX, x : x + TILE_PX] = tile[:, :, CHANNELS[num]]
    return planes


def _vp8l(stream: bytes) -> np.ndarray:
    """(h, w, 4), by a library for WebP, around whose file the stream is put."""
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream + bytes(len(stream) % 2)
    file = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGBA"))


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at
