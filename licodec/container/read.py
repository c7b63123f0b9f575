"""Reads header, sections and payload of a .lic file, and checks everything."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import IO

from licodec.config import MAX_PIXELS, QUANTIZER_IDS, check_number
from licodec.container import format as lic
from licodec.container.format import (
    Container,
    Header,
    LosslessHeader,
    Section,
    section_name,
)
from licodec.container.reader import COPY_AGAIN, FieldReader
from licodec.errors import (
    CorruptFileError,
    NotLicodecFileError,
    TooLargeError,
    TruncatedFileError,
    UnsupportedVersionError,
)

_FIRST_READ_BYTES = 4096  # one disk block; holds the front of a file without metadata many times


def read_container(data: bytes, max_pixels: int = MAX_PIXELS) -> Container:
    """Take a whole file apart. The payload is not decoded: `check_crc` comes after that.

    The checksum of a lossless file, which is over its bytes, is compared here.

    Args:
        data: the file.
        max_pixels: a picture of more pixels is refused before anything else is read.

    Raises:
        BitstreamError: see the class for each cause.
    """
    front = read_front(data, max_pixels)
    check_length(front, len(data))
    stored = data[front.front_bytes :]
    if front.is_lossless:
        check_crc(front, zlib.crc32(stored, front.front_crc))
        return replace(front, payload=stored)
    if stored.endswith(b"\0"):
        raise CorruptFileError(
            f"payload's last byte at offset {len(data) - 1}: found 0, expected another value; "
            f"{COPY_AGAIN}"
        )
    return replace(front, payload=stored + bytes(-len(stored) % 4))


def read_front(data: bytes, max_pixels: int | None = None) -> Container:
    """Take apart all that stands before the payload, which need not be there.

    Args:
        data: the file, or enough of its front; what follows the front is not looked at.
        max_pixels: refuse a picture of more pixels; None for no limit.

    Returns:
        A container without payload. Sections have passed their own checksums, the header has not:
        its checksum needs the decoded symbols, that of a lossless file the payload.

    Raises:
        BitstreamError: see the class for each cause.
    """
    reader = FieldReader(data)
    _read_magic(reader)
    flags = _read_flags(reader)
    read_head = _read_lossless_header if flags & lic.FLAG_LOSSLESS else _read_header
    head: Header | LosslessHeader = read_head(reader, max_pixels)
    has_sections = flags & lic.FLAG_SECTIONS
    sections, section_bytes = _read_sections(reader) if has_sections else ((), ())
    for number, _ in section_bytes if flags & lic.FLAG_LOSSLESS else ():
        if number in lic.PHOTO_SECTIONS:
            raise CorruptFileError(
                f"{lic.section_name(number)} section: found in a file without weights, expected "
                f"none; {COPY_AGAIN}"
            )
    front_crc = zlib.crc32(reader.before())
    crc = reader.number(lic.CRC)
    payload_bytes = reader.varint(lic.PAYLOAD_LENGTH)
    return Container(
        head=head,
        sections=sections,
        crc=crc,
        front_crc=front_crc,
        payload=None,
        section_bytes=section_bytes,
        frame_bytes=reader.offset - sum(num_bytes for _, num_bytes in section_bytes),
        payload_bytes=payload_bytes,
    )


def read_front_from(stream: IO[bytes], max_pixels: int | None = None) -> Container:
    """`read_front` of a stream that stands at the start of a file; reads no more than it needs.

    Each byte is read once, in growing portions, up to at most twice the size of the front.

    Raises:
        BitstreamError: see the class for each cause.
        OSError: the stream cannot be read.
    """
    data = b""
    while True:
        more = stream.read(max(len(data), _FIRST_READ_BYTES))
        data += more
        try:
            return read_front(data, max_pixels)
        except TruncatedFileError:
            if not more:
                raise


def check_length(container: Container, file_bytes: int) -> None:
    """Compare the size of the file with what its front claims.

    Raises:
        TruncatedFileError: the payload is not all there.
        CorruptFileError: bytes follow the payload.
    """
    if file_bytes < container.num_bytes:
        raise TruncatedFileError(
            f"payload needs {container.payload_bytes} bytes at offset {container.front_bytes}, "
            f"{max(0, file_bytes - container.front_bytes)} are left; {COPY_AGAIN}"
        )
    if file_bytes > container.num_bytes:
        raise CorruptFileError(
            f"end of the payload at offset {container.num_bytes}: found "
            f"{file_bytes - container.num_bytes} more bytes, expected none; {COPY_AGAIN}"
        )


def check_crc(container: Container, crc: int) -> None:
    """Compare the stored checksum with that of the front and the decoded symbols.

    Args:
        container: from `read_container`.
        crc: its `front_crc`, continued over the symbols in coding order, little-endian int16; of a
            lossless file over the payload.

    Raises:
        CorruptFileError: header, sections or payload are damaged, or this machine decoded other
            symbols than the encoder wrote.
    """
    if crc != container.crc:
        content = "payload" if container.is_lossless else "symbols"
        raise CorruptFileError(
            f"checksum of header and {content}: found {crc:08x}, expected {container.crc:08x}; "
            f"{COPY_AGAIN}"
        )


def _read_magic(reader: FieldReader) -> None:
    start = reader.take(min(lic.MAGIC.num_bytes, reader.remaining), lic.MAGIC.name)
    if start != lic.MAGIC_BYTES[: len(start)]:
        raise NotLicodecFileError(
            f"magic at offset 0: found {start.hex(' ')}, expected {lic.MAGIC_BYTES.hex(' ')}; "
            "this is not a .lic file"
        )
    reader.take(lic.MAGIC.num_bytes - len(start), lic.MAGIC.name)


def _read_flags(reader: FieldReader) -> int:
    """The flags of a version that this licodec knows; FLAG_SECTIONS and FLAG_LOSSLESS may be 1."""
    offset = reader.offset
    byte = reader.number(lic.VERSION_FLAGS)
    version, flags = byte >> 4, byte & 0x0F
    if version > lic.VERSION:
        raise UnsupportedVersionError(
            f"format version at offset {offset}: found {version}, expected at most {lic.VERSION}; "
            "written by a newer licodec, update this one"
        )
    if version < 1:
        raise reader.corrupt("format version", offset, version, lic.VERSION)
    for flag, name in lic.RESERVED_FLAGS.items():
        if flags & flag:
            raise _newer(name, offset)
    return flags


def _newer(name: str, offset: int) -> UnsupportedVersionError:
    """The error for a reserved flag that is set."""
    return UnsupportedVersionError(
        f"{name} flag at offset {offset}: found 1, expected 0; "
        "written by a newer licodec, update this one"
    )


def _read_header(reader: FieldReader, max_pixels: int | None) -> Header:
    offset = reader.offset
    family_id, profile_id = divmod(reader.number(lic.FAMILY_PROFILE), lic.MAX_PROFILE_ID + 1)
    if not family_id:
        raise reader.corrupt("family id", offset, 0, f"1 to {lic.MAX_FAMILY_ID}")
    if not profile_id:
        raise reader.corrupt("profile id", offset, 0, f"1 to {lic.MAX_PROFILE_ID}")
    family_fingerprint = reader.fixed(lic.FAMILY_FINGERPRINT)
    synthesis_fingerprint = reader.fixed(lic.SYNTHESIS_FINGERPRINT)
    width, height = _read_size(reader, max_pixels)
    quality_index = reader.number(lic.QUALITY)
    is_grey, quantizer_id, is_all_coded = _read_colour_quantizer(reader)
    return Header(
        family_id=family_id,
        profile_id=profile_id,
        family_fingerprint=family_fingerprint,
        synthesis_fingerprint=synthesis_fingerprint,
        width=width,
        height=height,
        quality_index=quality_index,
        is_grey=is_grey,
        quantizer_id=quantizer_id,
        is_all_coded=is_all_coded,
    )


def _read_size(reader: FieldReader, max_pixels: int | None) -> tuple[int, int]:
    """Width and height in pixels."""
    width = reader.varint(lic.WIDTH)
    height = reader.varint(lic.HEIGHT)
    if max_pixels is None:
        return width, height
    check_number("max_pixels", max_pixels)
    if not width * height <= max_pixels:  # nor is it of NaN
        raise TooLargeError(
            f"picture of {width}x{height}: found {width * height} pixels, expected at most "
            f"{max_pixels}; if you trust the file, raise max_pixels (option --max-pixels)"
        )
    return width, height


def _read_lossless_header(reader: FieldReader, max_pixels: int | None) -> LosslessHeader:
    width, height = _read_size(reader, max_pixels)
    offset = reader.offset
    colour = reader.number(lic.COLOUR)
    if colour & ~lic.GREY_BIT:
        raise reader.corrupt(lic.COLOUR.name, offset, f"{colour:08b}", "0000000x")
    offset = reader.offset
    quality = reader.number(lic.ASKED_QUALITY)
    if quality > lic.MAX_ASKED_QUALITY:
        expected = f"0 to {lic.MAX_ASKED_QUALITY}"
        raise reader.corrupt(lic.ASKED_QUALITY.name, offset, quality, expected)
    return LosslessHeader(
        width=width, height=height, is_grey=bool(colour & lic.GREY_BIT), asked_quality=quality
    )


def _read_colour_quantizer(reader: FieldReader) -> tuple[bool, int, bool]:
    offset = reader.offset
    byte = reader.number(lic.COLOUR_QUANTIZER)
    quantizer_id = byte >> lic.QUANTIZER_SHIFT & lic.QUANTIZER_MASK
    if byte & lic.UNUSED_COLOUR_BITS:
        raise reader.corrupt(lic.COLOUR_QUANTIZER.name, offset, f"{byte:08b}", "000xxxxx")
    if byte & lic.RESERVED_COLOUR_BIT:
        raise _newer("reserved", offset)
    if quantizer_id not in QUANTIZER_IDS.values():
        known = ", ".join(f"{i} ({name})" for name, i in QUANTIZER_IDS.items())
        raise UnsupportedVersionError(
            f"quantizer id at offset {offset}: found {quantizer_id}, expected {known}; "
            "the file is damaged or written by a newer licodec"
        )
    return bool(byte & lic.GREY_BIT), quantizer_id, bool(byte & lic.ALL_CODED_BIT)


def _read_sections(
    reader: FieldReader,
) -> tuple[tuple[Section, ...], tuple[tuple[int, int], ...]]:
    """The known sections, and number and size in the file of all."""
    offset = reader.offset
    count = reader.number(lic.SECTION_COUNT)
    if not 1 <= count <= lic.SECTION_NUMBER_MASK:
        raise reader.corrupt("section count", offset, count, f"1 to {lic.SECTION_NUMBER_MASK}")
    sections: list[Section] = []
    section_bytes: list[tuple[int, int]] = []
    for _ in range(count):
        start = reader.offset
        number, is_deflated = _read_section_type(reader, [n for n, _ in section_bytes])
        reader.section = f"{section_name(number)} section"
        data = _read_section_data(reader, is_deflated, is_known=number in lic.SECTION_NAMES)
        reader.section = ""
        if data is not None:
            sections.append(Section(number, data))
        section_bytes.append((number, reader.offset - start))
    return tuple(sections), tuple(section_bytes)


def _read_section_type(reader: FieldReader, before: list[int]) -> tuple[int, bool]:
    """Number of the section, and whether it is deflated; `before` has the numbers so far."""
    offset = reader.offset
    byte = reader.number(lic.SECTION_TYPE)
    number, is_skippable = byte & lic.SECTION_NUMBER_MASK, bool(byte & lic.SKIPPABLE_BIT)
    if number in before:
        raise CorruptFileError(
            f"section type at offset {offset}: found {section_name(number)} a second time, "
            f"expected it once; {COPY_AGAIN}"
        )
    lowest = before[-1] + 1 if before else 1
    if number < lowest:
        expected = f"{lowest} to {lic.SECTION_NUMBER_MASK}, in ascending order"
        raise reader.corrupt("section type", offset, number, expected)
    if number in lic.SECTION_NAMES:
        expected_bit = number in lic.SKIPPABLE_SECTIONS
        if is_skippable != expected_bit:
            name = f"skippable bit of the {section_name(number)} section"
            raise reader.corrupt(name, offset, int(is_skippable), int(expected_bit))
    elif not is_skippable:
        raise UnsupportedVersionError(
            f"section type at offset {offset}: found {number}, expected at most "
            f"{max(lic.SECTION_NAMES)} for a section that must be understood; "
            "written by a newer licodec, update this one"
        )
    return number, bool(byte & lic.DEFLATED_BIT)


def _read_section_data(reader: FieldReader, is_deflated: bool, *, is_known: bool) -> bytes | None:
    """Data of a section after its type byte; None, and never inflated, if it is not known."""
    stored_bytes = reader.varint(lic.STORED_LENGTH)
    raw_bytes = reader.varint(lic.RAW_LENGTH) if is_deflated else stored_bytes
    crc_offset = reader.offset
    expected = reader.number(lic.SECTION_CRC)
    data_offset = reader.offset
    stored = reader.take(stored_bytes, "data")
    crc = zlib.crc32(stored)
    if crc != expected:
        raise reader.corrupt("checksum", crc_offset, f"{crc:08x}", f"{expected:08x}")
    if not is_known:
        return None
    return _inflate(reader, stored, raw_bytes, data_offset) if is_deflated else stored


def _inflate(reader: FieldReader, stored: bytes, raw_bytes: int, offset: int) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(stored, raw_bytes + 1)
    except zlib.error as error:
        raise reader.corrupt("deflated data", offset, error, f"{raw_bytes} bytes") from error
    if len(data) > raw_bytes:
        raise reader.corrupt("inflated data", offset, f"over {raw_bytes} bytes", raw_bytes)
    if len(data) < raw_bytes or not inflater.eof:
        found = f"{len(data)} bytes" if inflater.eof else f"no end after {len(data)} bytes"
        raise reader.corrupt("inflated data", offset, found, f"{raw_bytes} bytes")
    if inflater.unused_data:
        found = f"{len(inflater.unused_data)} bytes after the deflate stream"
        raise reader.corrupt("deflated data", offset, found, "none")
    return data
