"""The orientation of an EXIF block is found and reset in place; what else is there stays."""

import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from licodec.image.convert import picture_from
from licodec.image.exif import find_orientation, load_tags, reset_orientation
from licodec.image.files import read_picture, write_picture
from licodec.image.picture import Picture, turn
from licodec.image.xmp import reset_orientation as reset_xmp_orientation


def block(orientation: int, order: str = "<", layout: str = "H") -> bytes:
    """A maker's name, the orientation, and bytes that no tag points at."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    kind = {"H": 3, "I": 4}[layout]
    value = struct.pack(order + layout, orientation).ljust(4, b"\0")
    entries = struct.pack(f"{order}HHII", 0x010F, 2, 6, 38)
    entries += struct.pack(f"{order}HHI", 0x0112, kind, 1) + value
    head = magic + struct.pack(f"{order}IH", 8, 2)
    return head + entries + bytes(4) + b"maker\0" + b"a thumbnail that Pillow would lose"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["H", "I"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_reset_changes_the_orientation_alone(order: str, layout: str, orientation: int) -> None:
    given_block = block(orientation, order, layout)
    assert find_orientation(given_block) == orientation
    assert reset_orientation(given_block) == block(1, order, layout)


@pytest.mark.parametrize("order", ["<", ">"])
def test_thumbnail_goes_where_it_would_lie_on_its_side(order: str) -> None:
    def block_of(orientation: int, link: int, thumbnail: bytes) -> bytes:
        head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}IH", 8, 1)
        entry = struct.pack(f"{order}HHIHxx", 0x0112, 3, 1, orientation)
        second = struct.pack(f"{order}H", 2)
        second += struct.pack(f"{order}HHII", 0x0201, 4, 1, 56)
        second += struct.pack(f"{order}HHII", 0x0202, 4, 1, len(thumbnail))
        return (
            head + entry + struct.pack(f"{order}I", link) + second + bytes(4) + thumbnail + b"end"
        )

    assert reset_orientation(block_of(8, 26, b"JPEG")) == block_of(1, 0, bytes(4))
    assert reset_orientation(block_of(1, 26, b"JPEG")) == block_of(1, 26, b"JPEG")
    beyond = block_of(6, 26, b"JPEG").replace(struct.pack(f"{order}I", 56), b"\x7f" * 4)
    assert find_orientation(reset_orientation(beyond)) == 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation_counts_as_none(orientation: int) -> None:
    assert find_orientation(block(orientation)) == 1
    assert reset_orientation(block(orientation)) == block(orientation)


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda b: b"II*\0" + b)))
def test_arbitrary_bytes_have_an_orientation_and_keep_their_length(data: bytes) -> None:
    assert 1 <= find_orientation(data) <= 8
    assert len(reset_orientation(data)) == len(data)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_agrees_with_pillow(orientation: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(turn(pixels, orientation), ImageOps.exif_transpose(image))


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (b'<a tiff:Orientation="6"/>', b'<a tiff:Orientation="1"/>'),
        (b"<a tiff:Orientation = '8'/>", b"<a tiff:Orientation = '1'/>"),
        (b"<tiff:Orientation>3</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b'<a tiff:Orientation="1" b="6"/>', b'<a tiff:Orientation="1" b="6"/>'),
    ],
)
def test_orientation_of_an_xmp_packet_is_reset(packet: bytes, expected: bytes) -> None:
    assert reset_xmp_orientation(packet) == expected


def test_xmp_cannot_turn_a_picture_again() -> None:
    image = Image.new("RGB", (4, 2), (1, 2, 3))
    image.info |= {"exif": b"Exif\0\0" + block(6), "xmp": b'<a tiff:Orientation="6"/>'}
    picture = picture_from(image)
    assert (picture.width, picture.height) == (2, 4)
    assert (picture.exif, picture.xmp) == (block(1), b'<a tiff:Orientation="1"/>')


def test_orientation_in_xmp_alone_is_left_to_who_obeys_it() -> None:
    image = Image.new("RGB", (4, 2), (1, 2, 3))
    image.info["xmp"] = b'<a tiff:Orientation="6"/>'
    picture = picture_from(image)
    assert (picture.width, picture.xmp) == (4, b'<a tiff:Orientation="6"/>')


def test_tags_of_sub_directories_survive_a_tiff() -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    tags.get_ifd(0x8825)[1] = "N"
    exif = tags.tobytes().removeprefix(b"Exif\0\0")
    stream = io.BytesIO()
    write_picture(Picture(pixels=np.zeros((2, 4), np.uint8), exif=exif), stream, "tiff")
    stream.seek(0)
    found = Image.Exif()
    found.load(b"Exif\0\0" + (read_picture(stream).exif or b""))
    assert found.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
    assert found.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("length", [20, 14])
def test_damaged_block_gives_no_python_warning(length: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_tags(block(6)[:length])
