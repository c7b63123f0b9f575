"""What is written is read back, in a frame that stays small."""

import io
import os
import random
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.container import (
    ALPHA,
    EXIF,
    ICC,
    PHOTO_SECTIONS,
    XMP,
    LosslessHeader,
    Section,
    check_length,
    read_container,
    read_front,
    read_front_from,
    section_name,
    write_container,
    write_lossless_container,
)
from licodec.container.format import FRAME, MAX_INFLATED_BYTES, PAYLOAD_LENGTH, Fixed
from licodec.container.write import pack_varint
from licodec.errors import CorruptFileError, TruncatedFileError
from tests.container.files import (
    SECTIONS,
    SYMBOLS,
    check_symbols,
    decode_symbols,
    header,
    plain_file,
    raw_section,
    small_file,
    to_int16,
    with_sections,
)
from tests.strategies import (
    headers,
    lossless_headers,
    payloads,
    section_lists,
    symbol_portions,
)

NO_LIMIT = 2**48


@given(headers(), section_lists(), payloads(), symbol_portions())
def test_every_valid_container_survives_the_round_trip(head, sections, payload, symbols):
    data = write_container(head, sections, payload, symbols)
    container = read_container(data, max_pixels=NO_LIMIT)
    assert container.header == head
    assert list(container.sections) == sorted(sections, key=lambda section: section.type)
    assert container.payload == payload
    assert container.num_bytes == len(data)
    check_symbols(container, b"".join(symbols))


@given(headers(), section_lists(), payloads(), st.data())
def test_front_is_read_without_the_payload(head, sections, payload, data):
    file = write_container(head, sections, payload, [])
    whole = read_container(file, max_pixels=NO_LIMIT)
    end = data.draw(st.integers(whole.front_bytes, len(file)))
    front = read_front(file[:end])
    assert front.payload is None
    assert (front.header, front.sections, front.crc) == (whole.header, whole.sections, whole.crc)
    assert (front.front_bytes, front.num_bytes) == (whole.front_bytes, len(file))


@given(lossless_headers(), section_lists(), st.binary(max_size=99))
def test_every_valid_lossless_container_survives_the_round_trip(head, sections, payload):
    sections = [section for section in sections if section.type not in PHOTO_SECTIONS]
    data = write_lossless_container(head, sections, payload)
    container = read_container(data, max_pixels=NO_LIMIT)
    assert container.is_lossless
    assert container.lossless_header == head
    assert list(container.sections) == sorted(sections, key=lambda section: section.type)
    assert container.payload == payload
    assert container.num_bytes == len(data)


def test_example_of_a_lossless_file_has_the_bytes_computed_by_hand():
    head = LosslessHeader(width=768, height=512, is_grey=True, asked_quality=75)
    front = b"\x8cLIC\x18\x80\x06\x80\x04\x01\x4b"
    crc = zlib.crc32(front + b"\x00abc\0").to_bytes(4, "little")
    assert write_lossless_container(head, [], b"\x00abc\0") == front + crc + b"\x05\x00abc\0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width: found 0, expected 1 to 16777216"),
        ({"height": 2**24 + 1}, "height: found 16777217"),
        ({"asked_quality": 101}, "asked_quality: found 101, expected 0 to 100"),
    ],
)
def test_lossless_header_that_no_file_can_hold_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        LosslessHeader(**({"width": 1, "height": 1, "is_grey": True} | changes))


@given(payloads(), st.data())
def test_other_symbols_than_those_written_are_reported(payload, data):
    symbols = data.draw(st.binary(min_size=2, max_size=40))
    other = data.draw(st.binary(max_size=40).filter(lambda o: o != symbols))
    container = read_container(write_container(header(), [], payload, [symbols]))
    with pytest.raises(CorruptFileError, match="checksum of header and symbols"):
        check_symbols(container, other)


@pytest.mark.parametrize(
    ("payload_bytes", "frame_bytes"),
    [(0, 23), (127, 23), (128, 24), (16384, 25), (2**21 - 1, 25)],
)
def test_frame_of_a_plain_kodak_picture_has_the_documented_size(payload_bytes, frame_bytes):
    payload = b"\x01" * payload_bytes
    payload += bytes(-len(payload) % 4)
    data = write_container(header(width=768, height=512), [], payload, [])
    assert len(data) - payload_bytes == frame_bytes <= 26
    assert read_front(data).frame_bytes == frame_bytes


def test_frame_of_a_plain_picture_with_sides_below_16384_has_at_most_26_bytes():
    data = write_container(header(width=16383, height=16383), [], b"\1\0\0\1", [])
    largest = pack_varint(PAYLOAD_LENGTH, 2**28 - 1)
    assert read_front(data).frame_bytes - 1 + len(largest) == 26


def test_example_file_has_the_bytes_computed_by_hand():
    expected = (
        b"\x8cLIC\x10\x0a\xf0\x0d\xca\xfe\xab\xcd"  # version 1; family 1, profile 2; fingerprints
        b"\x80\x06\x80\x04\x96\x03"  # 6 * 128 x 4 * 128; quality 150; grey, quantizer 1
    )
    crc = zlib.crc32(expected + b"\xff\xff\x02\x00").to_bytes(4, "little")
    symbols = [to_int16([-1]), to_int16([2])]
    data = write_container(header(is_grey=True, quantizer_id=1), [], b"\0\0\x80\0", symbols)
    assert data == expected + crc + b"\x03\0\0\x80"


def test_sections_of_a_file_have_the_bytes_computed_by_hand():
    head = (1).to_bytes(1, "little")  # count
    expected = head + b"\x82\x04" + zlib.crc32(b"MM\0*").to_bytes(4, "little") + b"MM\0*"
    data = write_container(header(), [Section(EXIF, b"MM\0*")], b"", [])
    assert data[4] == 0x11
    assert data[18:-5] == expected


def test_frame_fields_and_sections_make_up_the_whole_front():
    front = read_front(small_file(width=1, height=1))
    smallest = sum(f.num_bytes if isinstance(f, Fixed) else 1 for f in FRAME)
    assert front.frame_bytes == smallest
    assert front.front_bytes == smallest + sum(n for _, n in front.section_bytes)


def test_size_of_each_section_in_the_file_is_reported():
    front = read_front(small_file())
    sizes = dict(front.section_bytes)
    assert [section_name(n) for n in sizes] == ["ICC", "EXIF", "XMP"]
    assert sizes[ICC] == 1 + 1 + 4 + len(b"profile")
    assert sizes[XMP] == 1 + 1 + 4 + len(b"<x/>")
    assert sizes[EXIF] < 40  # 120 bytes, deflated
    assert front.section(EXIF) == SECTIONS[0].data
    assert front.section(ALPHA) is None


def test_unknown_section_that_may_be_skipped_is_skipped_and_counted():
    data = with_sections(raw_section(0x81, b"icc"), raw_section(0x80 | 9, b"from the future"))
    container = read_container(data)
    check_symbols(container, to_int16(SYMBOLS))
    assert container.sections == (Section(ICC, b"icc"),)
    assert container.section_bytes == ((ICC, 9), (9, 21))


def test_unknown_section_is_never_inflated():
    data = with_sections(raw_section(0xC0 | 9, b"no deflate stream", raw_length=b"\x7f"))
    assert read_container(data).sections == ()


def test_data_that_deflate_cannot_shrink_are_stored_as_they_are():
    noise = random.Random(1).randbytes(5000)
    front = read_front(write_container(header(), [Section(ALPHA, noise)], b"", []))
    assert front.section(ALPHA) == noise
    assert dict(front.section_bytes)[ALPHA] == 1 + 2 + 4 + 5000


def test_data_beyond_the_inflate_limit_are_stored_as_they_are():
    zeros = bytes(MAX_INFLATED_BYTES + 1)
    front = read_front(write_container(header(), [Section(ICC, zeros)], b"", []))
    assert front.section(ICC) == zeros
    assert dict(front.section_bytes)[ICC] > MAX_INFLATED_BYTES


def test_symbols_of_a_small_file_pass_the_checksum():
    container = read_container(small_file())
    assert decode_symbols(container.payload) == SYMBOLS
    check_symbols(container, to_int16(SYMBOLS[:40]), b"", to_int16(SYMBOLS[40:]))


class TrickleStream(io.RawIOBase):
    """Gives at most 7 bytes per call, as a pipe may, and counts them."""

    def __init__(self, data):
        super().__init__()
        self.data, self.num_read = data, 0

    def read(self, size=-1):
        portion = self.data[self.num_read :][: min(size, 7)]
        self.num_read += len(portion)
        return portion


def test_front_of_a_stream_is_read_without_its_payload():
    payload = b"\x01" * 100_000
    data = write_container(header(), SECTIONS, payload, [])
    stream = io.BytesIO(data)
    assert read_front_from(stream) == read_front(data)
    assert stream.tell() < 10_000


def test_front_of_a_stream_in_small_portions_is_read_no_further_than_needed():
    data = write_container(header(), SECTIONS, b"\x01" * 400, [])
    stream = TrickleStream(data)
    front = read_front_from(stream)
    assert front == read_front(data)
    assert stream.num_read < front.front_bytes + 7


def test_stream_that_ends_in_its_front_is_reported_as_truncated():
    with pytest.raises(TruncatedFileError, match="family fingerprint needs 4 bytes at offset 6"):
        read_front_from(TrickleStream(plain_file()[:9]))


def test_file_size_is_compared_with_the_claim_of_the_front():
    data = plain_file()
    front = read_front(data)
    check_length(front, len(data))
    with pytest.raises(TruncatedFileError, match=r"payload needs \d+ bytes at offset 23, 0 are"):
        check_length(front, 23)
    with pytest.raises(CorruptFileError, match="found 3 more bytes, expected none"):
        check_length(front, len(data) + 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family_id": 0}, "family_id: found 0, expected 1 to 31"),
        ({"family_id": 32}, "family_id: found 32"),
        ({"profile_id": 8}, "profile_id: found 8, expected 1 to 7"),
        ({"width": 0}, "width: found 0, expected 1 to 16777216"),
        ({"height": 2**24 + 1}, "height: found 16777217"),
        ({"quality_index": 256}, "quality_index: found 256, expected 0 to 255"),
        ({"quantizer_id": 3}, "quantizer_id: found 3, expected one of 0, 1, 2"),
        ({"family_fingerprint": b"abc"}, "bytes of family_fingerprint: found 3, expected 4"),
        ({"synthesis_fingerprint": b""}, "bytes of synthesis_fingerprint: found 0"),
    ],
)
def test_header_that_no_file_can_hold_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        header(**changes)


@pytest.mark.parametrize("payload", [b"\x01", b"\x01\0\0\0\0\0\0\0"])
def test_payload_that_the_coder_never_makes_is_refused(payload):
    with pytest.raises(ValueError, match="whole words"):
        write_container(header(), [], payload, [])


def test_section_given_twice_is_refused():
    with pytest.raises(ValueError, match="EXIF section is given twice"):
        write_container(header(), [Section(EXIF, b"a"), Section(EXIF, b"b")], b"", [])


def test_section_of_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="section type: found 7, expected 1 to 6"):
        Section(7, b"")


def test_container_needs_only_the_standard_library():
    code = (
        "import sys, licodec.container\n"
        "print([n for n in ('numpy', 'PIL', 'torch', 'constriction', 'click') if n in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout == "[]\n"
