"""PNG files chunk by chunk: what Pillow passes over or mistakes, and lower bits of deep samples."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from licodec.errors import ImageError
from licodec.image.exif import EXIF_PREFIX
from licodec.image.facts import ColourNumbers, Facts
from licodec.image.icc import MAX_PROFILE_BYTES
from licodec.image.original import Data, stripped

MAGIC = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES, _FRAME_BYTES = 8, 12  # of the file; of a chunk, beside its body
_IHDR_BYTES = 13
_ANCILLARY = 0x20  # in the first letter of a chunk's name
_COLOUR = 2  # in the colour type
_MAX_CHECKED_BYTES = 2**24
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# First column and row, and steps, of the passes of an interlaced picture.
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
_GONE = {b"gMAP": "gain map", b"gDAT": "gain map", b"caBX": "content credentials"}
# By Pillow's name for the upper bytes: one for the lower, of as many bits a pixel, and its mode.
_LOWER = {"RGB;16B": ("RGB", "RGB;16L"), "RGBA;16B": ("RGBA", "RGBA;16L")}


# Keywords of texts that are metadata of other kinds.
XMP_TEXT = "XML:com.adobe.xmp"
KEPT_TEXT = frozenset(
    (XMP_TEXT, "Raw profile type exif", "Raw profile type xmp", "Raw profile type APP1")
)
# Of chunks that Pillow does not read when they are shorter.
_LEAST_BYTES = {
    b"gAMA": 4, b"cICP": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"acTL": 8, b"fcTL": 26,
    b"fdAT": 4,
}  # fmt: skip
_LEAST_KEY_BYTES = {0: 2, 2: 6}  # of tRNS, by colour type
# Of the standard and its extensions, with two that say nothing of the picture (iDOT, vpAg).
_KNOWN = frozenset(
    (
        b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
        b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"tIME",
        b"acTL", b"fcTL", b"fdAT", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"iDOT", b"vpAg",
    )
)  # fmt: skip
_MAX_NAMES = 5


class Chunk(NamedTuple):
    kind: bytes
    start: int  # of the body
    length: int

    @property
    def is_ancillary(self) -> bool:
        return bool(self.kind[0] & _ANCILLARY)


def chunks(data: Data) -> Iterator[Chunk]:
    """All chunks that are there as a whole, up to the end chunk."""
    offset = _HEAD_BYTES
    while offset + _FRAME_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        if offset + _FRAME_BYTES + length > len(data):
            return
        yield Chunk(kind, offset + 8, length)
        offset += _FRAME_BYTES + length
        if kind == b"IEND":
            return


def png_facts(data: Data) -> Facts:
    """What the chunks say; nothing of a file that does not begin like a PNG."""
    if data[: len(MAGIC)] != MAGIC or len(data) < 33:
        return Facts()
    numbers, has_icc, gone, end, kind = None, False, set[str](), 0, b""
    is_damaged, has_rows, is_row, others = False, False, False, dict[str, None]()
    icc: bytes | None = None
    for kind, start, length in chunks(data):
        if kind == b"IDAT":  # Pillow stops at an empty one and at what stands between two
            is_damaged |= not length or (has_rows and not is_row)
        is_row = kind == b"IDAT"
        end = start + length + 4
        has_rows |= is_row
        if kind[0] & _ANCILLARY and length <= _MAX_CHECKED_BYTES:
            body = data[start : start + length]
            is_right = data[start + length : end] == _crc(kind, body)
            if not is_right or not _is_readable(kind, body, data[25]):
                is_damaged = True
                continue
        if kind == b"cICP" and length == 4 and numbers is None:
            primaries, transfer, _, is_full = data[start : start + 4]
            numbers = ColourNumbers(
                primaries=primaries, transfer=transfer, is_full_range=is_full != 0
            )
        elif kind == b"iCCP":
            has_icc = True
            icc = _profile(data[start : start + length]) if has_rows else None
        elif kind in _GONE:
            gone.add(_GONE[kind])
        elif kind not in _KNOWN:
            others[repr(kind)[2:-1]] = None
    rest = stripped(data, end, b"\0\r\n ") if kind == b"IEND" else b""
    return Facts(
        icc=icc,
        has_icc=has_icc,
        numbers=numbers,
        num_bits=data[24],
        is_grey=not data[25] & _COLOUR,
        gone=frozenset(gone),
        is_damaged=is_damaged or kind != b"IEND",
        num_bytes_behind=len(rest),
        notes=_notes_on(list(others)),
    )


def check_png_rows(image: Image.Image, data: Data) -> None:
    """Refuse a picture whose rows end too early, of which Pillow takes the rest for zeros.

    Args:
        image: loaded.
        data: its file.

    Raises:
        ImageError: rows are missing.
    """
    row = image.height - 1
    if data[28] and row:  # interlaced: the last pass holds rows 1, 3, 5 ...
        row -= image.height % 2
    last = image.crop((0, row, image.width, row + 1)).tobytes()
    is_one_row = data[28] and not row  # whose pixels are in several passes
    if (is_one_row or not any(last)) and not _has_all_rows(data):
        raise ImageError("is damaged: rows at its end are missing; get it again")


def take_texts(image: Image.Image) -> dict[Any, Any]:
    """Remove a PNG's texts from `info`, where their keywords may be names that Pillow uses itself.

    Returns:
        What was removed, to be put back.
    """
    if image.format != "PNG":
        return {}
    reader = getattr(image, "png", None)  # Pillow's, there until all pixels are read
    texts = getattr(image, "text", {}) if reader is None else reader.im_text
    found = [
        key
        for key, text in texts.items()
        if key not in KEPT_TEXT and _is_text(image.info.get(key), text)
    ]
    return {key: image.info.pop(key) for key in found}


def _is_text(value: Any, text: str) -> bool:
    if isinstance(value, bytes):  # Pillow takes the text "exif" for the block
        is_block = value.removeprefix(EXIF_PREFIX).startswith((b"II", b"MM"))
        return value == text.encode("latin-1", "replace") and not is_block
    return bool(value == text)


def mend_png(data: Data) -> tuple[bytes, tuple[str, ...]] | None:
    """A file that can be read in place of one that Pillow refuses; None if there is no way.

    Chunks that the picture does not need are left out where their checksum is wrong or they are
    too short. A file that ends too early is closed if the rows in it are complete; rows in several
    places are joined.

    Returns:
        The file and notes.
    """
    if data[: len(MAGIC)] != MAGIC:
        return None
    kept: list[tuple[bytes, bytes]] = []
    notes, rows, has_end, is_split = [], b"", False, False
    for chunk in chunks(data):
        kind, start, length = chunk
        body = data[start : start + length]
        is_right = data[start + length : start + length + 4] == _crc(kind, body)
        if not is_right and not chunk.is_ancillary:
            return None
        if not is_right or not _is_readable(kind, body, data[25]):
            fault = "is damaged" if is_right else "has a wrong checksum"
            notes.append(f"PNG chunk {repr(kind)[2:-1]} {fault} and is dropped")
            continue
        has_end |= kind == b"IEND"
        if kind == b"IDAT":
            is_split |= not body or (bool(rows) and kept[-1][0] != kind)
            rows += body
        kept.append((kind, body))
    if not has_end:
        whole = _whole_rows(rows + _open_tail(data), kept)
        if whole is None:
            return None
        kept = [(kind, body) for kind, body in kept if kind not in (b"IDAT", b"IEND")]
        kept += [(b"IDAT", zlib.compress(whole, 1)), (b"IEND", b"")]
        notes.append("end of the file is missing; all rows are there")
    elif is_split:
        place = next(index for index, (kind, _) in enumerate(kept) if kind == b"IDAT")
        others = [
            [pair for pair in part if pair[0] != b"IDAT"] for part in (kept[:place], kept[place:])
        ]
        kept = [*others[0], (b"IDAT", rows), *others[1]]
    if not notes and not is_split:
        return None
    return MAGIC + b"".join(
        struct.pack(">I", len(body)) + kind + body + _crc(kind, body) for kind, body in kept
    ), tuple(notes)


def lower_bytes(data: Data) -> NDArray[np.uint8] | None:
    """The lower bytes of 16-bit samples, (H, W, 1 to 4); Pillow gives the upper alone.

    Returns:
        None for grey without alpha, which Pillow gives in full.

    Raises:
        OSError, ...: as Pillow raises it of a damaged file.
    """
    with Image.open(io.BytesIO(data[:]), formats=["PNG"]) as image:
        assert isinstance(image, ImageFile.ImageFile)
        tile = image.tile[0]
        raw_mode = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
        if raw_mode in _LOWER:
            mode, lower = _LOWER[raw_mode]
        elif raw_mode == "LA;16B":
            mode, lower = "RGBA", "RGBA"  # four bytes a pixel, taken as they are
        else:
            return None
        image._mode = mode
        image.tile = [tile._replace(args=lower)]
        image.load()
        samples = np.asarray(image)
        return samples[:, :, 1::2] if raw_mode == "LA;16B" else samples


def _crc(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _is_readable(kind: bytes, body: bytes, colour_type: int) -> bool:
    """Whether Pillow can read a chunk; it refuses the picture of one that it cannot."""
    if kind in (b"iCCP", b"zTXt"):
        name, _, packed = body.partition(b"\0")
        return len(name) < len(body) and packed[:1] == b"\0"
    least = _LEAST_KEY_BYTES.get(colour_type, 0) if kind == b"tRNS" else _LEAST_BYTES.get(kind, 0)
    return len(body) >= least


def _profile(body: bytes) -> bytes | None:
    """The profile in an iCCP chunk; Pillow sees none behind the rows."""
    try:
        packed = body.partition(b"\0")[2][1:]
        return zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES) or None
    except zlib.error:
        return None


def _notes_on(others: list[str]) -> tuple[str, ...]:
    if not others:
        return ()
    more = f" and {len(others) - _MAX_NAMES} more" if len(others) > _MAX_NAMES else ""
    return (f"PNG chunks dropped: {', '.join(others[:_MAX_NAMES])}{more}",)


def _has_all_rows(data: Data) -> bool:
    found = list(chunks(data))
    packed = b"".join(data[c.start : c.start + c.length] for c in found if c.kind == b"IDAT")
    head = data[found[0].start : found[0].start + found[0].length]
    return _whole_rows(packed, [(found[0].kind, head)]) is not None


def _open_tail(data: Data) -> bytes:
    """The body of a last chunk of rows that is not there as a whole."""
    offset = _HEAD_BYTES
    for _, start, length in chunks(data):
        offset = start + length + 4
    is_rows = data[offset + 4 : offset + 8] == b"IDAT"
    return data[offset + 8 :] if is_rows else b""


def _whole_rows(packed: bytes, kept: list[tuple[bytes, bytes]]) -> bytes | None:
    """Filtered rows, if all are there."""
    if not kept or kept[0][0] != b"IHDR" or len(kept[0][1]) != _IHDR_BYTES:
        return None
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", kept[0][1])
    if colour not in _CHANNELS or not 0 < width * height < 2**40:
        return None
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    wanted = 0
    for left, top, step_x, step_y in passes:
        columns, rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
        if columns > 0 and rows > 0:
            wanted += rows * (1 + -(-columns * depth * _CHANNELS[colour] // 8))
    try:
        found = zlib.decompressobj().decompress(packed, wanted)
    except zlib.error:
        return None
    return found if len(found) == wanted else None
