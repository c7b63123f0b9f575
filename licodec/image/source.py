"""A picture file that Pillow has open goes in; what it says beside pixels and ICC comes out.

Pillow hands over 8-bit samples and says nothing about the rest: how many bits a sample had, which
colours AVIF and PNG mean where they name them by numbers, what else is in the file.
"""

import struct
from typing import Any

from PIL import Image

from licodec.image.exif import EXIF_PREFIX, hidden_profile
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none
from licodec.image.icc import PRIMARIES_BY_NUMBER, SRGB, Primaries, make_profile

_FRONT_BYTES = 2**16  # what is looked for stands before the pixels
_PNG_HEAD_BYTES = 8
_MAX_NAMES = 5
_KEPT_TEXT = frozenset(("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type xmp"))

# Numbers of ITU-T H.273.
_UNSPECIFIED = 2
_SRGB_PRIMARIES = frozenset((1, _UNSPECIFIED))
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}

_SRGB_GAMMA = 0.45455  # what PNG files with sRGB colours state in gAMA
_GAMMA_TOLERANCE = 0.01
_CHROMATICITY_TOLERANCE = 0.005


def read_front(image: Image.Image) -> bytes:
    """The first bytes of the file of an image whose pixels have not been read; else nothing."""
    stream = getattr(image, "fp", None)
    if stream is None or stream.closed or not getattr(image, "tile", None):
        return b""
    position = stream.tell()
    stream.seek(0)
    front: bytes = stream.read(_FRONT_BYTES)
    stream.seek(position)
    return front


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
        if key not in _KEPT_TEXT and _is_text(image.info.get(key), text)
    ]
    return {key: image.info.pop(key) for key in found}


def _is_text(value: Any, text: str) -> bool:
    if isinstance(value, bytes):  # Pillow takes the text "exif" for the block
        is_block = value.removeprefix(EXIF_PREFIX).startswith((b"II", b"MM"))
        return value == text.encode("latin-1", "replace") and not is_block
    return bool(value == text)


def notes_before_pixels(image: Image.Image, front: bytes) -> tuple[str, ...]:
    """What opening the file as one 8-bit picture drops; asked before pixels are read."""
    notes = []
    num_pictures = max(getattr(image, "n_frames", 1), len(image.info.get("sizes", ())))
    if num_pictures > 1:
        which = "largest" if image.format == "ICO" else "first"
        notes.append(f"only the {which} of {num_pictures} pictures in the file is kept")
    num_bits = _bits_per_sample(image, front)
    if num_bits > 8 and not image.mode.startswith(("I", "F")):
        notes.append(f"{num_bits}-bit samples reduced to 8 bits")
    return tuple(notes)


def notes_after_pixels(image: Image.Image) -> tuple[str, ...]:
    """Names of what the file has and a .lic file has no place for; asked once pixels are read."""
    info, names = image.info, []
    segments = getattr(image, "applist", ())
    if 0x0404 in (info.get("photoshop") or ()):
        names.append("IPTC")
    if any(data.startswith(b"http://ns.adobe.com/xmp/extension/") for _, data in segments):
        names.append("extended XMP")
    if any(name == "APP11" for name, _ in segments):
        names.append("JUMBF (content credentials)")
    if info.get("comment") and image.format != "JPEG2000":  # there it is the writer's name
        names.append("comment")
    notes = [f"{name} dropped: a .lic file has no place for it" for name in names]
    if image.format == "PNG" and not getattr(image, "is_animated", False):
        texts = [_printable(key) for key in getattr(image, "text", ()) if key not in _KEPT_TEXT]
        if texts:
            more = f" and {len(texts) - _MAX_NAMES} more" if len(texts) > _MAX_NAMES else ""
            notes.append(f"PNG text dropped: {', '.join(texts[:_MAX_NAMES])}{more}")
    return tuple(notes)


def xmp_of(image: Image.Image) -> bytes | None:
    """The XMP packet, also from PNG text."""
    return bytes_or_none(image.info.get("xmp")) or hidden_profile(image, "xmp")


def profile_of(
    image: Image.Image, front: bytes, *, is_grey: bool
) -> tuple[bytes | None, tuple[str, ...]]:
    """A profile for the colours that the file states without one; None if they are sRGB; notes."""
    try:
        numbers = _colour_numbers(image, front)
        if numbers is not None:
            return _profile_of_numbers(*numbers, is_grey=is_grey)
        return _profile_of_chunks(image, is_grey=is_grey), ()
    except PILLOW_FAULTS:
        return None, ("colours that the file states are impossible; taken as sRGB",)


def _profile_of_numbers(
    primaries: int, transfer: int, *, is_grey: bool
) -> tuple[bytes | None, tuple[str, ...]]:
    if transfer in _HDR_TRANSFERS:
        name = _HDR_TRANSFERS[transfer]
        return None, (f"high dynamic range ({name}) is taken as sRGB; convert the picture first",)
    gamma = _GAMMAS.get(transfer)
    if gamma is None and (is_grey or primaries in _SRGB_PRIMARIES):
        return None, ()
    colours = PRIMARIES_BY_NUMBER.get(primaries, SRGB)
    return make_profile(None if is_grey else colours, gamma), ()


def _profile_of_chunks(image: Image.Image, *, is_grey: bool) -> bytes | None:
    """From PNG's gAMA and cHRM, unless sRGB is stated, too, or they say the same."""
    info = image.info
    if image.format != "PNG" or "srgb" in info:
        return None
    gamma = info.get("gamma") or _SRGB_GAMMA
    is_srgb_curve = abs(gamma - _SRGB_GAMMA) <= _GAMMA_TOLERANCE
    points: tuple[float, ...] = info.get("chromaticity", ())
    primaries = Primaries(*zip(points[::2], points[1::2], strict=True)) if points else SRGB
    is_srgb = is_srgb_curve and (is_grey or _is_near(primaries, SRGB))
    if is_srgb:
        return None
    exponent = None if is_srgb_curve else 1 / gamma
    return make_profile(None if is_grey else primaries, exponent)


def _colour_numbers(image: Image.Image, front: bytes) -> tuple[int, int] | None:
    """Numbers of primaries and transfer function where PNG or AVIF states them."""
    if image.format == "AVIF":
        start = front.find(b"colrnclx")
        return struct.unpack_from(">HH", front, start + 8) if start >= 0 else None
    if image.format != "PNG":
        return None
    offset = _PNG_HEAD_BYTES
    while offset + 12 <= len(front):
        length, kind = struct.unpack_from(">I4s", front, offset)
        if kind == b"cICP" and length == 4:
            return front[offset + 8], front[offset + 9]
        if kind == b"IDAT":
            break
        offset += 12 + length
    return None


def _bits_per_sample(image: Image.Image, front: bytes) -> int:
    if image.format == "AVIF":
        start = front.find(b"av1C")
        flags = front[start + 6] if 0 <= start < len(front) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    if image.format == "JPEG2000":
        start = front.find(b"\xff\x4f\xff\x51")  # codestream, then its size segment
        return (front[start + 42] & 0x7F) + 1 if 0 <= start < len(front) - 42 else 8
    return 16 if any(map(_is_deep, getattr(image, "tile", ()))) else 8


def _is_deep(tile: Any) -> bool:
    """Whether a tile of a picture file holds more than 8 bits per sample: a raw mode like
    RGB;16B, or a greatest value above 255 (PPM)."""
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return any(
        ";16" in arg or ";12" in arg
        if isinstance(arg, str)
        else tile[0].startswith("ppm") and isinstance(arg, int) and arg > 255
        for arg in args
    )


def _is_near(found: Primaries, wanted: Primaries) -> bool:
    pairs = ((found.white, wanted.white), (found.red, wanted.red), (found.green, wanted.green))
    return all(
        abs(a - b) <= _CHROMATICITY_TOLERANCE
        for point, other in (*pairs, (found.blue, wanted.blue))
        for a, b in zip(point, other, strict=True)
    )


def _printable(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())
