"""Kinds of files of which users of other programs reported that they were read wrongly."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.convert import picture_from
from licodec.image.exif_colours import states_adobe_rgb
from licodec.image.files import read_picture
from licodec.image.icc import ADOBE_RGB, ADOBE_RGB_GAMMA, make_profile
from licodec.image.keep import keep_only
from licodec.image.picture import Picture
from tests.image.writers import png_chunk, raw_tiff
from tests.photos import crop

RGB = crop(40, 24)
GREY = np.ascontiguousarray(RGB[:, :, 1])
HEIGHT, WIDTH = GREY.shape
ADOBE_PROFILE = make_profile(ADOBE_RGB, ADOBE_RGB_GAMMA)


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


JPEG = saved(Image.fromarray(RGB), "JPEG", quality=90)
PNG = saved(Image.fromarray(RGB), "PNG")


def read(data: bytes) -> Picture:
    return read_picture(io.BytesIO(data))


def place_of_frame(jpeg: bytes) -> int:
    """Of the body of the frame header."""
    return jpeg.index(b"\xff\xc0") + 4


def test_loaded_jpeg_of_several_pictures_is_read(tmp_path: Path) -> None:
    path, image = tmp_path / "a.jpg", Image.fromarray(RGB)
    image.save(path, "MPO", save_all=True, append_images=[image.rotate(180)])
    with Image.open(path) as loaded:
        loaded.load()
        picture = picture_from(loaded)
    assert picture.notes == ("only the first of 2 pictures in the file is kept",)


def exif_of(colour_space: int, rule: str | None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8769)[0xA001] = colour_space
    if rule is not None:
        exif.get_ifd(0x8769)[0xA005] = {1: rule}
    return exif.tobytes()


@pytest.mark.parametrize(
    ("colour_space", "rule", "expected"),
    [
        (65535, "R03", ADOBE_PROFILE),
        (2, None, ADOBE_PROFILE),
        (1, "R98", None),
        (65535, None, None),
        (65535, "R98", None),
    ],
)
def test_adobe_rgb_of_cameras_becomes_a_profile(
    colour_space: int, rule: str | None, expected: bytes | None
) -> None:
    exif = exif_of(colour_space, rule)
    picture = read(saved(Image.fromarray(RGB), "JPEG", exif=exif))
    assert picture.icc == expected
    assert picture.notes == ()


@pytest.mark.parametrize(("colour_space", "rule"), [(65535, "R03"), (2, None)])
def test_exif_of_a_picture_converted_to_srgb_states_no_adobe_rgb(
    colour_space: int, rule: str | None
) -> None:
    exif = exif_of(colour_space, rule)
    picture = keep_only(read(saved(Image.fromarray(RGB), "JPEG", exif=exif)), ("exif",))
    assert picture.icc is None
    assert picture.notes == ("colours converted to sRGB: its ICC profile is not kept",)
    assert picture.exif is not None
    assert not states_adobe_rgb(picture.exif)
    num_changed = sum(a != b for a, b in zip(picture.exif, exif[6:], strict=True))
    assert 1 <= num_changed <= 4


def test_profile_of_a_jpeg_goes_before_what_exif_says_of_colours() -> None:
    profile = make_profile(ADOBE_RGB, 1.8)
    jpeg = saved(Image.fromarray(RGB), "JPEG", exif=exif_of(65535, "R03"), icc_profile=profile)
    assert read(jpeg).icc == profile


@pytest.mark.parametrize("num_bytes", [60, 200])
def test_jpeg_whose_last_part_was_never_written_is_refused(num_bytes: int) -> None:
    with pytest.raises(ImageError, match=r"rows at its end are missing|is truncated"):
        read(JPEG[:-num_bytes] + bytes(num_bytes))


def test_zeros_behind_whole_rows_without_an_end_marker_are_no_damage() -> None:
    picture = read(JPEG[:-2] + bytes(3_000_000))
    np.testing.assert_array_equal(picture.pixels, read(JPEG).pixels)
    assert picture.notes == ("end marker of the JPEG is missing; all rows are there",)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "PPM", "QOI"])
def test_zeros_behind_a_picture_are_passed_over_and_others_found(name: str, tmp_path: Path) -> None:
    data, path = saved(Image.fromarray(RGB), name), tmp_path / "a"
    path.write_bytes(data)
    with path.open("r+b") as stream:
        stream.truncate(100_000_000)  # a hole
    assert not any("behind" in note for note in read_picture(path).notes)
    with path.open("ab") as stream:
        stream.write(b"other")
    assert any("behind" in note for note in read_picture(path).notes)


def test_jpeg_whose_height_stands_behind_its_rows_is_read() -> None:
    place = place_of_frame(JPEG) + 1
    height = b"\xff\xdc\0\4" + JPEG[place : place + 2]
    picture = read(JPEG[:place] + b"\0\0" + JPEG[place + 2 : -2] + height + JPEG[-2:])
    np.testing.assert_array_equal(picture.pixels, read(JPEG).pixels)
    assert picture.notes == ()


@pytest.mark.parametrize(
    ("marker", "num_bits", "name"),
    [
        (0xC3, 8, "lossless JPEG"),
        (0xC5, 8, "hierarchical JPEG"),
        (0xF7, 8, "JPEG-LS"),
        (0xC1, 12, "a JPEG of 12 bits per sample"),
    ],
)
def test_whole_jpeg_of_another_kind_is_named(marker: int, num_bits: int, name: str) -> None:
    frame = bytearray(JPEG)
    frame[place_of_frame(JPEG) - 3] = marker
    frame[place_of_frame(JPEG)] = num_bits
    with pytest.raises(ImageError, match=f"^is {name}, which licodec does not read; convert"):
        read(bytes(frame))


def test_png_of_xcode_is_named() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    rows = packer.compress(bytes((1 + 4 * WIDTH) * HEIGHT)) + packer.flush()
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 6, 0, 0, 0)
    chunks = ((b"CgBI", b"P\0 \2"), (b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    with pytest.raises(ImageError, match="CgBI"):
        read(PNG[:8] + b"".join(png_chunk(kind, body) for kind, body in chunks))


@pytest.mark.parametrize("is_late", [False, True])
def test_png_without_its_palette_is_refused_by_its_name(is_late: bool) -> None:
    data = saved(Image.fromarray(RGB).quantize(8), "PNG")
    start = data.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    late = data[start:end] if is_late else b""
    with pytest.raises(ImageError, match="without the palette"):
        read(data[:start] + data[end:-12] + late + data[-12:])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (bytes(500), "all zeros"),
        (b"\0\0\0\x18ftypmp42" + bytes(50), "video"),
        (b"PK\3\4" + bytes(50), "ZIP"),
        (b"\xef\xbb\xbf" + PNG, "3 other bytes in front of a PNG"),
        (b"\r\n" + JPEG, "2 other bytes in front of a JPEG"),
        (PNG.replace(b"\r\n", b"\n"), "changed on the way"),
        (PNG[:29] + bytes(4) + PNG[33:], "a damaged PNG"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(50), "an AVIF that is damaged"),
        (bytes(128) + b"DICM" + bytes(50), "DICOM"),
    ],
)
def test_what_stands_in_the_place_of_a_picture_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        read(data)


@pytest.mark.parametrize("between", [png_chunk(b"IDAT", b""), png_chunk(b"tEXt", b"Author\0I")])
@pytest.mark.parametrize("place", [0, 100])
def test_rows_of_a_png_in_several_places_are_joined(between: bytes, place: int) -> None:
    start = PNG.index(b"IDAT") + 4
    rows = PNG[start : start + int.from_bytes(PNG[start - 8 : start - 4], "big")]
    parts = [png_chunk(b"IDAT", part) for part in (rows[:place], rows[place:]) if part]
    body = parts[0] + between + parts[1] if place else between + parts[0]
    picture = read(PNG[:33] + body + png_chunk(b"IEND", b""))
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert not any("damaged" in note for note in picture.notes)


def test_cicp_of_another_length_is_noted() -> None:
    picture = read(PNG[:33] + png_chunk(b"cICP", bytes([12, 13, 0])) + PNG[33:])
    assert picture.notes == ("PNG chunk cICP is damaged and is dropped",)


def icon(alpha: int, is_hidden: np.ndarray) -> bytes:
    pixels = np.dstack([RGB[:, :, ::-1], np.full(GREY.shape, alpha, np.uint8)])[::-1]
    mask = np.pad(np.packbits(is_hidden, axis=1), ((0, 0), (0, -(WIDTH // 8) % 4)))[::-1]
    head = struct.pack("<IiiHHIIiiII", 40, WIDTH, 2 * HEIGHT, 1, 32, 0, 0, 0, 0, 0, 0)
    picture = head + pixels.tobytes() + mask.tobytes()
    entry = struct.pack("<BBBBHHII", WIDTH, HEIGHT, 0, 0, 1, 32, len(picture), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + picture


def test_mask_of_an_icon_counts_where_alpha_is_0_everywhere() -> None:
    is_hidden = np.zeros(GREY.shape, bool)
    is_hidden[:, : WIDTH // 2] = True
    picture = read(icon(0, is_hidden))
    np.testing.assert_array_equal(picture.alpha, np.where(is_hidden, 0, 255))
    np.testing.assert_array_equal(picture.pixels[~is_hidden], RGB[~is_hidden])
    assert picture.notes == ("alpha is 0 everywhere and taken as that of the icon's mask",)
    assert read(icon(200, is_hidden)).alpha.max() == 200
    assert read(icon(0, ~np.zeros(GREY.shape, bool))).alpha is None


@pytest.mark.parametrize("tag", [281, 341])
def test_greatest_sample_that_a_tiff_states_is_white(tag: int) -> None:
    samples = (GREY.astype(np.uint32) * 4095 // 255).astype(np.uint16)[:, :, None]
    picture = read(raw_tiff(samples, photometric=1, tags=((tag, 3, 1, 4095),)))
    np.testing.assert_allclose(picture.pixels.astype(int), GREY, atol=1)
    assert picture.notes == ("12-bit samples reduced to 8 bits",)
    brighter = read(raw_tiff(samples * 2, photometric=1, tags=((tag, 3, 1, 4095),)))
    np.testing.assert_allclose(brighter.pixels.astype(int), GREY // 8, atol=1)


def test_stack_of_imagej_with_one_directory_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    text = "ImageJ=1.53t\nimages=3\nslices=3\nloop=false\n"
    Image.fromarray(GREY).save(path, "TIFF", tiffinfo={270: text})
    assert read_picture(path).notes == ("only the first of 3 pictures in the file is kept",)


def test_depth_of_a_loaded_tiff_is_noted_too(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(raw_tiff(RGB.astype(np.uint16) * 257, photometric=2))
    with Image.open(path) as image:
        image.load()
        assert picture_from(image).notes == ("16-bit samples reduced to 8 bits",)


def bmp(num_bits: int, compression: int, num_colours: int, body: bytes) -> bytes:
    """Of 6x3 pixels, with a palette of greys."""
    palette = bytes(value for i in range(num_colours) for value in (i % 256,) * 3 + (0,))
    start = 54 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, 6, 3, 1, num_bits, compression, 0, 0, 0, num_colours, 0)
    return head + info + palette + body


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"\3\x40\0\1", [[64, 64, 64, 0, 0, 0], [0] * 6, [0] * 6]),
        (b"\6\x40\0\0\2\x50\0\1", [[64] * 6, [80, 80, 0, 0, 0, 0], [0] * 6]),
        (b"\2\x40\0\2\1\1\1\x50\0\1", [[64, 64, 0, 0, 0, 0], [0, 0, 0, 80, 0, 0], [0] * 6]),
    ],
)
def test_pixels_that_runs_of_a_bmp_leave_out_have_its_first_colour(
    body: bytes, rows: list[list[int]]
) -> None:
    picture = read(bmp(8, 1, 256, body))
    np.testing.assert_array_equal(picture.pixels, rows[::-1])
    assert picture.notes == ("pixels that the BMP leaves out have the first colour of its palette",)


@pytest.mark.parametrize("num_bytes", [1, 2, 3])
def test_runs_of_a_bmp_that_was_cut_are_refused(num_bytes: int) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        read(bmp(8, 1, 256, b"\6\x40\0\0\2\x50\0\1")[:-num_bytes])


def test_bmp_with_more_colours_than_pixels_can_name_is_read() -> None:
    body = bytes(range(6)) + bytes(2)
    picture = read(bmp(8, 0, 300, body * 3))
    np.testing.assert_array_equal(picture.pixels, [range(6)] * 3)
    assert picture.notes == ()
