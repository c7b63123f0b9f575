"""Writes the bytes of a .lic file from header, sections and payload."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

from licodec.container import format as lic
from licodec.container.format import (
    Fixed,
    Header,
    LosslessHeader,
    Section,
    Varint,
    section_name,
    symbols_crc,
)


def write_container(
    header: Header, sections: Sequence[Section], payload: bytes, symbols: Iterable[bytes]
) -> bytes:
    """Put a file together.

    Args:
        header: what the decoder must know first.
        sections: metadata in any order, each type at most once.
        payload: little-endian 32-bit words of the ANS stream; the last word is not zero.
        symbols: the coded symbols in coding order, little-endian int16, in any portions.

    Returns:
        The whole file.

    Raises:
        ValueError: a section twice, or a payload that is not such words.
    """
    if len(payload) % 4 or (payload and payload[-4:] == bytes(4)):
        raise ValueError(f"payload of {len(payload)} bytes is not whole words that end in non-zero")
    front = _pack_header(header, has_sections=bool(sections)) + _pack_sections(sections)
    crc = symbols_crc(zlib.crc32(front), symbols)
    stored = payload.rstrip(b"\0")
    return front + _pack(lic.CRC, crc) + pack_varint(lic.PAYLOAD_LENGTH, len(stored)) + stored


def write_lossless_container(
    header: LosslessHeader, sections: Sequence[Section], payload: bytes
) -> bytes:
    """Put a lossless file together.

    Args:
        header: what the decoder must know first.
        sections: metadata in any order, each type at most once.
        payload: the picture, from `licodec.image.lossless`.

    Returns:
        The whole file.

    Raises:
        ValueError: a section twice.
    """
    front = _pack_lossless_header(header, has_sections=bool(sections)) + _pack_sections(sections)
    crc = zlib.crc32(payload, zlib.crc32(front))
    return front + _pack(lic.CRC, crc) + pack_varint(lic.PAYLOAD_LENGTH, len(payload)) + payload


def pack_varint(field: Varint, value: int) -> bytes:
    """Shortest form of a number.

    Raises:
        ValueError: the value is outside the field's range.
    """
    if not field.low <= value <= field.high:
        raise ValueError(f"{field.name}: found {value}, expected {field.low} to {field.high}")
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _pack(field: Fixed, value: int) -> bytes:
    return value.to_bytes(field.num_bytes, "little")


def _pack_header(header: Header, *, has_sections: bool) -> bytes:
    family_profile = header.family_id * (lic.MAX_PROFILE_ID + 1) + header.profile_id
    colour_quantizer = (
        header.quantizer_id << lic.QUANTIZER_SHIFT
        | header.is_grey * lic.GREY_BIT
        | header.is_all_coded * lic.ALL_CODED_BIT
    )
    return b"".join(
        (
            lic.MAGIC_BYTES,
            _pack(lic.VERSION_FLAGS, lic.VERSION << 4 | lic.FLAG_SECTIONS * has_sections),
            _pack(lic.FAMILY_PROFILE, family_profile),
            header.family_fingerprint,
            header.synthesis_fingerprint,
            pack_varint(lic.WIDTH, header.width),
            pack_varint(lic.HEIGHT, header.height),
            _pack(lic.QUALITY, header.quality_index),
            _pack(lic.COLOUR_QUANTIZER, colour_quantizer),
        )
    )


def _pack_lossless_header(header: LosslessHeader, *, has_sections: bool) -> bytes:
    flags = lic.FLAG_LOSSLESS | lic.FLAG_SECTIONS * has_sections
    return b"".join(
        (
            lic.MAGIC_BYTES,
            _pack(lic.VERSION_FLAGS, lic.VERSION << 4 | flags),
            pack_varint(lic.WIDTH, header.width),
            pack_varint(lic.HEIGHT, header.height),
            _pack(lic.COLOUR, header.is_grey * lic.GREY_BIT),
            _pack(lic.ASKED_QUALITY, header.asked_quality),
        )
    )


def _pack_sections(sections: Sequence[Section]) -> bytes:
    """Count and sections in ascending order; nothing at all if there are none."""
    if not sections:
        return b""
    types = sorted(section.type for section in sections)
    for first, second in pairwise(types):
        if first == second:
            raise ValueError(f"{section_name(first)} section is given twice")
    packed = [_pack_section(s) for s in sorted(sections, key=lambda section: section.type)]
    return _pack(lic.SECTION_COUNT, len(sections)) + b"".join(packed)


def _pack_section(section: Section) -> bytes:
    data, raw_length, type_byte = section.data, b"", section.type
    if section.type in lic.SKIPPABLE_SECTIONS:
        type_byte |= lic.SKIPPABLE_BIT
    if 1 <= len(data) <= lic.MAX_INFLATED_BYTES:
        deflated = _deflate(data)
        claim = pack_varint(lic.RAW_LENGTH, len(data))
        if len(claim) + len(deflated) < len(data):
            type_byte |= lic.DEFLATED_BIT
            data, raw_length = deflated, claim
    return (
        _pack(lic.SECTION_TYPE, type_byte)
        + pack_varint(lic.STORED_LENGTH, len(data))
        + raw_length
        + _pack(lic.SECTION_CRC, zlib.crc32(data))
        + data
    )


def _deflate(data: bytes) -> bytes:
    """Deflate stream (RFC 1951) without the zlib wrapper: the section has a checksum already."""
    deflater = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()
