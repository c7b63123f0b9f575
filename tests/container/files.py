"""Small .lic files for the container's tests: valid ones, and parts to build broken ones from."""

from __future__ import annotations

import zlib

from licodec.container import (
    EXIF,
    ICC,
    XMP,
    Container,
    Header,
    LosslessHeader,
    Section,
    check_crc,
    write_container,
    write_lossless_container,
)
from licodec.container.format import symbols_crc
from licodec.errors import CorruptFileError
from tests.entropy.reference_ans import ReferenceDecoder, reference_encode

# Entries -2 .. 2 of one table; probabilities 1/16, 3/16, 1/2, 3/16, 1/16.
TABLE = [2**20, 3 * 2**20, 2**23, 3 * 2**20, 2**20]
REACH = 2
SYMBOLS = [(7 * i * i + 3 * i) % 11 % 5 - REACH for i in range(90)]
SECTIONS = [Section(EXIF, b"MM\0*" * 30), Section(ICC, b"profile"), Section(XMP, b"<x/>")]


def header(**changes: object) -> Header:
    """A valid header with the given fields changed."""
    fields: dict[str, object] = {
        "family_id": 1,
        "profile_id": 2,
        "family_fingerprint": b"\xf0\x0d\xca\xfe",
        "synthesis_fingerprint": b"\xab\xcd",
        "width": 768,
        "height": 512,
        "quality_index": 150,
        "is_grey": False,
        "quantizer_id": 0,
    }
    return Header(**(fields | changes))  # type: ignore[arg-type]


def to_int16(symbols: list[int]) -> bytes:
    """Symbols as the checksum takes them."""
    return b"".join(s.to_bytes(2, "little", signed=True) for s in symbols)


def plain_file(**changes: object) -> bytes:
    """A file without metadata whose payload holds SYMBOLS."""
    return small_file([], **changes)


def small_file(sections: list[Section] | None = None, **changes: object) -> bytes:
    """A file with SECTIONS, or those given, whose payload holds SYMBOLS."""
    payload = reference_encode([s + REACH for s in SYMBOLS], [TABLE] * len(SYMBOLS))
    sections = SECTIONS if sections is None else sections
    return write_container(header(**changes), sections, payload, [to_int16(SYMBOLS)])


def lossless_file(sections: list[Section] | None = None) -> bytes:
    """A lossless file of 300x90 pixels whose payload is not decoded; no metadata unless given."""
    header = LosslessHeader(width=300, height=90, is_grey=False)
    return write_lossless_container(header, sections or [], b"no pixels")


def decode_symbols(payload: bytes) -> list[int]:
    """As many symbols as SYMBOLS has, as a real decoder would take them.

    Raises:
        CorruptFileError: the stream is not empty after them.
    """
    decoder = ReferenceDecoder(payload)
    symbols = [decoder.decode(TABLE) - REACH for _ in SYMBOLS]
    if not decoder.is_empty():
        raise CorruptFileError("payload goes on after the last symbol")
    return symbols


def check_symbols(container: Container, *portions: bytes) -> None:
    """Compare the checksum as a decoder does that has read these symbols.

    Raises:
        CorruptFileError: it differs.
    """
    check_crc(container, symbols_crc(container.front_crc, portions))


def raw_section(type_byte: int, data: bytes, *, raw_length: bytes = b"") -> bytes:
    """A section of at most 127 stored bytes, byte by byte, with a right checksum."""
    return (
        bytes([type_byte, len(data)]) + raw_length + zlib.crc32(data).to_bytes(4, "little") + data
    )


def with_sections(*sections: bytes, count: int | None = None) -> bytes:
    """The plain file with these bytes in the place of sections, and a right checksum."""
    plain = plain_file()
    head = bytearray(plain[:18])
    head[4] |= 1
    front = bytes(head) + bytes([len(sections) if count is None else count]) + b"".join(sections)
    crc = zlib.crc32(to_int16(SYMBOLS), zlib.crc32(front))
    return front + crc.to_bytes(4, "little") + plain[22:]
