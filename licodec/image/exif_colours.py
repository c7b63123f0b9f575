"""What EXIF blocks say of colours: sRGB or Adobe RGB, as cameras do without a profile."""

import struct

from licodec.image.exif import EXIF_TAG, ORDERS, load_tags
from licodec.image.faults import PILLOW_FAULTS, warnings_silenced

_COLOUR_SPACE_TAG, _INTEROPERABILITY_TAG, _RULE_TAG = 0xA001, 0xA005, 1
_SRGB, _ADOBE_RGB, _OTHER = 1, 2, 65535  # colour spaces; the second one of some cameras alone
_SRGB_RULE, _ADOBE_RGB_RULE = b"R98\0", b"R03\0"  # of DCF
_ASCII, _SHORT = 2, 3


def states_adobe_rgb(exif: bytes | None) -> bool:
    """Whether a block says that colours are those of Adobe RGB."""
    tags = load_tags(exif)
    if tags is None:
        return False
    try:
        with warnings_silenced():
            rule = tags.get_ifd(_INTEROPERABILITY_TAG).get(_RULE_TAG)
            number = tags.get_ifd(EXIF_TAG).get(_COLOUR_SPACE_TAG)
    except PILLOW_FAULTS:
        return False
    return (isinstance(rule, str) and rule.rstrip("\0 ") == "R03") or number == _ADOBE_RGB


def stating_srgb(exif: bytes) -> bytes:
    """The block of a picture that was converted to sRGB; its other bytes stay as they were."""
    order = ORDERS.get(exif[:2])
    if order is None:
        return exif
    rule = struct.pack(f"{order}HHI", _RULE_TAG, _ASCII, len(_SRGB_RULE))
    exif = exif.replace(rule + _ADOBE_RGB_RULE, rule + _SRGB_RULE)
    for space in (_ADOBE_RGB, _OTHER):
        before, after = (
            struct.pack(f"{order}HHIHH", _COLOUR_SPACE_TAG, _SHORT, 1, value, 0)
            for value in (space, _SRGB)
        )
        exif = exif.replace(before, after)
    return exif
