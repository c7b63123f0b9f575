"""Finds what a picture file that Pillow has open says beside its pixels.

Pillow hands over 8-bit samples and says nothing about the rest: how many bits a sample had, which
colours AVIF and PNG mean where they name them by numbers, what else is in the file.
"""

from types import MappingProxyType
from typing import Any

from PIL import Image

from licodec.image.bmp import bmp_facts
from licodec.image.boxes import avif_facts, jp2_facts
from licodec.image.exif import EXIF_PREFIX, hidden_profile
from licodec.image.facts import NOTHING, ColourNumbers, Facts
from licodec.image.faults import PILLOW_FAULTS, bytes_or_none
from licodec.image.gif import gif_facts
from licodec.image.icc import (
    MAX_LINEAR_GAMMA,
    PRIMARIES_BY_NUMBER,
    SRGB,
    Primaries,
    linear_gamma,
    make_profile,
    mend_profile,
    profile_space,
    with_srgb_curve,
)
from licodec.image.jpeg import jpeg_facts
from licodec.image.original import Data
from licodec.image.png import png_facts

_MAX_NAMES = 5
_KEPT_TEXT = frozenset(("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type xmp"))

# Numbers of ITU-T H.273.
_UNSPECIFIED = 2
_SRGB_PRIMARIES = frozenset((1, _UNSPECIFIED))
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
# BT.709 and its like are shown as sRGB by every program.
_SRGB_TRANSFERS = frozenset((1, _UNSPECIFIED, 6, 7, 11, 12, 13, 14, 15))

_SRGB_GAMMA = 0.45455  # what PNG files with sRGB colours state in gAMA
_GAMMA_TOLERANCE = 0.01
_CHROMATICITY_TOLERANCE = 0.005
# What may stand in a file beside its picture, as notes name it.
_PARTS = MappingProxyType(
    {
        "gain map": "gain map (high dynamic range)",
        "video": "video of a motion photo",
        "depth map": "depth map",
        "content credentials": "JUMBF (content credentials)",
    }
)
_DAMAGED = "ICC profile is damaged and dropped"


def facts_of(image: Image.Image, data: Data) -> Facts:
    """What the bytes of an image's file say.

    Args:
        image: opened by Pillow.
        data: its file, or nothing.
    """
    if not data:
        return NOTHING
    if image.format in ("JPEG", "MPO"):
        return jpeg_facts(data)
    if image.format in ("BMP", "DIB"):
        return bmp_facts(data, is_grey=image.mode in ("1", "L"))
    readers = {"PNG": png_facts, "GIF": gif_facts, "AVIF": avif_facts, "JPEG2000": jp2_facts}
    reader = readers.get(image.format or "")
    return NOTHING if reader is None else reader(data)


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


def notes_before_pixels(image: Image.Image, facts: Facts) -> tuple[str, ...]:
    """What opening the file as one 8-bit picture drops; asked before pixels are read."""
    notes = []
    num_pictures = num_pictures_in(image)
    if num_pictures > 1:
        which = "largest" if image.format == "ICO" else "first"
        notes.append(f"only the {which} of {num_pictures} pictures in the file is kept")
    num_bits = 16 if any(map(_is_deep, getattr(image, "tile", ()))) else facts.num_bits
    if num_bits > 8 and not image.mode.startswith(("I", "F")):
        notes.append(f"{num_bits}-bit samples reduced to 8 bits")
    return tuple(notes)


def num_pictures_in(image: Image.Image) -> int:
    """Pictures of an animation, pages, sizes of an icon."""
    return max(getattr(image, "n_frames", 1), len(image.info.get("sizes", ())))


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


def notes_on_parts(facts: Facts, claimed: frozenset[str], num_pictures: int) -> tuple[str, ...]:
    """Names of what stands beside the picture in its file, by the file itself and by its XMP."""
    found = facts.gone | claimed
    notes = tuple(
        f"{text} dropped: a .lic file has no place for it"
        for name, text in _PARTS.items()
        if name in found
    )
    if not notes and num_pictures < 2 and "further pictures" in claimed:
        notes = ("further pictures of the file dropped: a .lic file has no place for them",)
    if not notes and num_pictures < 2 and facts.num_bytes_behind:
        notes = (f"{facts.num_bytes_behind:,} bytes behind the end of the picture dropped",)
    return facts.notes + notes


def xmp_of(image: Image.Image) -> bytes | None:
    """The XMP packet, also from PNG text."""
    return bytes_or_none(image.info.get("xmp")) or hidden_profile(image, "xmp")


def profile_in(image: Image.Image, facts: Facts) -> tuple[bytes | None, tuple[str, ...]]:
    """The ICC profile of a file, whole and with its right size; notes."""
    found = bytes_or_none(image.info.get("icc_profile")) or facts.icc
    if found is None:
        # Of these Pillow knows that there is one, too, unless someone has removed it.
        is_known = image.format not in ("PNG", "JPEG", "MPO") or "icc_profile" in image.info
        return None, (_DAMAGED,) if facts.has_icc and is_known else ()
    icc = mend_profile(found)
    return icc, (_DAMAGED,) if icc is None else ()


def profile_for(
    image: Image.Image, facts: Facts, icc: bytes | None, *, is_grey: bool
) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile of pixels that are grey or RGB; None if they are sRGB; notes.

    Args:
        image: whose pixels they are.
        facts: of its file. Numbers of a PNG go before its profile, those of an AVIF do not.
        icc: from `profile_in`.
    """
    try:
        numbers = facts.numbers
        if numbers is not None and (icc is None or image.format == "PNG"):
            return _profile_of_numbers(numbers, icc, is_grey=is_grey)
        if icc is None:
            return _profile_of_chunks(image, is_grey=is_grey), ()
    except PILLOW_FAULTS:
        return None, ("colours that the file states are impossible; taken as sRGB",)
    return fit_profile(icc, is_grey=is_grey)


def linear_light(image: Image.Image, facts: Facts, icc: bytes | None) -> float | None:
    """The exponent from samples to light if it is so near to 1 that 8 bits are too coarse.

    Args: as of `profile_for`.
    """
    if facts.numbers is not None and image.format == "PNG":
        return 1.0 if facts.numbers.transfer == 8 else None
    if icc is not None:
        return linear_gamma(icc)
    if image.format != "PNG" or "srgb" in image.info:
        return None
    stated = image.info.get("gamma")
    is_linear = isinstance(stated, float) and 1 / MAX_LINEAR_GAMMA <= stated < 10
    return 1 / float(stated) if stated and is_linear else None


def on_srgb_curve(icc: bytes | None) -> bytes | None:
    """The profile of samples that were brought to the curve of sRGB; None if it is sRGB itself."""
    if icc is None:
        return None
    icc = with_srgb_curve(icc)
    return None if icc in (with_srgb_curve(make_profile(p)) for p in (SRGB, None)) else icc


def fit_profile(icc: bytes, *, is_grey: bool) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile if it is for pixels of that kind, or a note."""
    space, wanted = profile_space(icc), "GRAY" if is_grey else "RGB"
    if space != wanted:
        kind = "grey" if is_grey else "RGB"
        return None, (f"ICC profile is for {space} pixels and dropped, these are {kind}",)
    return icc, ()


def _profile_of_numbers(
    numbers: ColourNumbers, icc: bytes | None, *, is_grey: bool
) -> tuple[bytes | None, tuple[str, ...]]:
    primaries, transfer = numbers.primaries, numbers.transfer
    if transfer in _HDR_TRANSFERS:
        name = _HDR_TRANSFERS[transfer]
        note = f"high dynamic range ({name}) is taken as sRGB; convert the picture first"
        if icc is None:
            return None, (note,)
        kept, notes = fit_profile(icc, is_grey=is_grey)
        return kept, (f"high dynamic range ({name}) dropped, ICC profile taken", *notes)
    notes = ()
    gamma = _GAMMAS.get(transfer)
    if gamma is None and transfer not in _SRGB_TRANSFERS:
        notes = (f"transfer function {transfer} of the file is taken as that of sRGB",)
    if primaries not in _SRGB_PRIMARIES and primaries not in PRIMARIES_BY_NUMBER:
        notes += (f"primaries {primaries} of the file are taken as those of sRGB",)
    colours = PRIMARIES_BY_NUMBER.get(primaries, SRGB)
    if gamma is None and (is_grey or colours is SRGB):
        return None, notes
    return make_profile(None if is_grey else colours, gamma), notes


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
