"""TGA, PNM and SGI files say more in their headers than Pillow passes on."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.files import read_picture
from licodec.image.picture import Picture
from tests.image.test_tiff import ALPHA, GREY, HEIGHT, RGB, WIDTH

SEEN = ALPHA > 0


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


def tga(pixels: np.ndarray, num_bits: int, num_alpha_bits: int) -> bytes:
    """Uncompressed, without a palette, from below."""
    size = struct.pack("<HHBB", WIDTH, HEIGHT, num_bits, num_alpha_bits)
    return bytes([0, 0, 2]) + bytes(9) + size + np.ascontiguousarray(pixels[::-1]).tobytes()


def with_alpha_meaning(data: bytes, meaning: int) -> bytes:
    area = struct.pack("<H", 495) + bytes(492) + bytes([meaning])
    return data + area + struct.pack("<II", len(data), 0) + b"TRUEVISION-XFILE.\0"


@pytest.mark.parametrize("meaning", [0, 1])
def test_alpha_that_a_tga_calls_undefined_is_none(meaning: int) -> None:
    pixels = np.dstack([RGB[:, :, ::-1], ALPHA])
    picture = read(with_alpha_meaning(tga(pixels, 32, 8), meaning))
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert picture.alpha is None


def test_alpha_that_a_tga_calls_useful_is_kept() -> None:
    picture = read(with_alpha_meaning(tga(np.dstack([RGB[:, :, ::-1], ALPHA]), 32, 8), 3))
    np.testing.assert_array_equal(picture.alpha, ALPHA)
    np.testing.assert_array_equal(picture.pixels[SEEN], RGB[SEEN])
    assert picture.notes == ()


def test_colours_that_a_tga_has_multiplied_by_alpha_are_divided() -> None:
    multiplied = (RGB.astype(np.uint16) * ALPHA[:, :, None] // 255).astype(np.uint8)
    pixels = np.dstack([multiplied[:, :, ::-1], ALPHA])
    picture = read(with_alpha_meaning(tga(pixels, 32, 8), 4))
    np.testing.assert_array_equal(picture.alpha, ALPHA)
    assert np.abs(picture.pixels.astype(int) - RGB)[ALPHA > 100].max() <= 3
    assert picture.notes == ("colours divided by alpha",)


def test_alpha_bit_of_a_16_bit_tga_is_set_where_it_is_opaque() -> None:
    red, green, blue = ((RGB[:, :, i] >> 3).astype("<u2") for i in range(3))
    is_opaque = ALPHA > 128
    pixels = is_opaque.astype("<u2") << 15 | red << 10 | green << 5 | blue
    picture = read(tga(pixels, 16, 1))
    np.testing.assert_array_equal(picture.alpha, np.where(is_opaque, 255, 0))
    without = read(tga(pixels & 0x7FFF, 16, 1))
    assert without.alpha is None
    assert without.notes == ("alpha is 0 everywhere and taken as none",)


@pytest.mark.parametrize(
    ("head", "pixels"),
    [
        (b"P4\n21 13\n", np.packbits(GREY < 128, axis=1)),
        (b"P5\n21 13\n255\n", GREY),
        (b"P5\n21 13\n65535\n", GREY.astype(">u2")),
        (b"P6\n21 13\n255\n", RGB),
        (b"P6\n21 13\n1023\n", RGB.astype(">u2")),
        (b"Pf\n21 13\n-1.0\n", (GREY / 255).astype("<f4")),
    ],
)
def test_pictures_behind_the_first_of_a_pnm_are_noted(head: bytes, pixels: np.ndarray) -> None:
    data = head + pixels.tobytes()
    assert not any("behind" in note for note in read(data + b"\n").notes)
    note = f"{len(data):,} bytes behind the end of the picture dropped"
    assert note in read(data + data).notes


def sgi(is_packed: bool) -> bytes:
    """16 bits; packed, each row is one run of literals."""
    head = struct.pack(">HBBHHHHII", 474, is_packed, 2, 3, WIDTH, HEIGHT, 3, 0, 65535)
    head += bytes(512 - len(head))
    planes = [RGB[::-1, :, i].astype(">u2") * 257 for i in range(3)]
    rows = [row.astype(">u2").tobytes() for plane in planes for row in plane]
    if not is_packed:
        return head + b"".join(rows)
    rows = [struct.pack(">H", 0x80 | WIDTH) + row + bytes(2) for row in rows]
    start, length = len(head) + 8 * len(rows), len(rows[0])
    places = b"".join(struct.pack(">I", start + i * length) for i in range(len(rows)))
    return head + places + struct.pack(">I", length) * len(rows) + b"".join(rows)


@pytest.mark.parametrize("is_packed", [False, True])
def test_16_bits_of_an_sgi_are_noted(is_packed: bool) -> None:
    picture = read(sgi(is_packed))
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert picture.notes == ("16-bit samples reduced to 8 bits",)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"P7\nWIDTH 1\n", "PAM"),
        (b"PF\n1 1\n-1.0\n", "PFM of colours"),
        (b"DDS \x7c\0\0\0", "a DirectDraw surface"),
        (b"\0\0\2\0\1\0", "a cursor"),
        (b"\x59\xa6\x6a\x95", "Sun raster"),
        (b"icns", "an icon of macOS"),
        (b"SIMPLE  =", "FITS"),
    ],
)
def test_formats_that_are_not_read_are_named(head: bytes, name: str) -> None:
    with pytest.raises(ImageError, match=f"is {name}, which licodec does not read"):
        read(head + bytes(200))


def test_kind_of_bmp_that_is_not_read_is_not_called_damaged() -> None:
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, "BMP")
    data = stream.getvalue()
    with pytest.raises(ImageError, match="is not read: Unsupported BMP pixel depth"):
        read(data[:28] + b"\2\0" + data[30:])
