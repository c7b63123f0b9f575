"""Boxes of AVIF and JPEG 2000 files: colours, bits per sample and parts that Pillow passes over."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from licodec.image.facts import ColourNumbers, Facts
from licodec.image.icc import MAX_PROFILE_BYTES
from licodec.image.original import FRONT_BYTES, Data, stripped

_CODESTREAM = b"\xff\x4f\xff\x51"
# Place of the components behind it, which begin with the depth; one bit of that is the sign.
JP2_COMPONENTS, JP2_COMPONENT_BYTES, JP2_SIGN = 42, 3, 0x80
# Enumerated colour spaces of JPEG 2000 that Pillow shows as what they are, and the names of others.
_SHOWN = frozenset((0, 12, 15, 16, 17, 18))
_SPACES = {
    1: "YCbCr(1)", 3: "YCbCr(2)", 4: "YCbCr(3)", 9: "PhotoYCC", 11: "CMY", 13: "YCCK",
    14: "CIELab", 19: "CIEJab", 20: "e-sRGB", 21: "ROMM RGB", 24: "e-sYCC",
}  # fmt: skip
_RESTRICTED, _ANY = 2, 3  # methods that give a profile
_END_OF_CODESTREAM = b"\xff\xd9"  # found nowhere else in it
_COLOUR, _ALPHA, _ASSOCIATED_ALPHA = 0, 1, 2  # types of channels
# Boxes that begin with 16 bytes of these hold metadata.
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_BOX = b"JpgTiffExif->JP2"
_IPTC_BOX = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_UUID_BYTES = 16
_JP2_KNOWN = frozenset((b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"free", b"skip"))


def avif_facts(data: Data) -> Facts:
    """What the boxes say."""
    front = data[:FRONT_BYTES]
    gone, end, is_first = _avif_parts(front), 0, True
    for kind, _, stop in _boxes(data, 0, len(data)):
        if kind == bytes(4) or (kind == b"ftyp" and not is_first):  # no box; of another file
            break
        gone |= {"video"} if kind == b"mpvd" else set()
        end, is_first = stop, False
    return Facts(
        numbers=_avif_numbers(front),
        num_bits=_avif_bits(front),
        gone=gone,
        num_bytes_behind=len(stripped(data, end)),
        notes=_avif_notes(front),
    )


def mend_avif(data: Data) -> tuple[bytes, tuple[str, ...]] | None:
    """A file without its EXIF block, for which Pillow may refuse it, and a note; None if it has
    none."""
    if data[4:8] != b"ftyp" or data[8:12] not in (b"avif", b"avis"):
        return None
    front = data[:FRONT_BYTES]
    types = [place + 12 for place in _places(front, b"infe")]
    types = [place for place in types if front[place : place + 4] == b"Exif"]
    if not types:
        return None
    mended = bytearray(data)
    for place in types:
        mended[place : place + 4] = b"free"
    return bytes(mended), ("EXIF is unreadable and dropped",)


def jp2_facts(data: Data) -> Facts:
    """What the boxes say that Pillow passes over: colours, metadata, further pictures."""
    if data[: len(_CODESTREAM)] == _CODESTREAM:
        return _with_codestream(data, 0, len(data), Facts())
    facts, num_pictures = Facts(), 0
    others = dict[str, None]()
    for kind, begin, end in _boxes(data, 0, len(data), is_cut=True):
        if kind == b"jp2h":
            facts = _jp2_colours(data, begin, end, facts)
        elif kind == b"jp2c":
            num_pictures += 1
            facts = _with_codestream(data, begin, end, facts) if num_pictures == 1 else facts
        elif kind == b"uuid" and data[begin : begin + _UUID_BYTES] == _XMP_BOX:
            facts = replace(facts, xmp=data[begin + _UUID_BYTES : end] or None)
        elif kind == b"uuid" and data[begin : begin + _UUID_BYTES] == _EXIF_BOX:
            facts = replace(facts, exif=data[begin + _UUID_BYTES : end] or None)
        elif kind == b"uuid" and data[begin : begin + _UUID_BYTES] == _IPTC_BOX:
            others["IPTC"] = None
        elif kind not in _JP2_KNOWN:
            others[repr(kind)[2:-1].strip()] = None
    notes = facts.notes
    if num_pictures > 1:
        notes += (f"only the first of {num_pictures} pictures in the file is kept",)
    if others:
        notes += (f"parts of the JPEG 2000 file dropped: {', '.join(others)}",)
    return replace(facts, notes=notes)


def _with_codestream(data: Data, begin: int, end: int, facts: Facts) -> Facts:
    """Its bits a sample, and whether it has an end; without, whole tiles may be missing."""
    num_bits = max(jp2_depths(data), default=8)
    is_cut = data.rfind(_END_OF_CODESTREAM, begin, end) < 0
    return replace(facts, num_bits=num_bits, is_damaged=is_cut)


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
    if data[: len(_CODESTREAM)] == _CODESTREAM:
        return 0
    found = (start for kind, start, _ in _boxes(data, 0, len(data), is_cut=True) if kind == b"jp2c")
    return next((start for start in found if data[start : start + 4] == _CODESTREAM), None)


def _jp2_colours(data: Data, begin: int, end: int, facts: Facts) -> Facts:
    icc: bytes | None = None
    has_icc, notes, is_stated = False, tuple[str, ...](), False
    for kind, start, stop in _boxes(data, begin, end):
        if kind == b"cdef":
            facts = _with_channels(data[start:stop], facts)
        if kind != b"colr" or stop - start < 3:
            continue
        method = data[start]
        if method in (_RESTRICTED, _ANY) and icc is None:
            has_icc = True
            icc = data[start + 3 : min(stop, start + 3 + MAX_PROFILE_BYTES)]
        elif method == 1 and stop - start >= 7 and not is_stated:
            space = int.from_bytes(data[start + 3 : start + 7], "big")
            is_stated = True
            if space not in _SHOWN:
                name = _SPACES.get(space, f"number {space}")
                notes = (f"colour space {name} of the JPEG 2000 file is taken as sRGB",)
    return replace(facts, icc=icc, has_icc=has_icc, notes=facts.notes + (() if has_icc else notes))


def _with_channels(body: bytes, facts: Facts) -> Facts:
    """What channels are by their definition; Pillow takes them for red, green, blue and alpha."""
    entries = body[2:] if len(body) % 6 == 2 else b""
    channels = list(struct.iter_unpack(">HHH", entries))
    colours = {place: index for index, kind, place in channels if kind == _COLOUR}
    order = tuple(colours.get(place, 0) for place in (1, 2, 3))
    if sorted(order) == [0, 1, 2] and order != (0, 1, 2):
        facts = replace(facts, order=order)
    kinds = {index: kind for index, kind, _ in channels}
    last = kinds[max(kinds)] if len(kinds) in (2, 4) else _ALPHA
    if last == _ASSOCIATED_ALPHA:
        return replace(facts, has_associated_alpha=True)
    if last != _ALPHA:
        note = "channel that is neither colour nor alpha dropped"
        return replace(facts, has_loose_alpha=True, notes=(*facts.notes, note))
    return facts


def _boxes(
    data: Data, begin: int, end: int, *, is_cut: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Type, first and last byte of the body of each box.

    Args:
        data: a file.
        begin: of the first box.
        end: of the last one.
        is_cut: a box that goes beyond the end counts as far as it is there.
    """
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        start = begin + 8
        if length == 1 and start + 8 <= end:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else begin + length
        stop = min(stop, end) if is_cut else stop
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
    if b"aux:hdrgainmap" in front:
        found.add("gain map")
    if b"auxiliary:depth" in front:
        found.add("depth map")
    return frozenset(found)


def _avif_notes(front: bytes) -> tuple[str, ...]:
    """Crops and shapes of pixels, which Pillow passes over."""
    notes = tuple[str, ...]()
    if b"\0\0\0\x28clap" in front:
        notes = ("crop (clean aperture) of the AVIF is not applied",)
    place = front.find(b"\0\0\0\x10pasp")
    if 0 <= place <= len(front) - 16:
        across, down = struct.unpack_from(">II", front, place + 8)
        if across != down:
            note = f"pixel aspect ratio {across}:{down} dropped: a .lic file has no place for it"
            notes += (note,)
    return notes


def _places(data: bytes, word: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + 1)
