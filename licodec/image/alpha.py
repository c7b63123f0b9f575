"""An alpha plane goes in; bytes come out that give the same plane back, or the other way round.

First byte: the method. 0: zlib stream of PNG-filtered rows of an 8-bit grey picture (what a PNG
holds in its IDAT chunks). 1: VP8L bitstream (lossless WebP, RFC 9649) with alpha in the green
channel. Width and height are known to the reader, so no claim inside the data reserves memory.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from licodec.errors import CorruptFileError, TooLargeError

METHOD_PNG = 0
METHOD_VP8L = 1

MAX_VP8L_SIDE_PX = 16383  # what libwebp writes at most
# Above this WebP takes seconds and its gain over PNG is small in the whole file.
MAX_VP8L_PIXELS = 2**24

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_VP8L_MAGIC = 0x2F
_RIFF_HEAD_BYTES = 20  # RIFF size WEBP VP8L size


def pack_alpha(alpha: NDArray[np.uint8]) -> bytes:
    """Code an (H, W) uint8 plane without loss, by the method that gives fewer bytes."""
    packed = bytes([METHOD_PNG]) + _to_png_rows(alpha)
    height, width = alpha.shape
    if max(height, width) <= MAX_VP8L_SIDE_PX and height * width <= MAX_VP8L_PIXELS:
        packed = min(packed, bytes([METHOD_VP8L]) + _to_vp8l(alpha), key=len)
    return packed


def unpack_alpha(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Inverse of `pack_alpha`; (height, width) uint8.

    Raises:
        CorruptFileError: the bytes are no alpha plane of this size.
        TooLargeError: a VP8L plane of more pixels than twice Pillow's `Image.MAX_IMAGE_PIXELS`;
            those of `pack_alpha` are far below what that is by default.
    """
    if len(data) < 2:
        raise CorruptFileError(f"alpha plane has {len(data)} bytes; expected at least 2")
    # Not Image.open: the header's limit has been applied, and Pillow's own would come on top.
    reader: type[PngImageFile | WebPImageFile]
    if data[0] == METHOD_PNG:
        file, reader = _wrap_png_rows(data[1:], width, height), PngImageFile
    elif data[0] == METHOD_VP8L:
        file, reader = _wrap_vp8l(data[1:], width, height), WebPImageFile
    else:
        raise CorruptFileError(f"alpha plane is coded by method {data[0]}; expected 0 or 1")
    try:
        with reader(io.BytesIO(file)) as image:
            plane = image if image.mode == "L" else image.getchannel("G")
            alpha = np.asarray(plane)
    except Image.DecompressionBombError as error:  # Pillow 13 compares there, too
        raise TooLargeError(
            f"alpha plane of {width}x{height} pixels is beyond the limit of Pillow; if you trust "
            "the file, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise CorruptFileError(f"alpha plane is damaged ({error}); copy the file again") from error
    if alpha.shape != (height, width):
        raise CorruptFileError(
            f"alpha plane has {alpha.shape[1]}x{alpha.shape[0]} pixels; expected {width}x{height}"
        )
    return alpha


def _to_png_rows(alpha: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(alpha).save(buffer, "PNG", optimize=True)
    png = buffer.getvalue()
    rows, offset = b"", len(_PNG_MAGIC)
    while offset < len(png):
        length, kind = struct.unpack_from(">I4s", png, offset)
        if kind == b"IDAT":
            rows += png[offset + 8 : offset + 8 + length]
        offset += 12 + length
    return rows


def _wrap_png_rows(rows: bytes, width: int, height: int) -> bytes:
    """A PNG file around the rows; they are checked here, since Pillow leaves out that check."""
    num_bytes = height * (width + 1)
    inflate = zlib.decompressobj()
    try:
        filtered = inflate.decompress(rows, num_bytes + 1)
    except zlib.error as error:
        raise CorruptFileError(f"alpha plane is damaged ({error}); copy the file again") from error
    if len(filtered) != num_bytes or not inflate.eof or inflate.unused_data:
        raise CorruptFileError(
            f"alpha plane has {len(filtered)} bytes of rows or more; expected {num_bytes}"
        )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return _PNG_MAGIC + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _to_vp8l(alpha: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(alpha).save(buffer, "WEBP", lossless=True, quality=75, method=4)
    webp = buffer.getvalue()
    num_bytes = int.from_bytes(webp[16:20], "little")
    return webp[_RIFF_HEAD_BYTES : _RIFF_HEAD_BYTES + num_bytes]


def _wrap_vp8l(stream: bytes, width: int, height: int) -> bytes:
    """A WebP file around the stream, once its own size has been compared with the expected."""
    if len(stream) < 5 or stream[0] != _VP8L_MAGIC:
        raise CorruptFileError("alpha plane does not begin like a VP8L bitstream")
    sides = int.from_bytes(stream[1:5], "little")
    found = (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    if found != (width, height):
        raise CorruptFileError(
            f"alpha plane has {found[0]}x{found[1]} pixels; expected {width}x{height}"
        )
    padding = b"\0" * (len(stream) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream + padding
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
