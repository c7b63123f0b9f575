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


def raw_tiff(
    samples: np.ndarray,
    *,
    photometric: int,
    is_planar: bool = False,
    num_bits: int | None = None,
    compression: int = 1,
    predictor: int = 1,
    extra: int | None = None,
    tags: Iterable[tuple[int, int, int, int | tuple[int, ...]]] = (),
) -> bytes:
    """A TIFF of (H, W) or (H, W, C) samples of any width, in one strip or one a plane.

    Args:
        samples: unsigned, signed or floating point; the byte order becomes that of the file.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK.
        is_planar: all samples of a colour before those of the next.
        num_bits: pack unsigned samples into so many bits each.
        compression: 1 for none, 8 for deflate.
        predictor: 2 stores differences of neighbours, 3 those of bytes of floats.
        extra: what the last channel is: 0 nothing, 1 alpha that colours are multiplied by, 2 alpha.
        tags: more (tag, type, count, value or values), or others in place of those made here.
    """
    order = ">" if samples.dtype.byteorder == ">" else "<"
    height, width = samples.shape[:2]
    values = samples.reshape(height, width, -1)
    count = values.shape[2]
    planes = [values[:, :, i : i + 1] for i in range(count)] if is_planar else [values]
    strips = [_packed_rows(plane, num_bits, predictor) for plane in planes]
    strips = [zlib.compress(strip) if compression == 8 else strip for strip in strips]
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    bits = num_bits or 8 * samples.dtype.itemsize
    pixels, places = b"".join(strips), [8]
    for strip in strips:
        places.append(places[-1] + len(strip))
    made = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * count), 259: (3, [compression]),
        262: (3, [photometric]), 273: (4, places[:-1]), 277: (3, [count]), 278: (4, [height]),
        279: (4, [len(strip) for strip in strips]), 284: (3, [2 if is_planar else 1]),
        317: (3, [predictor]), 339: (3, [kind] * count),
    }  # fmt: skip
    if extra is not None:
        made[338] = (3, [extra])
    for tag, field, _, value in tags:
        made[tag] = (field, list(value) if isinstance(value, tuple) else [value])
    table, body = struct.pack(f"{order}H", len(made)), b""
    start = 8 + len(pixels) + 2 + 12 * len(made) + 4
    for tag, (field, numbers) in sorted(made.items()):
        stored = struct.pack(f"{order}{len(numbers)}{'H' if field == 3 else 'I'}", *numbers)
        table += struct.pack(f"{order}HHI", tag, field, len(numbers))
        if len(stored) > 4:
            table += struct.pack(f"{order}I", start + len(body))
            body += stored
        else:
            table += stored.ljust(4, b"\0")
    magic = b"MM\0*" if order == ">" else b"II*\0"
    return magic + struct.pack(f"{order}I", 8 + len(pixels)) + pixels + table + bytes(4) + body


def _packed_rows(samples: np.ndarray, num_bits: int | None, predictor: int) -> bytes:
    """(H, W, C) to the bytes of a strip."""
    if num_bits is not None:
        rows = samples.reshape(len(samples), -1, 1).astype(np.uint32)
        shifts = np.arange(num_bits - 1, -1, -1, dtype=np.uint32)
        bits = (rows >> shifts & 1).astype(np.uint8).reshape(len(samples), -1)
        return np.packbits(bits, axis=1).tobytes()
    if predictor == 2:
        order = samples.dtype.str[0]
        unsigned = samples.view(f"{order}u{samples.dtype.itemsize}")
        steps = np.concatenate([unsigned[:, :1], np.diff(unsigned, axis=1)], 1)
        return steps.astype(unsigned.dtype).tobytes()
    if predictor == 3:
        size, depth = samples.dtype.itemsize, samples.shape[2]
        big = np.ascontiguousarray(samples.astype(f">f{size}")).view(np.uint8)
        planes = big.reshape(len(samples), -1, size).swapaxes(1, 2).reshape(len(samples), -1, depth)
        return np.concatenate([planes[:, :1], np.diff(planes, axis=1)], 1).tobytes()
    return samples.tobytes()


def joined_tiff(first: bytes, *others: bytes, are_children: bool = False) -> bytes:
    """One file of several of `raw_tiff`, all little-endian: pages, or children of the first one."""
    joined, places = first, []
    for other in others:
        joined += bytes(len(joined) % 2)
        places.append(len(joined) + _directory_of(other))
        joined += _moved(other, len(joined))
    at = _directory_of(joined)
    if are_children:
        entries = [*_entries(joined, at), struct.pack("<HHII", 330, 4, 1, places[0])]
        table = struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + bytes(4)
        return joined[:4] + struct.pack("<I", len(joined)) + joined[8:] + table
    for place in places:
        end = at + 2 + 12 * len(_entries(joined, at))
        joined = joined[:end] + struct.pack("<I", place) + joined[end + 4 :]
        at = place
    return joined


def _directory_of(tiff: bytes) -> int:
    return int.from_bytes(tiff[4:8], "little")


def _entries(tiff: bytes, at: int) -> list[bytes]:
    (count,) = struct.unpack_from("<H", tiff, at)
    return [tiff[place : place + 12] for place in range(at + 2, at + 2 + 12 * count, 12)]


def _moved(tiff: bytes, by: int) -> bytes:
    """The bytes of a file that stands behind others: all places in it are so much larger."""
    changed, at = bytearray(tiff), _directory_of(tiff)
    for place in range(at + 2, at + 2 + 12 * len(_entries(tiff, at)), 12):
        tag, kind, count, value = struct.unpack_from("<HHII", tiff, place)
        is_elsewhere = count * (2 if kind == 3 else 4) > 4
        if is_elsewhere or tag == 273:
            struct.pack_into("<I", changed, place + 8, value + by)
        for index in range(count if tag == 273 and is_elsewhere else 0):
            (strip,) = struct.unpack_from("<I", tiff, value + 4 * index)
            struct.pack_into("<I", changed, value + 4 * index, strip + by)
    return bytes(changed)
