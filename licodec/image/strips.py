"""Unpacks the strips or tiles of a TIFF to samples; libtiff does as if their bytes were pixels."""

import bisect
import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from licodec.image.directories import Tag, Tags, number, numbers
from licodec.image.faults import pixels_unlimited
from licodec.image.original import Data

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
UNCOMPRESSED = 1
# LZW, deflate under three numbers, Zstandard: what a predictor can go with.
_PREDICTED = frozenset((5, 8, 32946, 34925, 50000))
UNPACKED = _PREDICTED | {UNCOMPRESSED, 32773}  # what gives rows of bytes

# No byte stands for more than these, whatever a file claims: LZW, deflate, PackBits.
_MAX_RATIOS = {5: 4096, 8: 1040, 32946: 1040, 32773: 64}

_LOW_BIT_FIRST = 2
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the strips of a file hold."""

    width: int
    height: int
    num_samples: int
    num_bits: int  # of a sample
    kind: int  # UNSIGNED, SIGNED or FLOAT
    is_planar: bool

    @classmethod
    def of(cls, tags: Tags, num_bits: int, kind: int) -> "Frame":
        """As the tags say, but for what a sample is."""
        num_samples = number(tags, Tag.NUM_SAMPLES, 1)
        return cls(
            width=number(tags, Tag.WIDTH, 0),
            height=number(tags, Tag.LENGTH, 0),
            num_samples=num_samples,
            num_bits=num_bits,
            kind=kind,
            is_planar=number(tags, Tag.PLANAR, 1) == 2 and num_samples > 1,
        )


def read_samples(data: Data, tags: Tags, frame: Frame) -> NDArray[Any]:
    """(H, W, num_samples) of any integer or floating-point type.

    Raises:
        ValueError, OSError, ...: `faults.PILLOW_FAULTS`, of damaged files.
    """
    grid = _Grid.of(data, tags, frame)
    num_planes = frame.num_samples if frame.is_planar else 1
    depth = 1 if frame.is_planar else frame.num_samples
    planes = [_plane(data, tags, frame, grid, index, depth) for index in range(num_planes)]
    values = planes[0] if num_planes == 1 else np.concatenate(planes, 2)
    return values[: frame.height, : frame.width]


def check_strips(data: Data, tags: Tags) -> None:
    """Make sure that there is a strip or tile for every row.

    Pillow leaves rows black where there is none, and libtiff writes lines of its own to stderr.

    Raises:
        ValueError: there is not.
    """
    _Grid.of(data, tags, Frame.of(tags, number(tags, Tag.BITS, 1), UNSIGNED))


@dataclass(frozen=True, slots=True)
class _Grid:
    """How a picture is cut into strips or tiles, for each plane alike."""

    width: int  # of a piece
    height: int
    columns: int
    rows: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]  # bytes

    @classmethod
    def of(cls, data: Data, tags: Tags, frame: Frame) -> "_Grid":
        if Tag.TILE_OFFSETS in tags:
            width, height = number(tags, Tag.TILE_WIDTH, 0), number(tags, Tag.TILE_LENGTH, 0)
            offsets, counts = (
                numbers(tags, Tag.TILE_OFFSETS, None),
                numbers(tags, Tag.TILE_COUNTS, None),
            )
        else:
            width = frame.width
            # Some writers put 0 for all rows.
            height = min(number(tags, Tag.ROWS_PER_STRIP, 0) or frame.height, frame.height)
            offsets, counts = (
                numbers(tags, Tag.STRIP_OFFSETS, None),
                numbers(tags, Tag.STRIP_COUNTS, None),
            )
        if not (0 < width <= 2 * frame.width + 4096 and 0 < height <= 2 * frame.height + 4096):
            raise ValueError(f"pieces have {width}x{height} pixels")
        columns, rows = -(-frame.width // width), -(-frame.height // height)
        wanted = columns * rows * (frame.num_samples if frame.is_planar else 1)
        if not any(counts):
            counts = _distances(offsets, len(data))
        # Without compression a wrong length is of no account.
        is_packed = number(tags, Tag.COMPRESSION, UNCOMPRESSED) != UNCOMPRESSED
        places = list(zip(offsets[:wanted], counts, strict=False))
        found = sum(offset > 0 and (length > 0 or not is_packed) for offset, length in places)
        if found < wanted:
            raise ValueError(f"{found} strips or tiles, expected {wanted}")
        end = max(map(sum, places))
        if end > len(data) and is_packed:
            raise ValueError(f"a strip or tile ends at byte {end:,} of {len(data):,}")
        return cls(width, height, columns, rows, offsets, counts)


def _distances(offsets: tuple[int, ...], end: int) -> tuple[int, ...]:
    """From each strip to the one that follows it in the file, where no lengths are stated."""
    places = [*sorted(offsets), end]
    return tuple(places[bisect.bisect_right(places, at, hi=len(offsets))] - at for at in offsets)


def _plane(
    data: Data, tags: Tags, frame: Frame, grid: _Grid, index: int, depth: int
) -> NDArray[Any]:
    """(rows of pieces, columns of pieces, depth) samples of one plane."""
    is_tiled = Tag.TILE_OFFSETS in tags
    row_bytes = -(-grid.width * depth * frame.num_bits // 8)
    num_pieces = grid.columns * grid.rows
    heights = [grid.height] * num_pieces
    if not is_tiled:
        heights[-1] = frame.height - (grid.rows - 1) * grid.height
    first = index * num_pieces
    places = list(zip(grid.offsets[first:], grid.counts[first:], heights, strict=False))
    rows = _unpacked(data, tags, places, row_bytes)
    samples = _samples(rows, tags, frame, grid.width, depth)  # (all rows, width, depth)
    if not is_tiled:
        return samples
    shape = grid.rows, grid.columns, grid.height, grid.width, depth
    return samples.reshape(shape).swapaxes(1, 2).reshape(shape[0] * shape[2], -1, depth)


def _unpacked(
    data: Data, tags: Tags, places: list[tuple[int, int, int]], row_bytes: int
) -> NDArray[np.uint8]:
    """(rows, row_bytes) of all pieces, given by place, length and rows, on top of each other."""
    compression = number(tags, Tag.COMPRESSION, UNCOMPRESSED)
    is_reversed = number(tags, Tag.FILL_ORDER, 1) == _LOW_BIT_FIRST
    found: list[NDArray[np.uint8]] = []
    for offset, count, height in places:
        wanted = height * row_bytes
        packed = data[offset : offset + count]
        if is_reversed:
            packed = packed.translate(_REVERSED_BITS)
        if wanted > len(packed) * _MAX_RATIOS.get(compression, wanted):
            raise ValueError(f"a strip of {len(packed)} bytes is too short for {wanted}")
        if compression != UNCOMPRESSED:
            packed = _by_libtiff(packed, compression, row_bytes, height)
        if len(packed) < wanted:
            raise ValueError(f"a strip has {len(packed)} bytes, expected {wanted}")
        found.append(np.frombuffer(packed[:wanted], np.uint8).reshape(height, row_bytes))
    return np.concatenate(found)


def _by_libtiff(packed: bytes, compression: int, width: int, height: int) -> bytes:
    """Unpack a strip as the 8-bit grey picture that its bytes make."""
    tags = (
        (Tag.WIDTH, width), (Tag.LENGTH, height), (Tag.BITS, 8), (Tag.COMPRESSION, compression),
        (Tag.PHOTOMETRIC, 1), (Tag.STRIP_OFFSETS, 0), (Tag.NUM_SAMPLES, 1),
        (Tag.ROWS_PER_STRIP, height), (Tag.STRIP_COUNTS, len(packed)),
    )  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, start if tag == Tag.STRIP_OFFSETS else value)
        for tag, value in tags
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    file = io.BytesIO(head + entries + bytes(4) + packed)
    # The limit on pixels has been applied to the picture itself.
    with pixels_unlimited(), TiffImagePlugin.TiffImageFile(file) as image:
        return image.tobytes()


def _samples(
    rows: NDArray[np.uint8], tags: Tags, frame: Frame, width: int, depth: int
) -> NDArray[Any]:
    """(rows, row_bytes) to (rows, width, depth) samples, predictions undone."""
    order = ">" if tags.prefix == b"MM" else "<"
    is_predicted = number(tags, Tag.COMPRESSION, UNCOMPRESSED) in _PREDICTED
    bits, predictor = frame.num_bits, number(tags, Tag.PREDICTOR, 1) if is_predicted else 1
    if predictor == 3 and frame.kind == FLOAT:
        summed = np.add.accumulate(rows.reshape(len(rows), -1, depth), 1, np.uint8)
        planes = summed.reshape(len(rows), bits // 8, width * depth)  # most significant first
        rows = np.ascontiguousarray(planes.swapaxes(1, 2)).reshape(len(rows), -1)
        return rows.view(f">f{bits // 8}").reshape(len(rows), width, depth)
    if predictor > 2 or (predictor == 2 and bits not in (8, 16, 32, 64)):
        raise ValueError(f"predictor {predictor} of {bits}-bit samples")
    if bits not in (8, 16, 32, 64):
        return _from_bits(rows, bits, width * depth).reshape(len(rows), width, depth)
    letter = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[frame.kind]
    if predictor == 2:
        unsigned = np.ascontiguousarray(rows).view(f"{order}u{bits // 8}")
        steps = unsigned.reshape(len(rows), width, depth).astype(f"u{bits // 8}")
        return np.add.accumulate(steps, 1, steps.dtype).view(f"{letter}{bits // 8}")
    samples = np.ascontiguousarray(rows).view(f"{order}{letter}{bits // 8}")
    return samples.reshape(len(rows), width, depth)


def _from_bits(rows: NDArray[np.uint8], num_bits: int, count: int) -> NDArray[np.uint32]:
    """(rows, row_bytes) to (rows, count) of samples that are no whole bytes."""
    found = np.zeros((len(rows), count), np.uint32)
    starts = np.arange(count) * num_bits
    for bit in range(num_bits):
        place = starts + bit
        value = rows[:, place >> 3] >> (7 - (place & 7)).astype(np.uint8) & 1
        found |= value.astype(np.uint32) << np.uint32(num_bits - 1 - bit)
    return found
