"""TIFF files whose layout Pillow does not read rightly, as arrays of their samples.

Pillow takes signed samples for unsigned, 12 bits for 16, planes of 16 bits for pixels, and knows no
colour of more than 16 bits. Compressed strips are unpacked by libtiff all the same: as rows.
"""

import io
import mmap
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from licodec.errors import ImageError
from licodec.image.faults import PILLOW_FAULTS, one_line
from licodec.image.original import Data
from licodec.image.picture import turn

(_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _OFFSETS, _ORIENTATION) = (
    256, 257, 258, 259, 262, 266, 273, 274,
)  # fmt: skip
(_NUM_SAMPLES, _ROWS, _COUNTS, _PLANAR, _PREDICTOR, _COLOUR_MAP) = 277, 278, 279, 284, 317, 320
(_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _TILE_COUNTS) = 322, 323, 324, 325
_SUB_FILES, _EXTRA, _FORMAT, _SUBSAMPLING, _DNG, _KIND = 330, 338, 339, 530, 50706, 254
_RAW, _LINEAR_RAW = 32803, 34892

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}  # samples beside extra ones
_FORMAT_NAMES = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating-point"}
_PHOTOMETRIC_NAMES = {
    0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIELab",
    9: "ICCLab", 10: "ITULab", _RAW: "raw", 32844: "LogL", 32845: "LogLuv", _LINEAR_RAW: "raw",
}  # fmt: skip
_UNPACKED = frozenset((1, 5, 8, 32773, 32946, 34925, 50000))  # what gives rows of bytes
_MAX_SAMPLES = 16
_ASSOCIATED, _UNASSOCIATED = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The first picture of a file, upright."""

    values: NDArray[Any]  # (H, W, C) of any integer or floating-point type
    num_bits: int
    kind: int  # UNSIGNED, SIGNED or FLOAT
    photometric: int  # a key of _COLOURS
    alpha: int | None  # _ASSOCIATED or _UNASSOCIATED for the sample behind the colours

    @property
    def num_colours(self) -> int:
        return _COLOURS[self.photometric]

    @property
    def is_associated(self) -> bool:
        return self.alpha == _ASSOCIATED


Tags = TiffImagePlugin.ImageFileDirectory_v2


def check_first_picture(data: Data, tags: Tags) -> None:
    """Refuse a file whose first picture is a small copy of one that Pillow does not show.

    Raises:
        ImageError: it is, or the file is raw data of a camera.
    """
    others = _further(data, tags)
    kinds = {_number(t, _PHOTOMETRIC, 0) for t in (tags, *others)}
    if _DNG in tags or kinds & {_RAW, _LINEAR_RAW}:
        raise ImageError(
            "is raw data of a camera, of which licodec could read a preview alone; "
            "develop it to TIFF or PNG first"
        )
    area = _area(tags)
    largest = max((_area(t) for t in others), default=0)
    if _number(tags, _KIND, 0) & 1 and largest > area:
        raise ImageError(
            f"is a TIFF whose first picture is a preview of {_number(tags, _WIDTH, 0)}x"
            f"{_number(tags, _LENGTH, 0)} pixels, with the large one in a directory below; "
            "save it as one picture"
        )


def samples_of(data: Data, tags: Tags, *, is_deep_read: bool = False) -> Samples | None:
    """The samples of the first picture if Pillow would not read them rightly; else None.

    Args:
        data: a file.
        tags: of its first directory.
        is_deep_read: read 16-bit colours, too, which Pillow cuts to 8 bits.

    Raises:
        ImageError: neither Pillow nor this reads the layout, or the file is damaged.
    """
    if is_right_in_pillow(tags):
        is_deep = max(_numbers(tags, _BITS, 1)) == 16 and _number(tags, _PHOTOMETRIC, 0) == RGB
        if not (is_deep_read and is_deep and _number(tags, _COMPRESSION, 1) in _UNPACKED):
            return None
    layout = _Layout.of(tags)
    try:
        values = _read(data, tags, layout)
    except PILLOW_FAULTS as error:
        raise ImageError(f"is damaged: {one_line(error)}; get it again") from error
    return Samples(
        values=np.ascontiguousarray(turn(values, _number(tags, _ORIENTATION, 1))),
        num_bits=layout.num_bits,
        kind=layout.kind,
        photometric=layout.photometric,
        alpha=layout.alpha,
    )


def size_of(data: Data) -> tuple[int, int]:
    """Width and height that the first directory states; zeros if it does not."""
    tags = tags_of(data)
    return (0, 0) if tags is None else (_number(tags, _WIDTH, 0), _number(tags, _LENGTH, 0))


def tags_of(data: Data) -> Tags | None:
    """The tags of the first directory; None if the file is no TIFF or too damaged."""
    head = data[:8]
    if head[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    try:
        head = data[:16] if head[2:4] in (b"+\0", b"\0+") else head
        tags = Tags(head)
        return _loaded(data, head, tags.next)
    except PILLOW_FAULTS:
        return None


def is_right_in_pillow(tags: Tags) -> bool:
    """Whether Pillow shows this layout as what it is."""
    bits, kinds = set(_numbers(tags, _BITS, 1)), set(_numbers(tags, _FORMAT, UNSIGNED))
    photometric, compression = _number(tags, _PHOTOMETRIC, 0), _number(tags, _COMPRESSION, 1)
    if photometric == YCBCR and compression in (1, 5, 8, 32946):
        return max(_numbers(tags, _SUBSAMPLING, 2)) == 1 and bits == {8}
    if kinds - {UNSIGNED, 4}:  # 4 is undefined
        return False
    is_planar = _number(tags, _PLANAR, 1) == 2 and _number(tags, _NUM_SAMPLES, 1) > 1
    if is_planar and photometric in _COLOURS and (photometric != RGB or bits != {8}):
        return False
    if bits <= {1, 2, 4, 8}:
        return len(bits) == 1
    is_deep_grey = photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)
    has_alpha = bool(_numbers(tags, _EXTRA, None))
    is_known = not is_deep_grey or (not has_alpha and (tags.prefix == b"II" or photometric == 1))
    return bits == {16} and is_known and photometric in (0, 1, 2, 3, 5)


def palette_of(tags: Tags) -> bytes | None:
    """Red, green and blue by turns of a palette whose writer took 255 for white; else None.

    Pillow takes 65535, as the standard says, and shows such pictures black.
    """
    values = _numbers(tags, _COLOUR_MAP, None)
    if not values or len(values) % 3 or not 0 < max(values) < 256 or min(values) < 0:
        return None
    count = len(values) // 3
    return bytes(values[i + plane * count] for i in range(count) for plane in range(3))


def name_of(tags: Tags) -> str:
    """What a message calls the layout."""
    bits, kinds = _numbers(tags, _BITS, 1), _numbers(tags, _FORMAT, UNSIGNED)
    depth = "/".join(str(b) for b in sorted(set(bits)))
    kind = "/".join(_FORMAT_NAMES.get(k, f"format {k}") for k in sorted(set(kinds)))
    photometric = _number(tags, _PHOTOMETRIC, 0)
    colour = _PHOTOMETRIC_NAMES.get(photometric, f"colour model {photometric}")
    planes = " in planes" if _number(tags, _PLANAR, 1) == 2 else ""
    compression = _number(tags, _COMPRESSION, 1)
    count = _number(tags, _NUM_SAMPLES, 1)
    return f"{count} x {depth}-bit {kind} {colour}{planes}, compression {compression}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the tags of a readable file say."""

    width: int
    height: int
    num_samples: int
    num_bits: int
    kind: int
    photometric: int
    alpha: int | None
    is_planar: bool

    @classmethod
    def of(cls, tags: Tags) -> "_Layout":
        """Raises ImageError for a layout that is not read here."""
        bits, kinds = set(_numbers(tags, _BITS, 1)), set(_numbers(tags, _FORMAT, UNSIGNED))
        num_samples = _number(tags, _NUM_SAMPLES, 1)
        photometric, extra = _number(tags, _PHOTOMETRIC, 0), _numbers(tags, _EXTRA, None)
        width, height = _number(tags, _WIDTH, 0), _number(tags, _LENGTH, 0)
        num_bits, kind = max(bits), max(kinds) if kinds - {4} else UNSIGNED
        is_readable = (
            len(bits) == 1
            and len(kinds) == 1
            and photometric in _COLOURS
            and _COLOURS[photometric] <= num_samples <= _MAX_SAMPLES
            and _number(tags, _COMPRESSION, 1) in _UNPACKED
            and _number(tags, _FILL_ORDER, 1) == 1
            and kind in _FORMAT_NAMES
            and (num_bits in (16, 32, 64) if kind == FLOAT else 1 <= num_bits <= 32)
            and not (kind == SIGNED and num_bits not in (8, 16, 32))
            and width > 0 < height
        )
        if not is_readable:
            raise ImageError(
                f"is a TIFF of {name_of(tags)}, which licodec does not read; "
                "save it with 8 or 16 bits per channel"
            )
        alpha = extra[0] if extra and num_samples > _COLOURS[photometric] else None
        return cls(
            width=width,
            height=height,
            num_samples=num_samples,
            num_bits=num_bits,
            kind=kind,
            photometric=photometric,
            alpha=alpha if alpha in (_ASSOCIATED, _UNASSOCIATED) else None,
            is_planar=_number(tags, _PLANAR, 1) == 2 and num_samples > 1,
        )


@dataclass(frozen=True, slots=True)
class _Grid:
    """How a picture is cut into strips or tiles, for each plane alike."""

    width: int  # of a piece
    height: int
    columns: int
    rows: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, tags: Tags, layout: _Layout) -> "_Grid":
        if _TILE_OFFSETS in tags:
            width, height = _number(tags, _TILE_WIDTH, 0), _number(tags, _TILE_LENGTH, 0)
            offsets, counts = (
                _numbers(tags, _TILE_OFFSETS, None),
                _numbers(tags, _TILE_COUNTS, None),
            )
        else:
            width = layout.width
            height = min(_number(tags, _ROWS, layout.height), layout.height)
            offsets, counts = _numbers(tags, _OFFSETS, None), _numbers(tags, _COUNTS, None)
        if not (0 < width <= 2 * layout.width + 4096 and 0 < height <= 2 * layout.height + 4096):
            raise ValueError(f"pieces have {width}x{height} pixels")
        columns, rows = -(-layout.width // width), -(-layout.height // height)
        wanted = columns * rows * (layout.num_samples if layout.is_planar else 1)
        if len(offsets) < wanted or len(counts) < wanted:
            raise ValueError(f"{len(offsets)} strips or tiles, expected {wanted}")
        return cls(width, height, columns, rows, offsets, counts)


def _read(data: Data, tags: Tags, layout: _Layout) -> NDArray[Any]:
    """(H, W, C) samples."""
    grid = _Grid.of(tags, layout)
    num_planes = layout.num_samples if layout.is_planar else 1
    depth = 1 if layout.is_planar else layout.num_samples
    planes = [_plane(data, tags, layout, grid, index, depth) for index in range(num_planes)]
    values = planes[0] if num_planes == 1 else np.concatenate(planes, 2)
    return values[: layout.height, : layout.width]


def _plane(
    data: Data, tags: Tags, layout: _Layout, grid: _Grid, index: int, depth: int
) -> NDArray[Any]:
    """(rows of pieces, columns of pieces, depth) samples of one plane."""
    is_tiled = _TILE_OFFSETS in tags
    row_bytes = -(-grid.width * depth * layout.num_bits // 8)
    num_pieces = grid.columns * grid.rows
    heights = [grid.height] * num_pieces
    if not is_tiled:
        heights[-1] = layout.height - (grid.rows - 1) * grid.height
    first = index * num_pieces
    places = list(zip(grid.offsets[first:], grid.counts[first:], heights, strict=False))
    rows = _unpacked(data, _number(tags, _COMPRESSION, 1), places, row_bytes)
    samples = _samples(rows, tags, layout, grid.width, depth)  # (all rows, width, depth)
    if not is_tiled:
        return samples
    shape = grid.rows, grid.columns, grid.height, grid.width, depth
    return samples.reshape(shape).swapaxes(1, 2).reshape(shape[0] * shape[2], -1, depth)


def _unpacked(
    data: Data, compression: int, places: list[tuple[int, int, int]], row_bytes: int
) -> NDArray[np.uint8]:
    """(rows, row_bytes) of all pieces, given by place, length and rows, on top of each other."""
    found: list[NDArray[np.uint8]] = []
    for offset, count, height in places:
        wanted = height * row_bytes
        packed = data[offset : offset + count]
        if compression != 1:
            packed = _by_libtiff(packed, compression, row_bytes, height)
        if len(packed) < wanted:
            raise ValueError(f"a strip has {len(packed)} bytes, expected {wanted}")
        found.append(np.frombuffer(packed[:wanted], np.uint8).reshape(height, row_bytes))
    return np.concatenate(found)


def _by_libtiff(packed: bytes, compression: int, width: int, height: int) -> bytes:
    """Unpack a strip as the 8-bit grey picture that its bytes make."""
    tags = (
        (_WIDTH, width), (_LENGTH, height), (_BITS, 8), (_COMPRESSION, compression),
        (_PHOTOMETRIC, 1), (_OFFSETS, 0), (_NUM_SAMPLES, 1), (_ROWS, height),
        (_COUNTS, len(packed)),
    )  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, start if tag == _OFFSETS else value) for tag, value in tags
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    # Not Image.open: the limit on pixels has been applied to the picture itself.
    with TiffImagePlugin.TiffImageFile(io.BytesIO(head + entries + bytes(4) + packed)) as image:
        return image.tobytes()


def _samples(
    rows: NDArray[np.uint8], tags: Tags, layout: _Layout, width: int, depth: int
) -> NDArray[Any]:
    """(rows, row_bytes) to (rows, width, depth) samples, predictions undone."""
    order = ">" if tags.prefix == b"MM" else "<"
    bits, predictor = layout.num_bits, _number(tags, _PREDICTOR, 1)
    if predictor == 3:
        summed = np.add.accumulate(rows.reshape(len(rows), -1, depth), 1, np.uint8)
        planes = summed.reshape(len(rows), bits // 8, width * depth)  # most significant first
        rows = np.ascontiguousarray(planes.swapaxes(1, 2)).reshape(len(rows), -1)
        return rows.view(f">f{bits // 8}").reshape(len(rows), width, depth)
    if bits not in (8, 16, 32, 64):
        if predictor != 1:
            raise ValueError(f"predictor {predictor} of {bits}-bit samples")
        return _from_bits(rows, bits, width * depth).reshape(len(rows), width, depth)
    letter = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[layout.kind]
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


def _loaded(data: Data, head: bytes, offset: int) -> Tags:
    stream: Any = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
    stream.seek(offset)
    tags = Tags(head)
    tags.load(stream)
    return tags


def _further(data: Data, tags: Tags) -> list[Tags]:
    """The directories below the first one."""
    head = data[:16] if data[2:4] in (b"+\0", b"\0+") else data[:8]
    found = []
    for offset in _numbers(tags, _SUB_FILES, None)[:16]:
        try:
            found.append(_loaded(data, head, offset))
        except PILLOW_FAULTS:
            continue
    return found


def _area(tags: Tags) -> int:
    return _number(tags, _WIDTH, 0) * _number(tags, _LENGTH, 0)


def _numbers(tags: Tags, tag: int, default: int | None) -> tuple[int, ...]:
    """All integers of a tag, or the default alone."""
    value = tags.get(tag)
    values = value if isinstance(value, tuple) else (value,)
    found = tuple(v for v in values if isinstance(v, int))
    return found or (() if default is None else (default,))


def _number(tags: Tags, tag: int, default: int) -> int:
    return _numbers(tags, tag, default)[0]
