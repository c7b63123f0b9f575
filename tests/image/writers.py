"""Picture files that Pillow does not write: deep PNG and TIFF, extra chunks."""

import struct
import zlib
from collections.abc import Iterable

import numpy as np

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_IHDR_END = 33  # the magic, then 12 + 13 bytes
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels to PNG colour type


def png_chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunks(png: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The file with further chunks right after its header."""
    added = b"".join(png_chunk(kind, body) for kind, body in chunks)
    return png[:_IHDR_END] + added + png[_IHDR_END:]


def deep_png(samples: np.ndarray) -> bytes:
    """A 16-bit PNG of (H, W) or (H, W, 2 to 4) uint16."""
    height, width = samples.shape[:2]
    rows = samples.astype(">u2").reshape(height, -1)
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)
    num_channels = samples.shape[2] if samples.ndim == 3 else 1
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[num_channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(filtered)), (b"IEND", b""))
    return _PNG_MAGIC + b"".join(png_chunk(kind, body) for kind, body in chunks)


def shallow_png(row: bytes, width: int, num_bits: int) -> bytes:
    """A grey PNG of one row, which is given as the file has it: packed, 1 to 4 bits per sample."""
    head = struct.pack(">IIBBBBB", width, 1, num_bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b""))
    return _PNG_MAGIC + b"".join(png_chunk(kind, body) for kind, body in chunks)


def raw_tiff(samples: np.ndarray, *, photometric: int) -> bytes:
    """An uncompressed TIFF of (H, W) or (H, W, C) samples of any width.

    Args:
        samples: unsigned, signed or floating point; the byte order becomes that of the file.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK.
    """
    order = ">" if samples.dtype.byteorder == ">" else "<"
    height, width = samples.shape[:2]
    num_channels = samples.shape[2] if samples.ndim == 3 else 1
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    bits, pixels = 8 * samples.dtype.itemsize, samples.tobytes()
    extra = struct.pack(
        f"{order}{2 * num_channels}H", *[bits] * num_channels, *[kind] * num_channels
    )
    place = 8 + len(pixels)
    has_extra = num_channels > 2
    tags = [
        (256, 4, 1, width), (257, 4, 1, height),
        (258, 3, num_channels, place if has_extra else bits),
        (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, num_channels),
        (278, 4, 1, height), (279, 4, 1, len(pixels)),
        (339, 3, num_channels, place + 2 * num_channels if has_extra else kind),
    ]  # fmt: skip
    table = struct.pack(f"{order}H", len(tags))
    for tag, field, count, value in tags:
        is_short = field == 3 and count == 1
        stored = struct.pack(
            f"{order}HH" if is_short else f"{order}I", *([value, 0] if is_short else [value])
        )
        table += struct.pack(f"{order}HHI", tag, field, count) + stored
    magic = b"MM\0*" if order == ">" else b"II*\0"
    head = magic + struct.pack(f"{order}I", place + len(extra))
    return head + pixels + extra + table + bytes(4)
