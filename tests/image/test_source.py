"""What a picture file says beside its pixels is told, though Pillow passes it over."""

import io

import numpy as np
import pytest
from PIL import Image

from licodec.image.icc import DISPLAY_P3, make_profile
from licodec.image.loading import notes_on_depth
from licodec.image.original import file_of
from licodec.image.profile import profile_for
from licodec.image.source import facts_of
from tests.image.writers import deep_png


def opened(name: str, **options: object) -> Image.Image:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 90, 200)).save(stream, name, **options)
    stream.seek(0)
    return Image.open(stream)


def changed(front: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    place = front.index(marker) + offset
    return front[:place] + value + front[place + len(value) :]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x00, ()),
        (0x40, ("10-bit samples reduced to 8 bits",)),
        (0x60, ("12-bit samples reduced to 8 bits",)),
    ],
)
def test_bit_depth_of_avif_is_read_from_its_configuration(flags: int, expected: tuple) -> None:
    image = opened("AVIF")
    data = changed(file_of(image), b"av1C", 6, bytes([flags]))
    assert notes_on_depth(image, facts_of(image, data).num_bits) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(7, ()), (11, ("12-bit samples reduced to 8 bits",))]
)
def test_bit_depth_of_jpeg_2000_is_read_from_its_size_segment(size: int, expected: tuple) -> None:
    image = opened("JPEG2000")
    data = changed(file_of(image), b"\xff\x4f\xff\x51", 42, bytes([size]))
    assert notes_on_depth(image, facts_of(image, data).num_bits) == expected


def profile_of(image: Image.Image, data: bytes) -> tuple:
    return profile_for(image, facts_of(image, data), None, is_grey=False)


def test_colours_that_avif_names_by_numbers_become_a_profile() -> None:
    image = opened("AVIF")
    data = file_of(image)
    assert profile_of(image, data) == (None, ())
    wide = changed(data, b"colrnclx", 8, b"\0\x0c\0\x0d")
    assert profile_of(image, wide) == (make_profile(DISPLAY_P3), ())
    hdr = changed(data, b"colrnclx", 8, b"\0\x09\0\x12")
    assert "(HLG)" in profile_of(image, hdr)[1][0]


@pytest.mark.parametrize("length", [0, 1, 9, 20, 40])
@pytest.mark.parametrize("name", ["PNG", "JPEG", "AVIF", "JPEG2000", "GIF", "BMP"])
def test_files_that_are_cut_say_nothing(name: str, length: int) -> None:
    image = opened(name)
    data = file_of(image)[:length]
    assert notes_on_depth(image, facts_of(image, data).num_bits) == ()
    assert profile_of(image, data) == (None, ())


def test_file_is_read_without_moving_it() -> None:
    image = Image.open(io.BytesIO(deep_png(np.zeros((3, 4, 3), np.uint16))))
    position = image.fp.tell()
    assert file_of(image).startswith(b"\x89PNG")
    assert image.fp.tell() == position
    image.load()
    assert file_of(image) == b""
