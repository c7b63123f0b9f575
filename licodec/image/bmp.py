"""BMP and TGA headers: colours and alpha that Pillow passes over or takes for what it is not."""

import struct

from licodec.config import MAX_PIXELS
from licodec.image.facts import Facts
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.icc import MAX_PROFILE_BYTES, Primaries, make_profile
from licodec.image.original import Data

_V4_BYTES, _V5_BYTES = 108, 124
_CALIBRATED, _EMBEDDED, _LINKED = b"\0\0\0\0", b"DEBM", b"KNIL"  # four characters, backwards
_DIB_OFFSET = 14  # the information header behind the file header
_INFO_BYTES = 40
_RUNS, _BITFIELDS = (1, 2), 3  # compressions
_END_OF_ROW, _END_OF_RUNS, _ONE_PIXEL = b"\0\0", b"\0\1", b"\1\0"
_TGA_HEADER_BYTES, _TGA_FOOTER_BYTES = 18, 26
_ALPHA_BITS = 0x0F  # of a TGA's descriptor
_TGA_COLOURS = (2, 10)  # without a palette, plain and packed
_TGA_SIGNATURE = b"TRUEVISION-XFILE.\0"
_TGA_ALPHA = 494  # place in the extension area of what alpha means
_TGA_NO_ALPHA, _TGA_ASSOCIATED = (0, 1), 4


def bmp_facts(data: Data, *, is_grey: bool) -> Facts:
    """The colours that a header of version 4 or 5 states; nothing of older ones.

    Args:
        data: a file, or its information header without the file header.
        is_grey: whether a profile made from primaries is for grey.
    """
    start = _DIB_OFFSET if data[:2] == b"BM" else 0
    header = data[start : start + _V5_BYTES]
    num_bytes = int.from_bytes(header[:4], "little")
    if num_bytes < 56 or len(header) < min(num_bytes, _V5_BYTES):
        return Facts()
    num_bits, compression = struct.unpack_from("<HI", header, 14)
    alpha_mask = int.from_bytes(header[52:56], "little")
    notes: tuple[str, ...] = ()
    if num_bits == 16 and compression == _BITFIELDS and alpha_mask:
        notes = ("alpha of a 16-bit BMP dropped",)
    if num_bytes < _V4_BYTES:
        return Facts(notes=notes)
    kind = header[56:60]
    if kind == _LINKED:
        notes += ("ICC profile in another file is not read; colours taken as sRGB",)
    elif kind == _CALIBRATED and any(header[60:108]):
        return Facts(icc=_profile_of_ends(header, is_grey=is_grey), has_icc=True, notes=notes)
    elif kind == _EMBEDDED and num_bytes >= _V5_BYTES:
        place, length = struct.unpack_from("<II", header, 112)
        place += start
        is_inside = 0 < length <= MAX_PROFILE_BYTES and place + length <= len(data)
        icc = data[place : place + length] if is_inside else None
        return Facts(icc=icc, has_icc=True, notes=notes)
    return Facts(notes=notes)


def mend_bmp(data: Data) -> tuple[bytes, tuple[str, ...]] | None:
    """A file that Pillow reads in place of one that it refuses, and notes; None if there is none.

    It refuses palettes of more colours than pixels can name, and runs that end before the last
    row, as they may: Windows shows what they leave out in the first colour.
    """
    header = data[_DIB_OFFSET : _DIB_OFFSET + _INFO_BYTES]
    if data[:2] != b"BM" or len(header) < _INFO_BYTES:
        return None
    height, _, num_bits, compression = struct.unpack_from("<iHHI", header, 8)
    (num_colours,) = struct.unpack_from("<I", header, 32)
    if num_bits <= 8 and num_colours > 2**num_bits:
        place = _DIB_OFFSET + 32
        return data[:place] + struct.pack("<I", 2**num_bits) + data[place + 4 :], ()
    (num_bytes,) = struct.unpack_from("<I", data, 2)
    end = data.rfind(_END_OF_RUNS)
    is_whole = num_bytes <= len(data) and end >= 0 and not any(data[end + 2 :])
    if compression not in _RUNS or not is_whole or abs(height) > MAX_PIXELS:
        return None
    missing = _END_OF_ROW + (_ONE_PIXEL + _END_OF_ROW) * abs(height)
    note = "pixels that the BMP leaves out have the first colour of its palette"
    return data[:end] + missing + _END_OF_RUNS, (note,)


def tga_facts(data: Data) -> Facts:
    """What the header and the extension area say about the fourth sample of a pixel."""
    if len(data) < _TGA_HEADER_BYTES:
        return Facts()
    footer = data[-_TGA_FOOTER_BYTES:]
    meaning = None
    if footer[8:] == _TGA_SIGNATURE and any(footer[:4]):
        place = int.from_bytes(footer[:4], "little") + _TGA_ALPHA
        meaning = int.from_bytes(data[place : place + 1], "little")
    return Facts(
        has_loose_alpha=not data[17] & _ALPHA_BITS or meaning in _TGA_NO_ALPHA,
        has_associated_alpha=meaning == _TGA_ASSOCIATED,
        # Pillow takes a bit that is set for transparent.
        has_inverted_alpha=data[2] in _TGA_COLOURS and data[16] == 16,
    )


def _profile_of_ends(header: bytes, *, is_grey: bool) -> bytes | None:
    """From the XYZ of the primaries, 2.30 bits, and gammas, 16.16 bits."""
    values = [value / 2**30 for value in struct.unpack_from("<9i", header, 60)]
    gammas = [value / 2**16 for value in struct.unpack_from("<3I", header, 96)]
    gamma = sum(gammas) / 3
    try:
        red, green, blue = (values[i : i + 3] for i in (0, 3, 6))
        white = [sum(v) for v in zip(red, green, blue, strict=True)]
        points = [(v[0] / sum(v), v[1] / sum(v)) for v in (white, red, green, blue)]
        primaries = None if is_grey else Primaries(*points)
        return make_profile(primaries, gamma if 0.1 < gamma < 10 else None)
    except PILLOW_FAULTS:
        return None
