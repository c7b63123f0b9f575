"""Boxes of AVIF and JPEG 2000 files: colours, bits per sample and parts that Pillow passes over."""

import struct
from collections.abc import Iterator

from licodec.image.facts import ColourNumbers, Facts
from licodec.image.original import FRONT_BYTES, Data

_CODESTREAM = b"\xff\x4f\xff\x51"
# Place of the components behind it, which begin with the depth; one bit of that is the sign.
JP2_COMPONENTS, JP2_COMPONENT_BYTES, JP2_SIGN = 42, 3, 0x80
_MAX_PROFILE_BYTES = 2**26
# Enumerated colour spaces of JPEG 2000 that Pillow shows as what they are, and the names of others.
_SHOWN = frozenset((0, 12, 15, 16, 17, 18))
_SPACES = {
    1: "YCbCr(1)", 3: "YCbCr(2)", 4: "YCbCr(3)", 9: "PhotoYCC", 11: "CMY", 13: "YCCK",
    14: "CIELab", 19: "CIEJab", 20: "e-sRGB", 21: "ROMM RGB", 24: "e-sYCC",
}  # fmt: skip
_RESTRICTED, _ANY = 2, 3  # methods that give a profile


def avif_facts(data: Data) -> Facts:
    """What the boxes in front of the pixels say."""
    front = data[:FRONT_BYTES]
    return Facts(numbers=_avif_numbers(front), num_bits=_avif_bits(front), gone=_avif_parts(front))


def jp2_facts(data: Data) -> Facts:
    """What the colour box says: a profile, or colours that Pillow takes for RGB."""
    num_bits = max(jp2_depths(data), default=8)
    for kind, begin, end in _boxes(data, 0, len(data)):
        if kind == b"jp2h":
            return _jp2_colours(data, begin, end, num_bits)
    return Facts(num_bits=num_bits)


def jp2_depths(data: Data) -> tuple[int, ...]:
    """Bits of a sample of each component; nothing of a damaged file."""
    start = jp2_codestream(data)
    if start is None or len(data) < start + JP2_COMPONENTS:
        return ()
    (count,) = struct.unpack_from(">H", data, start + JP2_COMPONENTS - 2)
    first = start + JP2_COMPONENTS
    stated = data[first : first + count * JP2_COMPONENT_BYTES : JP2_COMPONENT_BYTES]
    return tuple((value & ~JP2_SIGN) + 1 for value in stated)


def jp2_codestream(data: Data) -> int | None:
    """Where it begins."""
    if data[:4] == _CODESTREAM:
        return 0
    found = (start for kind, start, _ in _boxes(data, 0, len(data)) if kind == b"jp2c")
    return next((start for start in found if data[start : start + 4] == _CODESTREAM), None)


def _jp2_colours(data: Data, begin: int, end: int, num_bits: int) -> Facts:
    icc: bytes | None = None
    has_icc, notes, is_stated = False, tuple[str, ...](), False
    for kind, start, stop in _boxes(data, begin, end):
        if kind != b"colr" or stop - start < 3:
            continue
        method = data[start]
        if method in (_RESTRICTED, _ANY) and icc is None:
            has_icc = True
            icc = data[start + 3 : min(stop, start + 3 + _MAX_PROFILE_BYTES)]
        elif method == 1 and stop - start >= 7 and not is_stated:
            space = int.from_bytes(data[start + 3 : start + 7], "big")
            is_stated = True
            if space not in _SHOWN:
                name = _SPACES.get(space, f"number {space}")
                notes = (f"colour space {name} of the JPEG 2000 file is taken as sRGB",)
    return Facts(icc=icc, has_icc=has_icc, num_bits=num_bits, notes=() if has_icc else notes)


def _boxes(data: Data, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, first and last byte of the body of each box."""
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        start = begin + 8
        if length == 1 and start + 8 <= end:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else begin + length
        if not start <= stop <= end:
            return
        yield kind, start, stop
        begin = stop


def _avif_numbers(front: bytes) -> ColourNumbers | None:
    start = front.find(b"colrnclx")
    if not 0 <= start <= len(front) - 12:
        return None
    primaries, transfer = struct.unpack_from(">HH", front, start + 8)
    return ColourNumbers(primaries=primaries, transfer=transfer)  # libavif has expanded the range


def _avif_bits(front: bytes) -> int:
    start = front.find(b"av1C")
    flags = front[start + 6] if 0 <= start < len(front) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _avif_parts(front: bytes) -> frozenset[str]:
    """What items the file has beside its picture."""
    found = set()
    for offset in _places(front, b"infe"):
        if front[offset + 12 : offset + 16] == b"tmap":
            found.add("gain map")
    if b"auxiliary:depth" in front:
        found.add("depth map")
    return frozenset(found)


def _places(data: bytes, word: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + 1)
