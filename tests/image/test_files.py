"""Picture files keep pixels, transparency and metadata through reading and writing."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from licodec.errors import ImageError, LicodecError
from licodec.image.colours import convert_to_srgb
from licodec.image.convert import to_image
from licodec.image.files import read_picture, write_picture
from licodec.image.formats import READ_FORMATS, READ_SUFFIXES, WRITE_FORMATS
from licodec.image.icc import DISPLAY_P3, make_profile
from licodec.image.picture import Picture, turn

WIDTH, HEIGHT = 13, 7
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
EXACT = ["png", "webp", "tiff", "bmp", "ppm", "jp2"]


def exif_block(orientation: int | None = None) -> bytes:
    tags = Image.Exif()
    tags[0x010F] = "maker"
    if orientation is not None:
        tags[0x0112] = orientation
    return tags.tobytes()


def random_picture(*, has_alpha: bool = False, **metadata: bytes) -> Picture:
    rng = np.random.default_rng(11)
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    alpha = rng.integers(1, 255, (HEIGHT, WIDTH), dtype=np.uint8) if has_alpha else None
    return Picture(pixels=pixels, alpha=alpha, **metadata)


def saved(image: Image.Image, name: str, **options: object) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    stream.seek(0)
    return stream


def full_picture(*, orientation: int | None = 6) -> Picture:
    exif = exif_block(orientation).removeprefix(b"Exif\0\0")
    return random_picture(icc=make_profile(DISPLAY_P3), exif=exif, xmp=XMP)


@pytest.mark.parametrize("name", EXACT)
def test_exact_formats_keep_every_pixel(name: str) -> None:
    stream = io.BytesIO()
    write_picture(random_picture(), stream, name)
    stream.seek(0)
    np.testing.assert_array_equal(read_picture(stream).pixels, random_picture().pixels)


@pytest.mark.parametrize("name", ["png", "webp", "jp2"])
def test_exact_formats_with_alpha_keep_it(name: str) -> None:
    picture = random_picture(has_alpha=True)
    stream = io.BytesIO()
    write_picture(picture, stream, name)
    stream.seek(0)
    read = read_picture(stream)
    np.testing.assert_array_equal(read.alpha, picture.alpha)
    np.testing.assert_array_equal(read.pixels, picture.pixels)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "avif"])
def test_metadata_survives_writing_and_reading(name: str) -> None:
    picture = full_picture(orientation=None)
    stream = io.BytesIO()
    assert write_picture(picture, stream, name) == ()
    stream.seek(0)
    read = read_picture(stream)
    assert (read.icc, read.exif, read.xmp) == (picture.icc, picture.exif, picture.xmp)


def test_no_exif_is_made_up_from_xmp() -> None:
    xmp = b'<r:D xmlns:r="r" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    stream = io.BytesIO()
    write_picture(random_picture(xmp=xmp), stream)
    stream.seek(0)
    read = read_picture(stream)
    assert (read.exif, read.xmp) == (None, xmp)


def test_tiff_keeps_profile_xmp_and_tags_and_stays_upright() -> None:
    picture = full_picture()
    stream = io.BytesIO()
    write_picture(picture, stream, "tiff")
    stream.seek(0)
    read = read_picture(stream)
    assert (read.icc, read.xmp) == (picture.icc, picture.xmp)
    upright = ImageOps.exif_transpose(to_image(picture))
    np.testing.assert_array_equal(read.pixels, np.asarray(upright))
    assert to_image(read).getexif() == {0x010F: "maker"}


@pytest.mark.parametrize(("name", "shown"), [("bmp", "BMP"), ("ppm", "PPM"), ("jp2", "JPEG2000")])
def test_formats_without_metadata_say_what_they_drop(name: str, shown: str) -> None:
    stream = io.BytesIO()
    picture = full_picture()
    assert write_picture(picture, stream, name) == (
        f"colours converted to sRGB: {shown} has no place for an ICC profile",
        f"EXIF dropped: {shown} has no place for it; its orientation is applied",
        f"XMP dropped: {shown} has no place for it",
    )
    stream.seek(0)
    assert picture.icc is not None
    expected = turn(convert_to_srgb(picture.pixels, picture.icc), 6)
    np.testing.assert_array_equal(read_picture(stream).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_orientation_is_applied_once_and_its_tag_reset(name: str, orientation: int) -> None:
    given = np.zeros((16, 24, 3), np.uint8)
    given[:8, :8], given[8:, :8], given[:8, 16:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    options = {"exif": exif_block(orientation)} | ({"quality": 95} if name == "JPEG" else {})
    options |= {"compression": "tiff_lzw"} if name == "TIFF" and orientation % 2 else {}
    file = saved(Image.fromarray(given), name, **options)
    with Image.open(file) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), dtype=int)
    file.seek(0)
    picture = read_picture(file)
    assert abs(picture.pixels.astype(int) - expected).max() <= 1
    tags = to_image(picture).getexif()
    assert tags.get(0x0112, 1) == 1
    assert tags[0x010F] == "maker"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_format_without_exif_gets_upright_pixels(orientation: int) -> None:
    picture = random_picture(exif=exif_block(orientation).removeprefix(b"Exif\0\0"))
    stream = io.BytesIO()
    write_picture(picture, stream, "bmp")
    stream.seek(0)
    upright = ImageOps.exif_transpose(to_image(picture))
    np.testing.assert_array_equal(read_picture(stream).pixels, np.asarray(upright))


@pytest.mark.parametrize("name", WRITE_FORMATS)
def test_unreadable_exif_does_not_stop_a_picture(name: str) -> None:
    notes = write_picture(random_picture(exif=b"no tags at all"), io.BytesIO(), name)
    assert bool(notes) == (name not in ("png", "jpeg", "webp"))
    assert all(note.startswith("EXIF dropped: ") for note in notes)


@pytest.mark.parametrize("name", ["jpeg", "bmp", "ppm"])
def test_transparency_is_not_dropped_silently(name: str) -> None:
    with pytest.raises(ImageError, match="choose PNG"):
        write_picture(random_picture(has_alpha=True), io.BytesIO(), name)


@pytest.mark.parametrize(("kind", "limit"), [("exif", 65527), ("xmp", 65504)])
def test_metadata_too_long_for_jpeg_is_dropped_with_a_note(kind: str, limit: int) -> None:
    picture = random_picture(**{kind: b"x" * limit})
    assert write_picture(picture, io.BytesIO(), "jpeg") == ()
    stream = io.BytesIO()
    notes = write_picture(random_picture(**{kind: b"x" * (limit + 1)}), stream, "jpeg")
    assert notes == (
        f"{kind.upper()} dropped: JPEG holds {limit:,} bytes of it, these are {limit + 1:,}",
    )
    stream.seek(0)
    assert getattr(read_picture(stream), kind) is None


def test_grey_profile_is_applied_where_webp_cannot_hold_it() -> None:
    picture = Picture(pixels=np.full((4, 4), 55, np.uint8), icc=make_profile(None, 1.0))
    stream = io.BytesIO()
    assert "converted to sRGB" in write_picture(picture, stream, "webp")[0]
    stream.seek(0)
    read = read_picture(stream)
    assert read.icc is None
    assert abs(read.pixels.astype(int) - 128).max() <= 1


def test_exif_that_tells_how_pixels_lie_does_not_break_a_tiff() -> None:
    tags = Image.Exif()
    tags[0x0100], tags[0x0101], tags[0x0106], tags[0x010F] = 4000, 3000, 0, "maker"
    picture = random_picture(exif=tags.tobytes().removeprefix(b"Exif\0\0"))
    stream = io.BytesIO()
    write_picture(picture, stream, "tiff")
    stream.seek(0)
    np.testing.assert_array_equal(read_picture(stream).pixels, picture.pixels)


@pytest.mark.parametrize(
    ("file_name", "format_name", "expected"),
    [
        ("a.png", None, "PNG"),
        ("a.JPG", None, "JPEG"),
        ("a.webp", None, "WEBP"),
        ("a.tif", None, "TIFF"),
        ("a.xyz", "png", "PNG"),
        ("a.png", "jpg", "JPEG"),
        ("a", "JPEG2000", "JPEG2000"),
    ],
)
def test_format_comes_from_the_name_given_or_the_extension(
    tmp_path: Path, file_name: str, format_name: str | None, expected: str
) -> None:
    write_picture(random_picture(), tmp_path / file_name, format_name)
    with Image.open(tmp_path / file_name) as image:
        assert image.format == expected


@pytest.mark.parametrize(("file_name", "name"), [("a.xyz", None), ("a", None), ("a.png", "docx")])
def test_unknown_format_is_an_image_error_and_leaves_no_file(
    tmp_path: Path, file_name: str, name: str | None
) -> None:
    with pytest.raises(ImageError, match="choose png, jpeg"):
        write_picture(random_picture(), tmp_path / file_name, name)
    assert os.listdir(tmp_path) == []


def test_missing_target_folder_is_a_licodec_error(tmp_path: Path) -> None:
    with pytest.raises(LicodecError, match="cannot be written"):
        write_picture(random_picture(), tmp_path / "none" / "a.png")


def test_16_bit_colour_is_noted() -> None:
    rows = b"\0" + b"\x12\x34\x56\x78\x9a\xbc" * 2  # a PNG row: filter 0, two pixels
    png = saved(Image.new("RGB", (2, 1)), "PNG").getvalue()
    png = replace_chunk(png, b"IHDR", lambda body: body[:8] + b"\x10" + body[9:])
    png = replace_chunk(png, b"IDAT", lambda body: zlib.compress(rows))
    picture = read_picture(io.BytesIO(png))
    assert picture.pixels.tolist() == [[[0x12, 0x56, 0x9A]] * 2]
    assert picture.notes == ("16-bit samples reduced to 8 bits",)


def replace_chunk(png: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    start = png.index(kind) - 4
    length = int.from_bytes(png[start : start + 4], "big")
    body = change(png[start + 8 : start + 8 + length])
    crc = zlib.crc32(kind + body).to_bytes(4, "big")
    chunk = len(body).to_bytes(4, "big") + kind + body + crc
    return png[:start] + chunk + png[start + 12 + length :]


def test_16_bit_ppm_is_noted() -> None:
    file = io.BytesIO(b"P6 1 1 65535\n" + b"\x80\x00" * 3)
    picture = read_picture(file)
    assert picture.pixels.tolist() == [[128]]
    assert picture.notes == ("16-bit samples reduced to 8 bits",)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_of_several_frames_is_kept_and_noted(name: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if name == "WEBP" else {}
    file = saved(frames[0], name, save_all=True, append_images=frames[1:], **options)
    picture = read_picture(file)
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert picture.notes == ("only the first of 3 pictures in the file is kept",)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("PNG", "1"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "I;16"),
        ("JPEG", "L"), ("JPEG", "CMYK"), ("TIFF", "CMYK"), ("TIFF", "LAB"), ("TIFF", "F"),
        ("TIFF", "I"), ("TIFF", "YCbCr"), ("GIF", "P"), ("BMP", "1"), ("PPM", "L"), ("QOI", "RGBA"),
        ("TGA", "LA"), ("PCX", "RGB"), ("SGI", "L"), ("ICO", "RGBA"), ("JPEG2000", "LA"),
    ],
)  # fmt: skip
def test_modes_as_files_hold_them_are_read(name: str, mode: str) -> None:
    image = Image.new("RGB", (16, 16), (200, 90, 30))
    image = image.convert(mode) if mode != "LAB" else Image.new("LAB", (16, 16), (90, 160, 128))
    picture = read_picture(saved(image, name))
    assert picture.pixels.shape[:2] == (16, 16)
    assert picture.is_grey == (mode in ("1", "L", "LA", "I;16", "F", "I"))


def test_reading_closes_files_and_leaves_pillows_limit_alone(tmp_path: Path) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    path = tmp_path / "a.png"
    write_picture(random_picture(), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an unclosed file is a ResourceWarning
        read_picture(path)
        with pytest.raises(ImageError):
            read_picture(path, max_pixels=5)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_large_text_and_profile_of_a_png_are_no_damage() -> None:
    limit = PngImagePlugin.MAX_TEXT_CHUNK
    profile = make_profile(DISPLAY_P3) + bytes(2 * limit)
    icc = struct.pack(">I", len(profile)) + profile[4:]
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "x" * 2 * limit, zip=True)
    picture = read_picture(saved(Image.new("RGB", (2, 1), "red"), "PNG", pnginfo=text))
    assert picture.notes == ("PNG text dropped: Title",)
    stream = io.BytesIO()
    write_picture(random_picture(icc=icc), stream)
    stream.seek(0)
    assert read_picture(stream).icc == icc
    assert limit == PngImagePlugin.MAX_TEXT_CHUNK


@pytest.mark.parametrize("suffix", [".j2k", ".j2c", ".jpc"])
def test_bare_codestreams_of_jpeg_2000_are_taken_and_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    to_image(random_picture()).save(path)
    assert suffix in READ_SUFFIXES
    np.testing.assert_array_equal(read_picture(path).pixels, random_picture().pixels)


def test_every_read_format_is_one_that_pillow_has() -> None:
    Image.init()
    assert set(READ_FORMATS) <= set(Image.OPEN)
    assert {chosen.name for chosen in WRITE_FORMATS.values()} <= set(Image.SAVE)
