"""Pixels per inch survive the way through a Picture; what cannot is told."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from licodec.image.exif import EXIF_PREFIX, density_in, load_tags
from licodec.image.files import read_picture, render_picture
from licodec.image.formats import WRITE_FORMATS
from licodec.image.keep import keep_only
from licodec.image.picture import Picture

MAKER, COPYRIGHT, X_RESOLUTION, UNIT = 0x010F, 0x8298, 0x011A, 0x0128
MAKER_NOTE = bytes(range(40))


def file_of(file_format: str, **options: object) -> bytes:
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


def exif_with(order: str = "<", **tags: object) -> bytes:
    exif = Image.Exif()
    exif.endian = order
    exif[MAKER], exif[COPYRIGHT] = "maker", "somebody"
    exif.get_ifd(0x8769)[0x927C] = MAKER_NOTE
    for name, value in tags.items():
        exif[int(name.removeprefix("tag"))] = value
    return exif.tobytes()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP", "TIFF"])
@pytest.mark.parametrize("density", [(300, 300), (600, 300), (96, 96), (254, 254)])
def test_density_of_every_format_is_in_exif(file_format: str, density: tuple[int, int]) -> None:
    picture = read(file_of(file_format, dpi=density))
    assert density_in(picture.exif) == density
    assert picture.notes == ()


@pytest.mark.parametrize("name", ["png", "jpeg", "bmp", "tiff"])
def test_density_is_written_into_headers(name: str) -> None:
    data, notes = render_picture(read(file_of("PNG", dpi=(300, 150))), WRITE_FORMATS[name])
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert notes == ()


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_density_is_written_into_exif_where_headers_have_none(name: str) -> None:
    data, _ = render_picture(read(file_of("PNG", dpi=(300, 150))), WRITE_FORMATS[name])
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[X_RESOLUTION] == 300


@pytest.mark.parametrize("name", ["ppm", "jp2"])
def test_format_without_density_is_told(name: str) -> None:
    _, notes = render_picture(read(file_of("PNG", dpi=(300, 150))), WRITE_FORMATS[name])
    assert [note for note in notes if note.startswith("EXIF dropped")]


def test_density_goes_with_the_rest_of_exif() -> None:
    picture = keep_only(read(file_of("PNG", dpi=(300, 300))), ("icc", "xmp"))
    assert picture.exif is None


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP"])
def test_what_exif_readers_assume_costs_nothing(file_format: str) -> None:
    assert read(file_of(file_format, dpi=(72, 72))).exif is None
    assert read(file_of("PNG")).exif is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_tags_join_a_block_whose_other_values_stay(order: str) -> None:
    block = exif_with(order)
    tags = load_tags(read(file_of("PNG", dpi=(300, 300), exif=block)).exif)
    assert tags is not None
    assert (tags[MAKER], tags[COPYRIGHT]) == ("maker", "somebody")
    assert tags.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert (tags[X_RESOLUTION], tags[UNIT]) == (300, 2)


def test_other_offsets_stay_as_they_were() -> None:
    """Makers' notes hold offsets of their own."""
    block = exif_with()
    after = read(file_of("PNG", dpi=(300, 300), exif=block)).exif
    assert after is not None
    at = block.removeprefix(EXIF_PREFIX).index(MAKER_NOTE)
    assert after[at : at + len(MAKER_NOTE)] == MAKER_NOTE


def test_thumbnail_stays_linked() -> None:
    second = struct.pack("<HHHIHHI", 1, 0x0103, 3, 1, 6, 0, 0)
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 1, 0, 26)
    after = read(file_of("PNG", dpi=(300, 300), exif=b"II*\0\x08\0\0\0" + first + second)).exif
    assert after is not None
    (start,) = struct.unpack_from("<I", after, 4)
    (count,) = struct.unpack_from("<H", after, start)
    assert (count, after[-4:], len(after)) == (4, struct.pack("<I", 26), start + 2 + 12 * 4 + 4)
    assert after[26:].startswith(second)


def test_block_that_states_the_density_is_not_touched() -> None:
    block = exif_with(tag282=300.0, tag283=300.0)
    picture = read(file_of("PNG", dpi=(300, 300), exif=block))
    assert picture.exif == block.removeprefix(EXIF_PREFIX)
    assert picture.notes == ()


def test_header_that_contradicts_exif_is_told() -> None:
    block = exif_with(tag282=240.0, tag283=240.0)
    picture = read(file_of("PNG", dpi=(300, 300), exif=block))
    assert picture.exif == block.removeprefix(EXIF_PREFIX)
    assert picture.notes == ("pixel density of 300 dpi dropped: EXIF states 240 dpi",)


@pytest.mark.parametrize("block", [b"II*\0\xff\xff\xff\x7f", b"II*\0", b"junk" * 9])
def test_block_that_nothing_can_join_is_told(block: bytes) -> None:
    picture = read(file_of("PNG", dpi=(300, 300), exif=block))
    assert picture.exif == block
    assert picture.notes[0].startswith("pixel density of 300 dpi dropped: the EXIF block is")


def test_turned_picture_has_turned_density() -> None:
    block = exif_with(tag274=6)
    picture = read(file_of("PNG", dpi=(300, 150), exif=block))
    assert density_in(picture.exif) == (150, 300)


def test_ratio_of_pixels_without_a_unit_is_told() -> None:
    data = bytearray(file_of("JPEG"))
    data[13:18] = struct.pack(">BHH", 0, 10, 11)  # of the JFIF segment
    (note,) = read(bytes(data)).notes
    assert note == "pixel aspect ratio 10:11 dropped: a .lic file has no place for it"


@pytest.mark.parametrize("value", [300, (0, 0), (float("nan"), 1), ("x", "y"), (1e12, 1), None])
def test_nonsense_in_an_image_is_no_density(value: object) -> None:
    from licodec.image.convert import picture_from

    image = Image.new("L", (3, 2))
    image.info["dpi"] = value
    assert picture_from(image).exif is None


@pytest.mark.parametrize("value", [0.0, 0.3, 1e6])
def test_density_that_no_header_holds_stays_in_exif(value: float) -> None:
    exif = Image.Exif()
    exif[X_RESOLUTION], exif[0x011B] = value, value
    picture = read(file_of("PNG", exif=exif.tobytes()))
    data, _ = render_picture(picture, WRITE_FORMATS["jpeg"])
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[X_RESOLUTION] == pytest.approx(value)
