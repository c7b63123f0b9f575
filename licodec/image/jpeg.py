"""JPEG files marker by marker: what stands in and behind them, and whether all rows are there."""

import io
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.errors import ImageError
from licodec.image.facts import Facts
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.original import Data, end_without_zeros, stripped

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOS, _DNL, _APP2, _LOSSLESS_LS = 0xDA, 0xDC, 0xE2, 0xF7
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xCA))
# A marker among coded rows that ends them: neither a stuffed byte nor a restart.
_NEXT = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_GAIN_MAP = re.compile(
    rb"hdr-gain-map|HDRGainMap/|aux:hdrgainmap|hdrgm:Version|urn:iso:std:iso:ts:21496"
)
_VIDEO = re.compile(rb"ftyp(?:mp4|isom|iso[2-9]|qt  |avc1|3gp|M4V|MSNV)|MotionPhoto_Data")
_DEPTH = re.compile(rb"aux:depth|DepthMap|depthEffect")
_GREYS = frozenset((127, 128))  # what libjpeg draws where nothing was coded, and the same of CMYK
_RESTARTS = [b"\xff" + bytes((marker,)) for marker in range(0xD0, 0xD8)]
# Coded rows of no meaning, which follow whatever restart marker the decoder waits for.
_FILL = b"".join(bytes(range(1, 200)) * 4 + restart for restart in _RESTARTS * 2)
_OTHER_FILL = b"".join(bytes(range(199, 0, -1)) * 4 + restart for restart in _RESTARTS * 2)
_BASELINE = frozenset((0xC0, 0xC1, 0xC9))
# Application segments of known content, by marker; what is not is dropped with a note.
_JFIF, _APP1, _APP11, _DUCKY, _APP13, _ADOBE = 0xE0, 0xE1, 0xEB, 0xEC, 0xED, 0xEE
_KNOWN = (
    (_APP1, b"Exif\0\0"), (_APP1, b"http://ns.adobe.com/"), (_APP2, b"ICC_PROFILE\0"),
    (_APP2, b"MPF\0"), (_APP2, _ISO_GAIN_MAP[:-1]), (_DUCKY, b"Ducky"),
    (_APP13, b"Photoshop 3.0\0"),
)  # fmt: skip
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_HEAD_BYTES = 40


class Segment(NamedTuple):
    marker: int  # second byte
    start: int  # of the body
    end: int


def segments(data: Data) -> Iterator[Segment]:
    """All markers with their bodies up to the end marker; a scan's body is its header."""
    offset, end = 2, end_without_zeros(data)
    while True:
        found = _NEXT.search(data, offset, end)
        if found is None:
            return
        marker, offset = data[found.end() - 1], found.end()
        if marker == _EOI[1]:
            yield Segment(marker, offset, offset)
            return
        if 0xD0 <= marker <= 0xD8 or marker == 0x01:
            continue
        length = max(2, int.from_bytes(data[offset : offset + 2], "big"))  # as libjpeg takes it
        if offset + length > len(data):
            return
        yield Segment(marker, offset + 2, offset + length)
        offset += length


def jpeg_facts(data: Data) -> Facts:
    """What segments say and what stands behind the end."""
    has_icc, gone, end, stop, marker = False, set[str](), 0, 0, 0
    others, found, num_packets = dict[str, None](), list(segments(data)), 0
    for marker, start, stop in found:
        head = data[start : min(stop, start + _MAX_HEAD_BYTES)]
        num_packets += marker == _APP1 and head.startswith(_XMP)
        name = _name_of_unknown(marker, head)
        others |= {} if name is None else {name: None}
        if marker == _APP2:
            has_icc |= data[start : start + 12] == b"ICC_PROFILE\0"
            if data[start : start + len(_ISO_GAIN_MAP)] == _ISO_GAIN_MAP:
                gone.add("gain map")
        elif marker == _EOI[1]:
            end = stop
    rest = stripped(data, end, b"\0\xff\xd9\r\n ") if end else b""
    is_cut = marker == _SOS  # rows follow up to the end of the file, or to what stands there
    if rest or is_cut:
        kinds = (("gain map", _GAIN_MAP), ("video", _VIDEO), ("depth map", _DEPTH))
        behind = stripped(data, stop) if is_cut else rest
        gone |= {name for name, pattern in kinds if pattern.search(behind)}
    if num_packets > 1:
        others["further XMP"] = None
    notes: tuple[str, ...] = (f"JPEG segments dropped: {', '.join(others)}",) if others else ()
    if end and not _has_all_scans(data, found):
        notes += ("scans of the JPEG are missing; it is coarser than it was",)
    return Facts(
        has_icc=has_icc,
        gone=frozenset(gone),
        is_damaged=is_cut,
        num_bytes_behind=len(rest),
        notes=notes,
    )


def _name_of_unknown(marker: int, head: bytes) -> str | None:
    """What a note calls an application segment that is dropped; None for what it need not tell."""
    is_told = marker in (_JFIF, _APP11, _ADOBE) or any(
        marker == kind and head.startswith(start) for kind, start in _KNOWN
    )
    if not 0xE0 <= marker <= 0xEF or is_told or not head:
        return None
    word = re.match(rb"[A-Za-z][\w./: -]{2,15}", head)
    return f"APP{marker - 0xE0}" + (f" {word[0].decode().strip()}" if word else "")


def unread_jpeg(data: Data) -> str | None:
    """What a message calls a JPEG of a kind that Pillow does not read; else None."""
    frame = next(
        (s for s in segments(data) if s.marker in _FRAMES or s.marker == _LOSSLESS_LS), None
    )
    if frame is None:
        return None
    if frame.marker == _LOSSLESS_LS:
        return "JPEG-LS"
    if frame.marker & 3 == 3:
        return "lossless JPEG"
    if frame.marker & 7 > 4:
        return "hierarchical JPEG"
    num_bits = int.from_bytes(data[frame.start : frame.start + 1], "big")
    return None if num_bits == 8 else f"a JPEG of {num_bits} bits per sample"


def _with_height(data: Data) -> bytes | None:
    """A file whose height stands behind its first scan (DNL), with it in the header."""
    found = list(segments(data))
    frame = next((s.start + 1 for s in found if s.marker in _FRAMES), None)
    line = next((s.start for s in found if s.marker == _DNL), None)
    if frame is None or line is None or any(data[frame : frame + 2]):
        return None
    return data[:frame] + data[line : line + 2] + data[frame + 2 :]


def mend_jpeg(data: Data) -> tuple[bytes, tuple[str, ...]] | None:
    """A file that Pillow reads, and notes; None if there is none.

    It has its height in the header if that stood elsewhere; an end marker, if that alone was
    missing; or no metadata, for which Pillow may refuse a file with an end marker.
    """
    if data[:2] != _SOI:
        return None
    if (whole := _with_height(data)) is not None:
        return whole, ()
    if any(s.marker == _EOI[1] for s in segments(data)):
        return _without_metadata(data)
    # Coded rows end with ones: zeros were never written, but for one that belongs to a 255. Without
    # it the last byte may be the first half of the marker.
    end = end_without_zeros(data)
    body = data[:end] if data[end : end + 1] else data[:end].removesuffix(b"\xff")
    body += b"\0" * (body[-1:] == b"\xff")
    if not has_all_rows(body + _EOI):
        return None
    return body + _EOI, ("end marker of the JPEG is missing; all rows are there",)


def _without_metadata(data: Data) -> tuple[bytes, tuple[str, ...]] | None:
    kept = [_SOI]
    for marker, start, end in segments(data):
        if marker == _SOS:
            note = "metadata of the JPEG are damaged and dropped"
            return b"".join(kept) + data[start - 4 :], (note,)
        if not 0xE0 <= marker <= 0xEF or marker in (_JFIF, _ADOBE):
            kept.append(data[start - 4 : end])
    return None


def check_rows(image: Image.Image, data: Data, *, is_damaged: bool) -> None:
    """Refuse an image that lacks rows.

    Args:
        image: loaded.
        data: its file.
        is_damaged: no end marker, and not to be mended.

    Raises:
        ImageError: rows are missing.
    """
    # Where nothing was coded for the last pixel, it is grey.
    corner = image.crop((image.width - 1, image.height - 1, *image.size)).tobytes()
    if is_damaged or (set(corner) <= _GREYS and not has_all_rows(data)):
        raise ImageError("is damaged: rows at its end are missing; get it again")


def has_all_rows(data: Data) -> bool:
    """Whether a file with an end marker codes all its rows, and all their bits.

    What is missing is drawn grey without an error; other data in front of the end marker show up
    there, and nowhere if nothing is missing.
    """
    end = next((s.start - 2 for s in segments(data) if s.marker == _EOI[1]), None)
    if end is None or not _has_all_scans(data, segments(data)):
        return False
    fills = (b"", _FILL, _OTHER_FILL)
    drawn = [_drawn(data[:end] + fill + _EOI) for fill in fills]
    first = drawn[0]
    return first is not None and all(
        other is not None and np.array_equal(first, other) for other in drawn[1:]
    )


def _drawn(data: bytes) -> NDArray[np.uint8] | None:
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            return np.asarray(image)
    except PILLOW_FAULTS:
        return None


def _has_all_scans(data: Data, found: Iterable[Segment]) -> bool:
    """Whether every coefficient of every component is coded down to its last bit."""
    components, lowest, is_progressive = set[int](), dict[tuple[int, int], int](), False
    for marker, start, end in found:
        if marker not in _FRAMES and marker != _SOS:
            continue
        body = data[start:end]
        if marker in _FRAMES and marker not in _BASELINE | _PROGRESSIVE:
            return True  # lossless, and others that are not read
        if marker in _FRAMES and len(body) >= 6:
            is_progressive = marker in _PROGRESSIVE
            components = set(body[6 : 6 + 3 * body[5] : 3])
        elif marker == _SOS and body and len(body) >= 4 + 2 * body[0]:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            for component in body[1 : 1 + 2 * count : 2]:
                for index in range(first, min(last, 63) + 1):
                    lowest[component, index] = bits & 15
    if not components:
        return False
    last = 63 if is_progressive else 0  # a scan of another kind holds all of its components
    return all(lowest.get((c, i), 1) == 0 for c in components for i in range(last + 1))
