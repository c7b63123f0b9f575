"""Lines of one colour at the sides of a picture are exact, and the photograph is coded without."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import licodec
from licodec.api import Codec
from licodec.check import check_symbols_of
from licodec.codec.region import Region
from licodec.container.format import MARGINS, Container, Header, Section
from licodec.container.read import read_container
from licodec.errors import BitstreamError, ModelError
from licodec.graphics.margins import NO_MARGINS, Margins, find_margins, margins_of
from tests.photos import crop, psnr_db

GREY = 40


def framed(
    photo: np.ndarray, top: int, bottom: int, left: int, right: int, colour: int = GREY
) -> np.ndarray:
    sides = ((top, bottom), (left, right), (0, 0))[: photo.ndim]
    return np.pad(photo, sides, constant_values=colour)


def is_inside(shape: tuple[int, ...], lines: tuple[int, int, int, int]) -> np.ndarray:
    top, bottom, left, right = lines
    mask = np.zeros(shape[:2], np.bool_)
    mask[top : shape[0] - bottom, left : shape[1] - right] = True
    return mask


LINES = {
    "a line below": (0, 1, 0, 0),
    "a column": (0, 0, 0, 1),
    "bars": (30, 30, 0, 0),
    "a frame": (3, 4, 5, 6),
}


@pytest.fixture(scope="module")
def psnr_codec() -> Codec:
    return Codec("balanced", "cpu", "psnr")


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_margins_come_back_exactly_and_the_photograph_as_one_alone(lines, mode, psnr_codec):
    photo = crop(90, 70) if mode == "RGB" else crop(90, 70)[:, :, 1]
    pixels = framed(photo, *lines)
    data = psnr_codec.encode(pixels, quality=70, effort=2)
    decoded = np.asarray(psnr_codec.decode(data))
    inside = is_inside(pixels.shape, lines)
    np.testing.assert_array_equal(decoded[~inside], GREY)
    alone = psnr_codec.encode(photo, quality=70, effort=2)
    np.testing.assert_array_equal(
        decoded[inside].reshape(photo.shape), np.asarray(psnr_codec.decode(alone))
    )
    counts = 6 + (3 if mode == "RGB" else 1) + 4  # type, length, checksum, lines and colour
    assert len(data) <= len(alone) + counts + 2  # the number of sections, and a longer size
    assert licodec.info(data).width == pixels.shape[1]


def test_a_black_line_costs_more_without_them(psnr_codec, monkeypatch):
    pixels = framed(crop(190, 127), 0, 1, 0, 0, colour=0)
    data = psnr_codec.encode(pixels, quality=60)
    error = psnr_db(pixels, np.asarray(psnr_codec.decode(data)))
    monkeypatch.setattr("licodec.encoder.find_margins", lambda _: NO_MARGINS)
    plain = psnr_codec.encode(pixels, quality=60)
    assert len(data) < len(plain)
    assert error > psnr_db(pixels, np.asarray(psnr_codec.decode(plain)))


@pytest.mark.parametrize(
    "region",
    [
        (0, 0, 111, 103),
        (0, 0, 4, 2),
        (40, 0, 20, 3),
        (2, 1, 30, 40),
        (90, 60, 21, 43),
        (30, 30, 9, 9),
        (110, 102, 1, 1),
    ],
)
def test_a_region_is_that_part_of_the_whole(region, psnr_codec):
    pixels = framed(crop(100, 96), 3, 4, 5, 6)
    data = psnr_codec.encode(pixels, quality=50, effort=2)
    x, y, width, height = region
    part = np.asarray(psnr_codec.decode(data, region=region))
    whole = np.asarray(psnr_codec.decode(data))
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


@pytest.mark.parametrize("max_size", [1, 2, 7, 20, 50, 110, 150, 151])
def test_a_preview_has_the_size_of_others_and_its_margins(max_size, psnr_codec):
    pixels = framed(crop(150, 60), 20, 20, 0, 0, colour=0)
    data = psnr_codec.encode(pixels, quality=80, effort=2)
    preview = psnr_codec.decode(data, max_size=max_size)
    alone = psnr_codec.decode(psnr_codec.encode(crop(150, 100), quality=80), max_size=max_size)
    assert preview.size == alone.size
    num_bar = round(20 * preview.height / 100)
    shown = np.asarray(preview)
    if num_bar and preview.height > 2 * num_bar:
        np.testing.assert_array_equal(shown[:num_bar], 0)
        np.testing.assert_array_equal(shown[-num_bar:], 0)
        whole = np.asarray(psnr_codec.decode(data).resize(preview.size))
        assert psnr_db(whole[num_bar:-num_bar], shown[num_bar:-num_bar]) > 20


def test_a_damaged_file_with_margins_is_an_error(psnr_codec):
    data = psnr_codec.encode(framed(crop(48, 40), 3, 4, 5, 6), quality=70, effort=2)
    for place in (
        range(8 * len(data))
        if len(data) < 60
        else random.Random(3).sample(range(8 * len(data)), 200)
    ):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((BitstreamError, ModelError)):
            psnr_codec.decode(bytes(damaged))
    check_symbols_of(data)


def test_alpha_has_the_size_of_the_whole_picture(psnr_codec):
    alpha = np.arange(80 * 60, dtype=np.int64).reshape(60, 80) % 256
    pixels = np.dstack([framed(crop(70, 56), 4, 0, 0, 10), alpha.astype(np.uint8)])
    pixels[:, :, 3] |= 1  # nothing is hidden
    data = psnr_codec.encode(pixels, quality=60, effort=2)
    decoded = np.asarray(psnr_codec.decode(data))
    np.testing.assert_array_equal(decoded[:, :, 3], pixels[:, :, 3])
    np.testing.assert_array_equal(decoded[:4, :, :3], GREY)
    assert read_container(data).section(MARGINS) is not None


@pytest.mark.parametrize(
    ("target", "low", "high"), [({"psnr": 38}, 38, 38.1), ({"ssimulacra2": 70}, 70, 70.5)]
)
def test_closeness_that_is_asked_for_is_that_of_the_whole_picture(target, low, high, psnr_codec):
    from licodec.metrics.ssimulacra2 import ssimulacra2

    pixels = framed(crop(120, 70), 20, 20, 0, 0)
    data = psnr_codec.encode(pixels, effort=2, content="photo", **target)
    assert read_container(data).section(MARGINS) is not None
    measure = psnr_db if "psnr" in target else ssimulacra2
    assert low <= measure(pixels, np.asarray(psnr_codec.decode(data))) <= high


def test_size_that_is_asked_for_is_that_of_the_whole_file(psnr_codec):
    data = psnr_codec.encode(framed(crop(120, 70), 20, 20, 0, 0), size=2000, content="photo")
    assert 1980 <= len(data) <= 2000


def test_a_search_takes_pictures_with_margins(psnr_codec):
    pixels = framed(crop(60, 40), 2, 0, 0, 0)
    data = psnr_codec.encode(pixels, quality=50, time_budget=0.5)
    np.testing.assert_array_equal(np.asarray(psnr_codec.decode(data))[:2], GREY)


def test_what_is_no_margin_is_not_taken_for_one():
    photo = crop(60, 40)
    assert find_margins(photo) == dataclasses.replace(NO_MARGINS, colour=tuple(photo[0, 0]))
    speckled = framed(photo, 2, 0, 0, 0)
    speckled[0, 30, 1] += 1
    assert find_margins(speckled).num_lines == 0
    flat = np.full((20, 30, 3), 7, np.uint8)
    assert find_margins(flat).num_lines == 0
    faint = framed(np.full((20, 30), 100, np.uint8), 3, 0, 0, 0, colour=90)
    assert find_margins(faint).num_lines == 0
    assert find_margins(np.zeros((1, 1), np.uint8)).num_lines == 0


def test_of_two_colours_the_one_is_taken_whose_edge_is_seen_more():
    photo = np.full((20, 30), 100, np.uint8)
    photo[::2] += 9
    both = framed(framed(photo, 2, 0, 0, 0, colour=130), 0, 3, 0, 0, colour=0)
    both[:2] = 130
    found = find_margins(both)
    assert (found.top, found.bottom, found.colour) == (0, 3, (0,))


@given(
    *[st.integers(0, 5)] * 4,
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)),
)
def test_margins_are_found_and_come_back_from_a_section(top, bottom, left, right, colour):
    rng = np.random.default_rng(top + 6 * bottom)
    photo = rng.integers(0, 256, (8, 9, 3), np.uint8)
    pixels = np.empty((8 + top + bottom, 9 + left + right, 3), np.uint8)
    pixels[:] = colour
    pixels[top : top + 8, left : left + 9] = photo
    found = find_margins(pixels)
    if top or bottom or left or right:
        assert (found.top, found.bottom, found.left, found.right) == (top, bottom, left, right)
        assert found.colour == colour
    np.testing.assert_array_equal(found.cut_off(pixels), photo)
    assert margins_of(container(found.packed(), pixels.shape[1], pixels.shape[0])) == found
    view = found.view(pixels.shape[1], pixels.shape[0])
    np.testing.assert_array_equal(found.put_around(photo, view), pixels)


@given(st.integers(0, 29), st.integers(0, 19), st.data())
def test_a_view_of_a_part_shows_what_the_whole_has_there(x, y, data):
    width, height = data.draw(st.integers(1, 30 - x)), data.draw(st.integers(1, 20 - y))
    margins = Margins(top=3, bottom=2, left=0, right=7, colour=(9,))
    photo = np.arange(15 * 23, dtype=np.int64).reshape(15, 23).astype(np.uint8)
    whole = margins.put_around(photo, margins.view(30, 20))
    view = margins.view(30, 20, Region(x, y, width, height))
    part = view.part
    assert part is not None
    decoded = photo[part.y : part.y + part.height, part.x : part.x + part.width]
    found = margins.put_around(decoded, view)
    np.testing.assert_array_equal(found, whole[y : y + height, x : x + width])


def container(
    data: bytes, width: int = 30, height: int = 20, *, is_grey: bool = False
) -> Container:
    header = Header(
        family_id=1,
        profile_id=1,
        family_fingerprint=bytes(4),
        synthesis_fingerprint=bytes(2),
        width=width,
        height=height,
        quality_index=9,
        is_grey=is_grey,
        quantizer_id=0,
    )
    return Container(
        head=header,
        sections=(Section(MARGINS, data),),
        crc=0,
        front_crc=0,
        payload=None,
        section_bytes=(),
        frame_bytes=0,
        payload_bytes=0,
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x01\x01\x00", "MARGINS section: right needs 1 bytes"),
        (b"\x01\x01\x00\x00\x00\x00", "MARGINS section: colour needs 3 bytes"),
        (b"\x01\x01\x00\x00\x00\x00\x00\x00", "1 bytes after the colour, expected none"),
        (b"\x0a\x0a\x00\x00\x00\x00\x00", "20 lines at top and bottom of 20, expected fewer"),
        (b"\x00\x00\x1d\x01\x00\x00\x00", "30 lines at left and right of 30, expected fewer"),
        (b"\x80\x00\x00\x00\x00\x00\x00\x00", "expected shortest form"),
        (b"\xff\xff\xff\xff\x7f\x00\x00\x00", "top at offset 0: found more than 4 bytes"),
    ],
)
def test_a_section_that_breaks_a_rule_is_an_error(data, message):
    with pytest.raises(BitstreamError, match=message):
        margins_of(container(data))


@given(st.binary(max_size=12), st.booleans())
def test_arbitrary_bytes_are_margins_that_leave_a_photograph_or_an_error(data, is_grey):
    try:
        margins = margins_of(container(data, is_grey=is_grey))
    except BitstreamError:
        return
    inside = margins.inside(30, 20)
    assert min(inside.width, inside.height) >= 1
    assert len(margins.colour) == (1 if is_grey else 3)
    for max_size in (1, 5, 29, 30):
        box = margins.view(30, 20, max_size=max_size).box
        assert box is not None
        assert min(box.x, box.y) >= 0 < min(box.width, box.height)
