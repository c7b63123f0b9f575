"""Files that break the rules: each rule with a file, an error class and a message of its own."""

import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.config import MAX_PIXELS
from licodec.container import Section, read_container, read_front
from licodec.container.format import LAYER, MARGINS, MAX_INFLATED_BYTES
from licodec.errors import (
    BitstreamError,
    CorruptFileError,
    NotLicodecFileError,
    TooLargeError,
    TruncatedFileError,
    UnsupportedVersionError,
)
from tests.container.files import (
    check_symbols,
    decode_symbols,
    lossless_file,
    plain_file,
    raw_section,
    small_file,
    to_int16,
    with_sections,
)

PLAIN = plain_file()
SMALL = small_file()
LOSSLESS = lossless_file()
COLOUR_OFFSET = 17  # of the plain 768x512 file


def changed(offset: int, new: bytes, num_bytes: int = 1) -> bytes:
    """The plain file with `num_bytes` at the offset replaced."""
    return PLAIN[:offset] + new + PLAIN[offset + num_bytes :]


def lossless_changed(offset: int, new: bytes, num_bytes: int = 1) -> bytes:
    """The lossless file with `num_bytes` at the offset replaced."""
    return LOSSLESS[:offset] + new + LOSSLESS[offset + num_bytes :]


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(level=9, wbits=-15)
    return deflater.compress(data) + deflater.flush()


def bad_section_checksum() -> bytes:
    section = bytearray(raw_section(0x81, b"profile"))
    section[-1] ^= 1
    return with_sections(bytes(section))


ICC_SECTION = raw_section(0x81, b"icc")
EXIF_SECTION = raw_section(0x82, b"exif")
HUNDRED = deflated(bytes(100))

CATALOGUE = {
    "png file": (b"\x89PNG\r\n\x1a\n" + bytes(40), NotLicodecFileError,
                 "magic at offset 0: found 89 50 4e 47, expected 8c 4c 49 43"),
    "one foreign byte": (b"x", NotLicodecFileError, "magic at offset 0: found 78"),
    "empty file": (b"", TruncatedFileError, "magic needs 4 bytes at offset 0, 0 are left"),
    "newer version": (changed(4, b"\x20"), UnsupportedVersionError,
                      "found 2, expected at most 1; written by a newer licodec"),
    "version zero": (changed(4, b"\x00"), CorruptFileError,
                     "format version at offset 4: found 0, expected 1"),
    "tiles": (changed(4, b"\x12"), UnsupportedVersionError,
              "tiles flag at offset 4: found 1, expected 0; written by a newer licodec"),
    "reserved flag": (changed(4, b"\x14"), UnsupportedVersionError,
                      "reserved flag at offset 4: found 1"),
    "layer that may be skipped": (
        with_sections(raw_section(0x85, b"layer")), CorruptFileError,
        "skippable bit of the LAYER section at offset 19: found 1, expected 0"),
    "reserved flag of a lossless file": (changed(4, b"\x1c"), UnsupportedVersionError,
                                         "reserved flag at offset 4: found 1"),
    "margins of a lossless file": (
        lossless_file([Section(MARGINS, b"margins")]), CorruptFileError,
        "MARGINS section: found in a file without weights, expected none"),
    "layer of a lossless file": (
        lossless_file([Section(LAYER, b"layer")]), CorruptFileError,
        "LAYER section: found in a file without weights, expected none"),
    "lossless width zero": (lossless_changed(5, b"\0", 2), CorruptFileError,
                            "width at offset 5: found 0, expected 1 to 16777216"),
    "giant lossless picture": (lossless_changed(5, b"\x80\x80\x80\x08" * 2, 3), TooLargeError,
                               f"found {2**48} pixels, expected at most {MAX_PIXELS}"),
    "lossless colour": (lossless_changed(8, b"\x02"), CorruptFileError,
                        "colour at offset 8: found 00000010, expected 0000000x"),
    "lossless quality": (lossless_changed(9, b"\x65"), CorruptFileError,
                         "asked quality at offset 9: found 101, expected 0 to 100"),
    "lossless payload cut": (LOSSLESS[:-1], TruncatedFileError, "payload needs 9 bytes"),
    "lossless trailing bytes": (LOSSLESS + b"\0", CorruptFileError, "found 1 more bytes"),
    "lossless payload changed": (LOSSLESS[:-1] + b"?", CorruptFileError,
                                 "checksum of header and payload: found .*, expected"),
    "lossless header changed": (lossless_changed(8, b"\x01"), CorruptFileError,
                                "checksum of header and payload: found .*, expected"),
    "reserved colour bit": (changed(COLOUR_OFFSET, b"\x20"), UnsupportedVersionError,
                          "reserved flag at offset 17: found 1"),
    "family zero": (changed(5, b"\x02"), CorruptFileError, "family id at offset 5: found 0"),
    "profile zero": (changed(5, b"\x08"), CorruptFileError, "profile id at offset 5: found 0"),
    "width zero": (changed(12, b"\0", 2), CorruptFileError,
                   "width at offset 12: found 0, expected 1 to 16777216"),
    "height too large": (changed(14, b"\x81\x80\x80\x08", 2), CorruptFileError,
                         "height at offset 14: found 16777217, expected 1 to 16777216"),
    "width without end": (changed(12, b"\xff" * 9, 2), CorruptFileError,
                          "width at offset 12: found more than 4 bytes"),
    "width not in shortest form": (changed(12, b"\x80\x86\x00", 2), CorruptFileError,
                                   "width at offset 12: found 3 bytes for 768, expected shortest"),
    "payload length not in shortest form": (
        changed(22, bytes([PLAIN[22] | 0x80, 0])), CorruptFileError,
        "payload length at offset 22: found 2 bytes"),
    "giant picture": (changed(12, b"\x80\x80\x80\x08" * 2, 4), TooLargeError,
                      f"16777216x16777216: found {2**48} pixels, expected at most {MAX_PIXELS}"),
    "unused colour bit": (changed(COLOUR_OFFSET, b"\x40"), CorruptFileError,
                          "colour and quantizer at offset 17: found 01000000, expected 000xxxxx"),
    "unknown quantizer": (changed(COLOUR_OFFSET, b"\x06"), UnsupportedVersionError,
                          "quantizer id at offset 17: found 3, expected 0 .rounding., 1"),
    "trailing bytes": (PLAIN + b"\0", CorruptFileError, "found 1 more bytes, expected none"),
    "payload cut": (PLAIN[:-1], TruncatedFileError, "payload needs .* bytes at offset 23"),
    "payload ends in zero": (changed(22, bytes([PLAIN[22] + 1])) + b"\0", CorruptFileError,
                             "payload's last byte at offset .*: found 0"),
    "payload of 4 GiB": (changed(22, b"\xff\xff\xff\xff\x0f"), TruncatedFileError,
                         "payload needs 4294967295 bytes at offset 27"),
    "no sections announced": (with_sections(count=0), CorruptFileError,
                              "section count at offset 18: found 0, expected 1 to 63"),
    "section twice": (with_sections(ICC_SECTION, ICC_SECTION), CorruptFileError,
                      "section type at offset 28: found ICC a second time, expected it once"),
    "section twice, not in sequence": (
        with_sections(ICC_SECTION, EXIF_SECTION, ICC_SECTION), CorruptFileError,
        "found ICC a second time"),
    "sections in descending order": (with_sections(EXIF_SECTION, ICC_SECTION), CorruptFileError,
                                     "section type at offset 29: found 1, expected 3 to 63"),
    "section zero": (with_sections(raw_section(0x80, b"")), CorruptFileError,
                     "section type at offset 19: found 0, expected 1 to 63"),
    "unknown required section": (with_sections(raw_section(9, b"new")), UnsupportedVersionError,
                                 "found 9, expected at most 6 for a section that must be underst"),
    "alpha that may be skipped": (
        with_sections(raw_section(0x84, b"alpha")), CorruptFileError,
        "skippable bit of the ALPHA section at offset 19: found 1, expected 0"),
    "icc that may not be skipped": (
        with_sections(raw_section(0x01, b"icc")), CorruptFileError,
        "skippable bit of the ICC section at offset 19: found 0, expected 1"),
    "section checksum": (bad_section_checksum(), CorruptFileError,
                         "ICC section: checksum at offset 21: found .*, expected"),
    "section larger than the file": (
        with_sections(b"\x81\xff\xff\xff\xff\x0f" + bytes(4)), TruncatedFileError,
        "ICC section: data needs 4294967295 bytes at offset 29"),
    "raw length beyond the limit": (
        with_sections(raw_section(0xC1, HUNDRED, raw_length=b"\x81\x80\x80\x08")), CorruptFileError,
        f"raw length at offset 21: found {MAX_INFLATED_BYTES + 1}, expected 1 to 16777216"),
    "raw length zero": (
        with_sections(raw_section(0xC1, HUNDRED, raw_length=b"\0")), CorruptFileError,
        "raw length at offset 21: found 0"),
    "inflates to more than claimed": (
        with_sections(raw_section(0xC1, HUNDRED, raw_length=b"\x63")), CorruptFileError,
        "inflated data at offset 26: found over 99 bytes, expected 99"),
    "inflates to less than claimed": (
        with_sections(raw_section(0xC1, HUNDRED, raw_length=b"\x65")), CorruptFileError,
        "inflated data at offset 26: found 100 bytes, expected 101 bytes"),
    "deflate stream cut": (
        with_sections(raw_section(0xC1, HUNDRED[:-1], raw_length=b"\x64")), CorruptFileError,
        "inflated data at offset 26: found no end after"),
    "bytes after the deflate stream": (
        with_sections(raw_section(0xC1, HUNDRED + b"!!", raw_length=b"\x64")), CorruptFileError,
        "found 2 bytes after the deflate stream, expected none"),
    "no deflate stream": (
        with_sections(raw_section(0xC1, b"\xff\xff", raw_length=b"\x64")), CorruptFileError,
        "deflated data at offset 26: found Error -3"),
}  # fmt: skip


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_broken_rule_has_its_error_class_and_message(name):
    data, error, message = CATALOGUE[name]
    with pytest.raises(error, match=message) as caught:
        read_container(data)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_files_that_the_catalogue_changes_are_valid():
    read_container(PLAIN)
    read_container(with_sections(ICC_SECTION, EXIF_SECTION))
    section = raw_section(0xC1, HUNDRED, raw_length=b"\x64")
    assert read_container(with_sections(section)).sections[0].data == bytes(100)


def test_deflate_bomb_is_refused_without_memory_for_what_it_inflates_to():
    bomb = deflated(bytes(10**8))
    size = (len(bomb) & 0x7F | 0x80, len(bomb) >> 7 & 0x7F | 0x80, len(bomb) >> 14)
    crc = zlib.crc32(bomb).to_bytes(4, "little")
    data = with_sections(bytes([0xC1, *size, 0x64]) + crc + bomb)
    tracemalloc.start()
    with pytest.raises(CorruptFileError, match="found over 100 bytes, expected 100"):
        read_container(data)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5 * len(bomb)


def test_giant_picture_names_the_ways_to_allow_it():
    with pytest.raises(TooLargeError, match=r"max_pixels \(option --max-pixels\)"):
        read_container(PLAIN, max_pixels=768 * 512 - 1)
    assert read_container(PLAIN, max_pixels=768 * 512).header.width == 768


def test_giant_picture_is_refused_before_the_rest_of_the_file_is_there():
    with pytest.raises(TooLargeError):
        read_container(PLAIN[:16], max_pixels=1)


def test_front_of_a_giant_picture_can_be_described():
    data = plain_file(width=2**24, height=2**24)
    header = read_front(data).header
    assert (header.width, header.height) == (2**24, 2**24)


@pytest.mark.parametrize("file", [PLAIN, SMALL], ids=["plain", "with sections"])
def test_every_proper_prefix_is_reported_as_truncated(file):
    for end in range(len(file)):
        with pytest.raises(TruncatedFileError):
            read_container(file[:end])


def check_damaged(damaged: bytes) -> None:
    """Fail unless the damage is reported at the latest by the checksum over the symbols."""
    try:
        container = read_container(damaged)
    except BitstreamError:
        return
    with pytest.raises(CorruptFileError):
        check_symbols(container, to_int16(decode_symbols(container.payload)))


def test_undamaged_files_pass_the_check_that_damaged_ones_fail():
    for file in (PLAIN, SMALL):
        container = read_container(file)
        check_symbols(container, to_int16(decode_symbols(container.payload)))


@pytest.mark.parametrize("file", [PLAIN, SMALL], ids=["plain", "with sections"])
def test_500_flipped_bits_are_all_reported(file):
    rng = random.Random(500)
    for _ in range(500):
        damaged = bytearray(file)
        damaged[rng.randrange(len(file))] ^= 1 << rng.randrange(8)
        check_damaged(bytes(damaged))


def test_every_flipped_bit_of_the_front_is_reported():
    for bit in range(8 * read_front(SMALL).front_bytes):
        damaged = bytearray(SMALL)
        damaged[bit // 8] ^= 1 << bit % 8
        check_damaged(bytes(damaged))


@given(data=st.data())
def test_several_changed_bytes_are_all_reported(data):
    offsets = st.integers(0, len(SMALL) - 1)
    changes = data.draw(st.dictionaries(offsets, st.integers(1, 255), min_size=1, max_size=6))
    damaged = bytearray(SMALL)
    for offset, change in changes.items():
        damaged[offset] ^= change
    check_damaged(bytes(damaged))


@given(rest=st.binary(max_size=200), keep=st.integers(0, 40))
def test_random_bytes_behind_a_valid_front_give_a_container_or_a_bitstream_error(rest, keep):
    for file in (PLAIN, SMALL):
        try:
            container = read_container(file[:keep] + rest)
        except BitstreamError:
            continue
        assert container.num_bytes == len(file[:keep] + rest)
