"""Rare tags of TIFF files, and missing or wrong ones, never change a picture in silence."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.icc import SRGB, make_profile
from licodec.image.picture import Picture, turn
from tests.image.test_tiff import ALPHA, GREY, HEIGHT, RGB, WIDTH, read, stretched, with_profile
from tests.image.writers import raw_tiff

SEEN = ALPHA > 0
LEVELS_OF_LAB = np.dstack([GREY, np.clip(RGB[:, :, 0] // 4 + 96, 0, 255), GREY // 3 + 90])
LEVELS_OF_LAB = LEVELS_OF_LAB.astype(np.uint8)  # L*, a* + 128, b* + 128


def without_tag(data: bytes, tag: int) -> bytes:
    """The entry stands under a number that nobody knows."""
    found = [struct.pack("<HH", tag, kind) for kind in (3, 4)]
    assert sum(data.count(entry) for entry in found) == 1
    for entry in found:
        data = data.replace(entry, struct.pack("<H", 60000) + entry[2:])
    return data


def refused(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def check(picture: Picture, wanted: np.ndarray, seen: np.ndarray | bool = True) -> None:
    assert picture.pixels.shape == wanted.shape
    error = np.abs(picture.pixels.astype(int) - wanted)
    assert error[np.broadcast_to(seen, GREY.shape)].max() <= 1


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("is_planar", [False, True])
def test_fourth_sample_of_rgb_is_alpha_where_nothing_is_said(kind: str, is_planar: bool) -> None:
    samples = stretched(np.dstack([RGB, ALPHA]), kind)
    picture = read(raw_tiff(samples, photometric=2, is_planar=is_planar))
    check(picture, RGB, SEEN)
    np.testing.assert_array_equal(picture.alpha, ALPHA)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("is_planar", [False, True])
def test_alpha_behind_another_channel_is_alpha_and_the_channel_is_noted(
    kind: str, compression: int, is_planar: bool
) -> None:
    samples = stretched(np.dstack([RGB, GREY, ALPHA]), kind)
    data = raw_tiff(
        samples,
        photometric=2,
        compression=compression,
        is_planar=is_planar,
        tags=[(338, 3, 2, (0, 2))],
    )
    picture = read(data)
    check(picture, RGB, SEEN)
    np.testing.assert_array_equal(picture.alpha, ALPHA)
    assert "1 channel beside the colours dropped" in picture.notes


def test_channels_that_pillow_passes_over_are_noted() -> None:
    picture = read(raw_tiff(np.dstack([RGB, GREY]), photometric=2, extra=0))
    check(picture, RGB)
    assert picture.notes == ("1 channel beside the colours dropped",)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("num_bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("compression", [1, 8])
def test_planes_of_one_sample_are_pixels(photometric: int, num_bits: int, compression: int) -> None:
    top = 2**num_bits - 1
    stored = np.rint(GREY / 255 * top).astype("<u2")
    wanted = np.rint(stored / top * 255)
    stored = (top - stored).astype("<u2") if photometric == 0 else stored
    data = raw_tiff(
        stored,
        photometric=photometric,
        num_bits=num_bits if num_bits < 16 else None,
        compression=compression,
        tags=[(284, 3, 1, 2)],
    )
    check(read(data), wanted)


@pytest.mark.parametrize("num_bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [2, 5])
def test_colours_of_few_bits_use_their_range(num_bits: int, photometric: int) -> None:
    top = 2**num_bits - 1
    levels = np.rint(RGB / 255 * top)
    inks = np.dstack([top - levels, np.zeros_like(GREY)])
    stored = (levels if photometric == 2 else inks).astype("<u2")
    picture = read(raw_tiff(stored, photometric=photometric, num_bits=num_bits))
    check(picture, np.rint(levels / top * 255))


@pytest.mark.parametrize("num_bits", [2, 8, 12, 16])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_bits_from_low_to_high_are_turned(num_bits: int, photometric: int) -> None:
    levels, top = RGB if photometric == 2 else GREY, 2**num_bits - 1
    stored = np.rint(levels / 255 * top).astype("<u2")
    wanted = np.rint(stored / top * 255)
    stored = (top - stored).astype("<u2") if photometric == 0 else stored
    data = raw_tiff(
        stored,
        photometric=photometric,
        num_bits=num_bits if num_bits != 16 else None,
        tags=[(266, 3, 1, 2)],
    )
    turned = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
    end = int.from_bytes(data[4:8], "little")
    check(read(data[:8] + data[8:end].translate(turned) + data[end:]), wanted)


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("num_bits", [8, 16])
@pytest.mark.parametrize("is_planar", [False, True])
def test_every_lab_is_the_same_picture(photometric: int, num_bits: int, is_planar: bool) -> None:
    pillow = Image.frombytes(
        "LAB", (WIDTH, HEIGHT), (LEVELS_OF_LAB ^ np.array([0, 128, 128], np.uint8)).tobytes()
    )
    stream = io.BytesIO()
    pillow.save(stream, "TIFF")
    samples = LEVELS_OF_LAB.astype("<u2")
    if photometric == 8:
        samples[:, :, 1:] ^= 128
    if num_bits == 16:
        samples *= np.array([257 if photometric == 8 else 256, 256, 256], "<u2")
    samples = samples if num_bits == 16 else samples.astype(np.uint8)
    picture = read(raw_tiff(samples, photometric=photometric, is_planar=is_planar))
    check(picture, read(stream.getvalue()).pixels)
    assert "LAB converted to sRGB" in picture.notes


def test_subsampled_ycbcr_that_libtiff_unpacks_is_read() -> None:
    unit = np.array([[40, 80, 120, 160, 128, 128]], np.uint8)  # of 2x2 pixels
    sizes = [(256, 4, 1, 2), (257, 4, 1, 2), (277, 3, 1, 3), (278, 4, 1, 2), (530, 3, 2, (2, 2))]
    data = raw_tiff(unit, photometric=6, compression=8, tags=[*sizes, (258, 3, 3, (8, 8, 8))])
    picture = read(data)
    np.testing.assert_array_equal(picture.pixels, [[40, 80], [120, 160]])


@pytest.mark.parametrize("levels", [GREY, RGB])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_missing_colour_model_is_what_libtiff_assumes_and_noted(
    kind: str, levels: np.ndarray
) -> None:
    data = raw_tiff(stretched(levels, kind), photometric=1 if levels.ndim == 2 else 2)
    picture = read(without_tag(data, 262))
    check(picture, levels)
    assert picture.notes[0].startswith("colour model is not stated, taken as ")


def test_colours_whose_bits_are_not_stated_are_refused() -> None:
    assert "3 x 1-bit unsigned RGB" in refused(without_tag(raw_tiff(RGB, photometric=2), 258))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("photometric", [0, 1, 2, 5])
def test_named_file_is_turned_like_any_other(
    tmp_path: Path, photometric: int, kind: str, orientation: int
) -> None:
    levels = {0: 255 - GREY, 1: GREY, 2: RGB, 5: np.dstack([255 - RGB, np.zeros_like(GREY)])}
    samples = stretched(levels[photometric], kind)
    data = raw_tiff(samples, photometric=photometric, tags=[(274, 3, 1, orientation)])
    (tmp_path / "a.tif").write_bytes(data)
    with Image.open(tmp_path / "a.tif") as image:
        picture = picture_from(image)
    wanted = turn(GREY if photometric < 2 else RGB, orientation)
    assert picture.pixels.shape == wanted.shape
    assert np.abs(picture.pixels.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_impossible_orientation_turns_nothing(orientation: int) -> None:
    tags = [(274, 3, 1, orientation)]
    check(read(raw_tiff(stretched(RGB, "f4"), photometric=2, tags=tags)), RGB)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
def test_size_in_metadata_is_that_of_the_picture_that_was_turned(kind: str) -> None:
    xmp = b'<x tiff:Orientation="6" tiff:ImageWidth="21" tiff:ImageLength="13"/>'
    data = raw_tiff(stretched(RGB, kind), photometric=2, tags=[(274, 3, 1, 6), (700, 3, 4, 0)])
    entry = struct.pack("<HHII", 700, 3, 1, 0)
    assert data.count(entry) == 1
    data = data.replace(entry, struct.pack("<HHII", 700, 1, len(xmp), len(data))) + xmp
    picture = read(data)
    assert picture.pixels.shape == (WIDTH, HEIGHT, 3)
    assert picture.xmp is not None
    assert b'tiff:ImageWidth="13" tiff:ImageLength="21"' in picture.xmp
    assert b'Orientation="6"' not in picture.xmp


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
def test_predictor_of_uncompressed_samples_means_nothing(kind: str) -> None:
    check(read(raw_tiff(stretched(RGB, kind), photometric=2, tags=[(317, 3, 1, 2)])), RGB)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize("compression", [1, 8])
def test_strip_that_is_missing_is_damage(kind: str, compression: int) -> None:
    data = raw_tiff(
        stretched(GREY, kind), photometric=1, compression=compression, tags=[(278, 4, 1, 5)]
    )
    assert "is damaged: 1 strips or tiles, expected 3" in refused(data)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
def test_strip_that_ends_behind_the_file_is_damage(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = raw_tiff(stretched(GREY, kind), photometric=1, compression=8, tags=[(279, 4, 1, 9999)])
    assert "is damaged: a strip or tile ends at byte 10,007 of" in refused(data)
    assert capfd.readouterr().err == ""


def test_strip_in_the_place_of_the_header_is_damage() -> None:
    assert "0 strips or tiles, expected 1" in refused(
        raw_tiff(GREY, photometric=1, tags=[(273, 4, 1, 0)])
    )


@pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
@pytest.mark.parametrize("compression", [1, 8])
def test_strips_without_length_are_read(kind: str, compression: int) -> None:
    data = raw_tiff(stretched(RGB, kind), photometric=2, compression=compression)
    check(read(without_tag(data, 279)), RGB)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_strip_of_no_rows_is_one_of_all(kind: str) -> None:
    check(read(raw_tiff(stretched(RGB, kind), photometric=2, tags=[(278, 4, 1, 0)])), RGB)


def test_8_bit_colours_multiplied_by_alpha_are_divided_with_a_note() -> None:
    multiplied = (RGB.astype(np.uint16) * ALPHA[:, :, None] // 255).astype(np.uint8)
    picture = read(raw_tiff(np.dstack([multiplied, ALPHA]), photometric=2, extra=1))
    assert picture.notes == ("colours divided by alpha",)
    assert np.abs(picture.pixels.astype(int) - RGB)[ALPHA > 100].max() <= 3


def test_16_bit_note_is_told_once() -> None:
    picture = read(raw_tiff(stretched(RGB, "u2"), photometric=2, is_planar=True))
    assert picture.notes == ("16-bit samples reduced to 8 bits",)


@pytest.mark.parametrize("kind", ["u1", "f4"])
def test_big_endian_bigtiff_is_read(kind: str) -> None:
    pixels = stretched(RGB, kind).astype(f">{kind}").tobytes()
    bits, sample_format = 8 * np.dtype(kind).itemsize, 3 if kind == "f4" else 1
    numbers = (
        (256, 1, WIDTH), (257, 1, HEIGHT), (258, 3, bits), (259, 1, 1), (262, 1, 2),
        (273, 1, 16), (277, 1, 3), (279, 1, len(pixels)), (339, 3, sample_format),
    )  # fmt: skip
    entries = b"".join(
        struct.pack(">HHQ4H", tag, 3, count, *[value] * count, *[0] * (4 - count))
        for tag, count, value in numbers
    )
    head = struct.pack(">2sHHHQ", b"MM", 43, 8, 0, 16 + len(pixels))
    picture = read(head + pixels + struct.pack(">Q", len(numbers)) + entries + bytes(8))
    check(picture, RGB)


def test_limit_on_pixels_is_not_one_on_bytes() -> None:
    data = raw_tiff(stretched(RGB, "f8"), photometric=2, compression=8)
    picture = read_picture(io.BytesIO(data), max_pixels=WIDTH * HEIGHT)
    check(picture, RGB)


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_claim_of_more_than_a_strip_can_hold_is_refused_at_once(kind: str) -> None:
    tags = [(256, 4, 1, 9000), (257, 4, 1, 9000), (278, 4, 1, 9000)]
    data = raw_tiff(stretched(RGB, kind), photometric=2, compression=8, tags=tags)
    assert "is too short" in refused(data)


def test_floating_point_in_linear_light_takes_the_curve_of_srgb() -> None:
    dark = ((RGB / 255) ** 2.2 / 8).astype("<f4")
    data = with_profile(raw_tiff(dark, photometric=2), make_profile(SRGB, 1.0), 8 + dark.nbytes)
    picture = read(data)
    assert picture.icc is None
    wanted = 255 * np.where(dark <= 0.0031308, dark * 12.92, 1.055 * dark ** (1 / 2.4) - 0.055)
    check(picture, np.rint(wanted))
