"""Files that are no pictures, damaged ones and bombs give one ImageError with one line."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.errors import ImageError
from licodec.image.files import read_picture


def picture_file(name: str) -> bytes:
    rng = np.random.default_rng(5)
    stream = io.BytesIO()
    image = Image.fromarray(rng.integers(0, 256, (12, 10, 3), dtype=np.uint8))
    options = {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"} if name in ("PNG", "JPEG", "WEBP") else {}
    image.save(stream, name, **options)
    return stream.getvalue()


def refused(data: bytes, **limits: int) -> str:
    with pytest.raises(ImageError) as caught:
        read_picture(io.BytesIO(data), **limits)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("data", [b"x", bytes(999)])
def test_what_is_no_picture_is_named_so(data: bytes) -> None:
    assert "not a picture" in refused(data)


def test_empty_file_is_named_so() -> None:
    assert refused(b"") == "is empty; get it again"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x8cLIC\x10", "licodec decompress"),
        (b"\0\0\0\x20ftypheic", "is HEIC"),
        (b"\0\0\0\x0cJXL \r\n", "is JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "is JPEG XL"),
        (b"\0\0\0\x18ftypcrx ", "raw data of a camera"),
        (b"FUJIFILMCCD-RAW 0201", "raw data of a camera"),
        (b"8BPS\0\1", "is a Photoshop document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is PostScript"),
        (b"II*\0" + bytes(40), "is a damaged TIFF"),
    ],
)
def test_known_files_that_are_not_read_are_named(data: bytes, message: str) -> None:
    assert message in refused(data)


def test_missing_file_and_folder_are_image_errors(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be read"):
        read_picture(tmp_path)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "QOI"])
def test_truncated_picture_is_never_read_as_a_whole_one(name: str) -> None:
    data = picture_file(name)
    whole = read_picture(io.BytesIO(data)).pixels
    for length in range(0, len(data), max(1, len(data) // 60)):
        try:
            pixels = read_picture(io.BytesIO(data[:length])).pixels
        except ImageError as error:
            assert "\n" not in str(error)
        else:  # only what follows the pixels is missing
            np.testing.assert_array_equal(pixels, whole)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000"])
def test_damaged_picture_gives_a_picture_or_an_image_error(name: str) -> None:
    data = picture_file(name)
    rng = np.random.default_rng(17)
    for _ in range(150):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 6)):
            damaged[position] = rng.integers(256)
        try:
            read_picture(io.BytesIO(bytes(damaged)), max_pixels=10**5)
        except ImageError as error:
            assert "\n" not in str(error)


def giant_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (100_000, 100_000)])
def test_claim_of_a_giant_picture_is_refused_from_the_header(width: int, height: int) -> None:
    assert "--max-pixels" in refused(giant_png(width, height))


def test_limit_is_the_callers() -> None:
    data = picture_file("PNG")
    assert read_picture(io.BytesIO(data), max_pixels=120).width == 10
    for limit in (119, 59):
        assert "--max-pixels" in refused(data, max_pixels=limit)


def test_larger_limit_than_pillows_own_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_picture(io.BytesIO(picture_file("PNG"))).height == 12
