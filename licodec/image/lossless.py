"""Codes planes of 8 bits without loss, and reads them back: pictures, layers and alpha.

First byte: the method. 0: zlib stream of PNG-filtered rows (what a PNG holds in its IDAT chunks).
1: VP8L bitstreams (lossless WebP, RFC 9649), one for each tile of at most TILE_PX x TILE_PX pixels,
row by row; before each but the last stands its number of bytes. A single plane is in the green
channel. Width and height are known to the reader, so no claim inside the data reserves memory.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from licodec.config import DEFAULT_EFFORT
from licodec.errors import CorruptFileError, TooLargeError

METHOD_PNG = 0
METHOD_VP8L = 1

# Sides of a VP8L picture end at 16383 pixels, and its encoder looks back by 2^20 of them.
TILE_PX = 4096
# Above this PNG is never smaller, and its writer takes as long as that of WebP.
MAX_PNG_BYTES = 2**22
# What libwebp tries, 0 to 6 and 0 to 100. On drawings in a palette QUICK takes 1 % more bytes than
# EXHAUSTIVE in a thirtieth of the time, THOROUGH 0.3 % more in a fifth, FAST 6 %. In more colours
# only EXHAUSTIVE is sure to find the way of coding, which saves up to a third. Photographs
# gain 2 to 3 % by THOROUGH, some 10 % by EXHAUSTIVE.
FAST = (4, 75)
QUICK = (4, 100)
THOROUGH = (5, 100)
EXHAUSTIVE = (6, 100)
PALETTE_COLOURS = 256  # of VP8L, at most
# Of photographs: a megapixel takes 4 s at THOROUGH, 10 to 25 s at EXHAUSTIVE, 0.6 s at FAST.
_LAST_THOROUGH_EFFORT = 6

# By number of planes.
_MODES = {3: "RGB", 4: "RGBA"}
_PNG_COLOURS = {1: 0, 3: 2, 4: 6}
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_VP8L_MAGIC = 0x2F
_RIFF_HEAD_BYTES = 20  # RIFF size WEBP VP8L size
_MAX_LENGTH_BYTES = 5

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def drawn_trial(effort: int, num_colours: int) -> tuple[int, int]:
    """What libwebp tries for a drawing."""
    if effort < DEFAULT_EFFORT:
        return QUICK
    is_hard = effort > DEFAULT_EFFORT or num_colours > PALETTE_COLOURS
    return EXHAUSTIVE if is_hard else THOROUGH


def photo_trial(effort: int) -> tuple[int, int]:
    """What libwebp tries for a photograph."""
    if effort <= DEFAULT_EFFORT:
        return FAST
    return THOROUGH if effort <= _LAST_THOROUGH_EFFORT else EXHAUSTIVE


def pack_planes(planes: NDArray[np.uint8], trial: tuple[int, int] = FAST) -> bytes:
    """Code (H, W) or (H, W, 3 or 4) uint8 without loss, by the method that gives fewer bytes.

    Args:
        planes: grey, or red, green, blue and perhaps alpha; what alpha 0 hides should be 0.
        trial: FAST, or from `drawn_trial` or `photo_trial`.
    """
    packed = bytes([METHOD_VP8L]) + _to_tiles(planes, trial)
    if planes.size <= MAX_PNG_BYTES:
        packed = min(packed, bytes([METHOD_PNG]) + _to_png_rows(planes), key=len)
    return packed


def estimate_bytes(planes: NDArray[np.uint8]) -> int:
    """About what `pack_planes` makes of a drawing, within some per cent, by the QUICK trial."""
    return 1 + len(_to_tiles(planes, QUICK))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanesReader:
    """Reads planes of a known size.

    Attributes:
        width, height: in pixels.
        num_planes: 1, 3, or 4 with alpha.
        what: begins each message.
    """

    width: int
    height: int
    num_planes: int
    what: str

    def read(self, data: bytes, box: Box | None = None) -> NDArray[np.uint8]:
        """Inverse of `pack_planes`.

        Args:
            data: method and stream.
            box: the part that is wanted, within the picture; all without it.

        Returns:
            (h, w) or (h, w, 3 or 4) uint8 of the box.

        Raises:
            CorruptFileError: the bytes are no planes of this size.
            TooLargeError: a stream of more pixels than twice Pillow's `Image.MAX_IMAGE_PIXELS`;
                tiles are far below what that is by default.
        """
        if len(data) < 2:
            raise CorruptFileError(f"{self.what} has {len(data)} bytes; expected at least 2")
        left, top, right, bottom = box or (0, 0, self.width, self.height)
        if data[0] == METHOD_PNG:
            file = self._wrap_png_rows(data[1:])
            planes = self._open(file, PngImageFile, self.width, self.height)
            return planes[top:bottom, left:right]
        if data[0] == METHOD_VP8L:
            return self._read_tiles(data[1:], (left, top, right, bottom))
        raise CorruptFileError(f"{self.what} is coded by method {data[0]}; expected 0 or 1")

    def _read_tiles(self, data: bytes, box: Box) -> NDArray[np.uint8]:
        """The tiles that a box touches; the others are not decoded."""
        left, top, right, bottom = box
        channels = () if self.num_planes == 1 else (self.num_planes,)
        streams = self._split(data)  # before memory is reserved
        planes = np.empty((bottom - top, right - left, *channels), np.uint8)
        for (x, y, x_end, y_end), stream in streams:
            first, last = max(x, left), min(x_end, right)
            begin, end = max(y, top), min(y_end, bottom)
            if first >= last or begin >= end:
                continue
            file = self._wrap_vp8l(stream, x_end - x, y_end - y)
            tile = self._open(file, WebPImageFile, x_end - x, y_end - y)
            part = tile[begin - y : end - y, first - x : last - x]
            planes[begin - top : end - top, first - left : last - left] = part
        return planes

    def _split(self, data: bytes) -> list[tuple[Box, bytes]]:
        """Each tile with its stream."""
        boxes, found, start = list(tiles_of(self.width, self.height)), [], 0
        for box in boxes[:-1]:
            num_bytes, length_bytes = self._length(data[start : start + _MAX_LENGTH_BYTES])
            start += length_bytes
            if num_bytes > len(data) - start:
                raise CorruptFileError(
                    f"{self.what}: a tile has {num_bytes} bytes, {len(data) - start} are left; "
                    "copy the file again"
                )
            found.append((box, data[start : start + num_bytes]))
            start += num_bytes
        return [*found, (boxes[-1], data[start:])]

    def _length(self, data: bytes) -> tuple[int, int]:
        """The varint at the start, and its number of bytes."""
        value = 0
        for i, byte in enumerate(data):
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80 and (byte or not i):
                return value, i + 1
            if byte < 0x80:
                break
        raise CorruptFileError(f"{self.what}: no length of a tile in shortest form")

    def _open(
        self, file: bytes, reader: type[PngImageFile | WebPImageFile], width: int, height: int
    ) -> NDArray[np.uint8]:
        """The pixels of a file that was made around a stream."""
        # Not Image.open: the header's limit has been applied, and Pillow's own would come on top.
        try:
            with reader(io.BytesIO(file)) as image:
                if self.num_planes == 1:
                    planes = np.asarray(image if image.mode == "L" else image.getchannel("G"))
                else:
                    planes = np.asarray(image.convert(_MODES[self.num_planes]))
        except Image.DecompressionBombError as error:  # Pillow 13 compares there, too
            raise TooLargeError(
                f"{self.what} of {width}x{height} pixels is beyond the limit of Pillow; if you "
                "trust the file, raise PIL.Image.MAX_IMAGE_PIXELS"
            ) from error
        except (OSError, SyntaxError, ValueError) as error:
            raise CorruptFileError(
                f"{self.what} is damaged ({error}); copy the file again"
            ) from error
        if planes.shape[:2] != (height, width):
            raise CorruptFileError(
                f"{self.what} has {planes.shape[1]}x{planes.shape[0]} pixels; "
                f"expected {width}x{height}"
            )
        return planes

    def _wrap_png_rows(self, rows: bytes) -> bytes:
        """A PNG file around the rows; they are checked here, since Pillow leaves out that check."""
        width, height = self.width, self.height
        num_bytes = height * (width * self.num_planes + 1)
        inflate = zlib.decompressobj()
        try:
            filtered = inflate.decompress(rows, num_bytes + 1)
        except zlib.error as error:
            raise CorruptFileError(
                f"{self.what} is damaged ({error}); copy the file again"
            ) from error
        if len(filtered) != num_bytes or not inflate.eof or inflate.unused_data:
            raise CorruptFileError(
                f"{self.what} has {len(filtered)} bytes of rows or more; expected {num_bytes}"
            )
        head = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLOURS[self.num_planes], 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
        return _PNG_MAGIC + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )

    def _wrap_vp8l(self, stream: bytes, width: int, height: int) -> bytes:
        """A WebP file around the stream, once its own size has been compared with the expected."""
        if len(stream) < 5 or stream[0] != _VP8L_MAGIC:
            raise CorruptFileError(f"{self.what} does not begin like a VP8L bitstream")
        sides = int.from_bytes(stream[1:5], "little")
        found = (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
        if found != (width, height):
            raise CorruptFileError(
                f"{self.what} has {found[0]}x{found[1]} pixels; expected {width}x{height}"
            )
        padding = b"\0" * (len(stream) % 2)
        chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream + padding
        return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def unpack_alpha(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """An alpha plane, (height, width) uint8.

    Raises:
        CorruptFileError: the bytes are no alpha plane of this size.
        TooLargeError: beyond the limit of Pillow, see `PlanesReader.read`.
    """
    reader = PlanesReader(width=width, height=height, num_planes=1, what="alpha plane")
    return reader.read(data)


def tiles_of(width: int, height: int) -> Iterator[Box]:
    """The tiles of a picture, row by row, each row from left to right."""
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            yield left, top, min(left + TILE_PX, width), min(top + TILE_PX, height)


def _to_tiles(planes: NDArray[np.uint8], trial: tuple[int, int]) -> bytes:
    height, width = planes.shape[:2]
    streams = [
        _to_vp8l(planes[top:bottom, left:right], trial)
        for left, top, right, bottom in tiles_of(width, height)
    ]
    lengths = [_pack_length(len(stream)) for stream in streams[:-1]]
    return b"".join(n + s for n, s in zip([*lengths, b""], streams, strict=True))


def _pack_length(num_bytes: int) -> bytes:
    packed = bytearray()
    while num_bytes > 0x7F:
        packed.append(num_bytes & 0x7F | 0x80)
        num_bytes >>= 7
    return bytes([*packed, num_bytes])


def _to_png_rows(planes: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(planes).save(buffer, "PNG", optimize=True)
    png = buffer.getvalue()
    rows, offset = b"", len(_PNG_MAGIC)
    while offset < len(png):
        length, kind = struct.unpack_from(">I4s", png, offset)
        if kind == b"IDAT":
            rows += png[offset + 8 : offset + 8 + length]
        offset += 12 + length
    return rows


def _to_vp8l(planes: NDArray[np.uint8], trial: tuple[int, int]) -> bytes:
    method, quality = trial
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(planes))
    image.save(buffer, "WEBP", lossless=True, quality=quality, method=method)
    webp = buffer.getvalue()
    num_bytes = int.from_bytes(webp[16:20], "little")
    return webp[_RIFF_HEAD_BYTES : _RIFF_HEAD_BYTES + num_bytes]
