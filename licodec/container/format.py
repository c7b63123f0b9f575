"""The fields of a .lic file, their limits and the values they carry; no reading, no writing.

`docs/format.md` explains every field; a test compares its tables with FRAME and SECTION.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from licodec.config import MAX_QUALITY_INDEX, QUANTIZER_IDS

MAGIC_BYTES = b"\x8cLIC"  # the first byte is not ASCII, so a text-mode transfer breaks it
VERSION = 1
MAX_SIDE_PX = 2**24
MAX_LENGTH_BYTES = 2**32 - 1
# Real ICC, EXIF and XMP blocks stay below 4 MiB; larger ones are stored without deflate, so that
# a few bytes can never claim more memory than this.
MAX_INFLATED_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Fixed:
    """A field of a fixed number of bytes."""

    name: str
    num_bytes: int

    @property
    def size_text(self) -> str:
        """Number of bytes, as the specification's table writes it."""
        return str(self.num_bytes)


@dataclass(frozen=True, slots=True)
class Varint:
    """An unsigned number, 7 bits per byte, low bits first, bit 7 set on all bytes but the last.

    Only the shortest form is valid, and only values in low .. high, both ends included.
    """

    name: str
    low: int
    high: int

    @property
    def max_bytes(self) -> int:
        """Bytes that the largest value takes."""
        return max(1, -(-self.high.bit_length() // 7))

    @property
    def size_text(self) -> str:
        """Range of the number of bytes, as the specification's table writes it."""
        return f"1 to {self.max_bytes}"


MAGIC = Fixed("magic", 4)
VERSION_FLAGS = Fixed("version and flags", 1)  # VVVVL0TS
FAMILY_PROFILE = Fixed("family and profile", 1)  # FFFFFPPP
FAMILY_FINGERPRINT = Fixed("family fingerprint", 4)
SYNTHESIS_FINGERPRINT = Fixed("synthesis fingerprint", 2)
WIDTH = Varint("width", 1, MAX_SIDE_PX)
HEIGHT = Varint("height", 1, MAX_SIDE_PX)
QUALITY = Fixed("quality index", 1)
COLOUR_QUANTIZER = Fixed("colour and quantizer", 1)  # 00RAQQQG
COLOUR = Fixed("colour", 1)  # 0000000G, of a lossless file
ASKED_QUALITY = Fixed("asked quality", 1)  # of a lossless file
SECTION_COUNT = Fixed("section count", 1)  # only if the sections flag is set; sections follow it
CRC = Fixed("checksum", 4)
PAYLOAD_LENGTH = Varint("payload length", 0, MAX_LENGTH_BYTES)

# Everything but sections and payload, in file order.
FRAME: tuple[Fixed | Varint, ...] = (
    MAGIC,
    VERSION_FLAGS,
    FAMILY_PROFILE,
    FAMILY_FINGERPRINT,
    SYNTHESIS_FINGERPRINT,
    WIDTH,
    HEIGHT,
    QUALITY,
    COLOUR_QUANTIZER,
    SECTION_COUNT,
    CRC,
    PAYLOAD_LENGTH,
)

# The same of a lossless file, whose payload is the picture without weights.
LOSSLESS_FRAME: tuple[Fixed | Varint, ...] = (
    MAGIC,
    VERSION_FLAGS,
    WIDTH,
    HEIGHT,
    COLOUR,
    ASKED_QUALITY,
    SECTION_COUNT,
    CRC,
    PAYLOAD_LENGTH,
)

SECTION_TYPE = Fixed("section type", 1)  # KDNNNNNN
STORED_LENGTH = Varint("stored length", 0, MAX_LENGTH_BYTES)
RAW_LENGTH = Varint("raw length", 1, MAX_INFLATED_BYTES)  # only of a deflated section
SECTION_CRC = Fixed("section checksum", 4)

# The head of one section, in file order; the stored bytes follow.
SECTION: tuple[Fixed | Varint, ...] = (SECTION_TYPE, STORED_LENGTH, RAW_LENGTH, SECTION_CRC)

FLAG_SECTIONS = 0x01
FLAG_LOSSLESS = 0x08
# What newer versions may write; 0 in files of this one.
RESERVED_FLAGS: Mapping[int, str] = MappingProxyType({0x02: "tiles", 0x04: "reserved"})
RESERVED_COLOUR_BIT = 0x20  # of colour and quantizer; as RESERVED_FLAGS
MAX_FAMILY_ID = 31
MAX_PROFILE_ID = 7
GREY_BIT = 0x01
QUANTIZER_SHIFT = 1
QUANTIZER_MASK = 0x07
ALL_CODED_BIT = 0x10
UNUSED_COLOUR_BITS = 0xC0
MAX_ASKED_QUALITY = 100

SKIPPABLE_BIT = 0x80  # a reader that does not know the section may skip it
DEFLATED_BIT = 0x40
SECTION_NUMBER_MASK = 0x3F

# Section numbers; in files: append, never reuse.
ICC, EXIF, XMP, ALPHA, LAYER, MARGINS = 1, 2, 3, 4, 5, 6
SECTION_NAMES: Mapping[int, str] = MappingProxyType(
    {
        ICC: "ICC",
        EXIF: "EXIF",
        XMP: "XMP",
        ALPHA: "ALPHA",
        LAYER: "LAYER",
        MARGINS: "MARGINS",
    }
)
PHOTO_SECTIONS = (LAYER, MARGINS)  # not in files without weights
SKIPPABLE_SECTIONS = frozenset({ICC, EXIF, XMP})  # without the others the picture would be another


def section_name(number: int) -> str:
    """Name of a section for messages and `info`; "section N" if it is unknown."""
    return SECTION_NAMES.get(number, f"section {number}")


def symbols_crc(front_crc: int, symbols: Iterable[bytes]) -> int:
    """CRC-32 of all bytes before the checksum, continued over the symbols' portions."""
    crc = front_crc
    for portion in symbols:
        crc = zlib.crc32(portion, crc)
    return crc


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the decoder must know before the payload.

    Raises:
        ValueError: a value that the file cannot hold.
    """

    family_id: int  # 1 .. 31
    profile_id: int  # 1 .. 7
    family_fingerprint: bytes  # 4 bytes
    synthesis_fingerprint: bytes  # 2 bytes
    width: int  # pixels, 1 .. 2^24
    height: int  # pixels, 1 .. 2^24
    quality_index: int  # 0 .. 255
    is_grey: bool  # grey, or else RGB
    quantizer_id: int  # one of config.QUANTIZER_IDS
    is_all_coded: bool = False  # nothing is skipped where the prior is all but certain of zero

    def __post_init__(self) -> None:
        ranges = (
            ("family_id", self.family_id, 1, MAX_FAMILY_ID),
            ("profile_id", self.profile_id, 1, MAX_PROFILE_ID),
            ("width", self.width, WIDTH.low, WIDTH.high),
            ("height", self.height, HEIGHT.low, HEIGHT.high),
            ("quality_index", self.quality_index, 0, MAX_QUALITY_INDEX),
            ("bytes of family_fingerprint", len(self.family_fingerprint), 4, 4),
            ("bytes of synthesis_fingerprint", len(self.synthesis_fingerprint), 2, 2),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise ValueError(f"{name}: found {value}, expected {low} to {high}")
        if self.quantizer_id not in QUANTIZER_IDS.values():
            known = ", ".join(str(i) for i in QUANTIZER_IDS.values())
            raise ValueError(f"quantizer_id: found {self.quantizer_id}, expected one of {known}")

    @property
    def quantizer(self) -> str:
        """Key of `licodec.config.QUANTIZER_IDS`."""
        return next(name for name, i in QUANTIZER_IDS.items() if i == self.quantizer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LosslessHeader:
    """What the decoder of a lossless file must know before the payload.

    Raises:
        ValueError: a value that the file cannot hold.
    """

    width: int  # pixels, 1 .. 2^24
    height: int  # pixels, 1 .. 2^24
    is_grey: bool  # grey, or else RGB
    # 0: the payload has the encoder's own pixels; 1 .. 100: it changed them, as this quality allows
    asked_quality: int = 0

    def __post_init__(self) -> None:
        ranges = (
            ("width", self.width, WIDTH.low, WIDTH.high),
            ("height", self.height, HEIGHT.low, HEIGHT.high),
            ("asked_quality", self.asked_quality, 0, MAX_ASKED_QUALITY),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise ValueError(f"{name}: found {value}, expected {low} to {high}")


@dataclass(frozen=True, slots=True)
class Section:
    """One block of metadata, not deflated.

    Raises:
        ValueError: unknown type, or more bytes than a section can hold.
    """

    type: int  # key of SECTION_NAMES
    data: bytes

    def __post_init__(self) -> None:
        if self.type not in SECTION_NAMES:
            raise ValueError(f"section type: found {self.type}, expected 1 to {max(SECTION_NAMES)}")
        if len(self.data) > MAX_LENGTH_BYTES:
            raise ValueError(f"{section_name(self.type)} section: more than 2^32 - 1 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A file, or the front of one, taken apart."""

    head: Header | LosslessHeader
    sections: tuple[Section, ...]  # those that this licodec knows, in ascending order
    crc: int  # as stored
    front_crc: int  # CRC-32 of all bytes before the stored checksum
    # Padded to whole 32-bit words unless the file is lossless; None when only the front was read.
    payload: bytes | None
    section_bytes: tuple[tuple[int, int], ...]  # (number, bytes in the file, head included) of all
    frame_bytes: int  # everything but sections and payload
    payload_bytes: int  # as stored, without the zero bytes that padding brings back

    @property
    def is_lossless(self) -> bool:
        """Whether the payload is the picture without weights, in place of symbols."""
        return isinstance(self.head, LosslessHeader)

    @property
    def header(self) -> Header:
        """The header of a file that is not lossless."""
        assert isinstance(self.head, Header)
        return self.head

    @property
    def lossless_header(self) -> LosslessHeader:
        """The header of a lossless file."""
        assert isinstance(self.head, LosslessHeader)
        return self.head

    @property
    def num_bytes(self) -> int:
        """Size of the whole file as the front claims it."""
        return self.front_bytes + self.payload_bytes

    @property
    def front_bytes(self) -> int:
        """Offset of the payload."""
        return self.frame_bytes + sum(num_bytes for _, num_bytes in self.section_bytes)

    def section(self, number: int) -> bytes | None:
        """Data of the section of this number, None if the file has none."""
        return next((s.data for s in self.sections if s.type == number), None)
