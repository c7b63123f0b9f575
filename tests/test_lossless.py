"""Lossless files: every pixel and all metadata come back, without torch."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import licodec
import licodec.pillow
from licodec.api import Codec
from licodec.container.read import read_container
from licodec.errors import BitstreamError, CorruptFileError, ImageError, TooLargeError
from licodec.image.convert import picture_from, to_image
from licodec.inspect import check_file
from tests.graphics.pages import text_page
from tests.photos import crop

PHOTO = crop(61, 47)


def channels_of(count: int) -> np.ndarray:
    """A photograph with 1 to 4 channels, the last of 2 and 4 being an alpha that hides colours."""
    slope = (np.arange(61) * 5).clip(0, 255).astype(np.uint8)
    alpha = np.broadcast_to(slope, PHOTO.shape[:2])[:, :, None]
    colours = PHOTO if count > 2 else PHOTO[:, :, :1]
    return np.concatenate([colours, alpha], 2) if count in (2, 4) else colours


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 61), (47, 1), (47, 61)])
def test_every_pixel_comes_back_also_under_transparent_alpha(count, size):
    pixels = channels_of(count)[: size[0], : size[1]]
    image = licodec.decode(licodec.encode(pixels, lossless=True))
    returned = np.asarray(image).reshape(*size, -1)
    expected = pixels if count in (1, 3) or pixels[..., -1].min() < 255 else pixels[..., :-1]
    np.testing.assert_array_equal(returned, expected)


@pytest.mark.parametrize("effort", [0, 9])
def test_effort_changes_bytes_and_no_pixel(effort):
    data = licodec.encode(PHOTO, lossless=True, effort=effort)
    np.testing.assert_array_equal(np.asarray(licodec.decode(data)), PHOTO)


def test_drawing_in_many_colours_takes_no_more_than_the_most_thorough_webp():
    slope = np.arange(240, dtype=np.uint8)[:, None] // 2 + np.arange(3, dtype=np.uint8)
    page = np.where(text_page() < 128, slope, 255).astype(np.uint8)
    page[:8] = np.random.default_rng(4).integers(0, 256, (8, 240, 3))
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "WEBP", lossless=True, method=6, quality=100)
    data = licodec.encode(page, lossless=True)
    assert len(data) <= len(buffer.getvalue())
    np.testing.assert_array_equal(np.asarray(licodec.decode(data)), page)


def test_metadata_are_kept():
    image = Image.fromarray(PHOTO)
    exif = Image.Exif()
    exif[271] = "maker"
    image.info |= {"exif": exif.tobytes(), "xmp": b"<x/>"}
    found = licodec.decode(licodec.encode(image, lossless=True))
    assert found.getexif()[271] == "maker"
    assert found.info["xmp"] == b"<x/>"
    bare = licodec.decode(licodec.encode(image, lossless=True, keep=()))
    assert not {"exif", "xmp"} & set(bare.info)


def test_region_and_preview_are_parts_of_the_picture():
    data = licodec.encode(channels_of(4), lossless=True)
    part = licodec.decode(data, region=(10, 5, 20, 30))
    np.testing.assert_array_equal(np.asarray(part), channels_of(4)[5:35, 10:30])
    preview = licodec.decode(data, max_size=16)
    assert preview.size == (16, 12)
    with pytest.raises(ImageError, match="reaches beyond the picture"):
        licodec.decode(data, region=(60, 0, 2, 1))


def test_codec_codes_lossless_files_as_the_functions_do(codec: Codec):
    data = codec.encode(PHOTO, lossless=True)
    assert data == licodec.encode(PHOTO, lossless=True)
    np.testing.assert_array_equal(np.asarray(codec.decode(data)), PHOTO)
    np.testing.assert_array_equal(
        np.asarray(codec.decode(data, region=(1, 2, 3, 4))), PHOTO[2:6, 1:4]
    )


@pytest.mark.parametrize(
    "others", [{"quality": 80}, {"bpp": 1}, {"size": 9000}, {"psnr": 40}, {"quantizer": "tcq8"}]
)
def test_settings_of_lossy_files_are_refused(others, codec: Codec):
    for encode in (licodec.encode, codec.encode):
        with pytest.raises(ValueError, match=f"lossless excludes {next(iter(others))}"):
            encode(PHOTO, lossless=True, **others)


def test_info_says_lossless_and_names_no_weights():
    info = licodec.info(licodec.encode(PHOTO, lossless=True))
    assert (info.coding, info.width, info.height, info.is_grey) == ("lossless", 61, 47, False)
    assert info.is_decodable
    assert (info.quality, info.profile, info.family, info.tune, info.quantizer) == (None,) * 5
    assert info.frame_bytes + info.payload_bytes == info.num_bytes
    assert info.frame_bytes <= 15


def test_plugin_saves_and_opens_lossless_files():
    buffer = io.BytesIO()
    to_image(picture_from(channels_of(4), keeps_hidden=True)).save(buffer, "LIC", lossless=True)
    with Image.open(buffer) as image:
        assert (image.mode, image.size) == ("RGBA", (61, 47))
        assert image.info == {"lossless": True}
        np.testing.assert_array_equal(np.asarray(image), channels_of(4))
    with Image.open(buffer) as image:
        image.draft(None, (30, 23))
        assert image.size == np.asarray(image).shape[1::-1] == (31, 24)
    with Image.open(buffer) as image:
        image.verify()
    with pytest.raises(ValueError, match="lossless excludes quality"):
        Image.fromarray(PHOTO).save(io.BytesIO(), "LIC", lossless=True, quality=50)


def test_torch_is_not_loaded():
    code = (
        "import io, sys, numpy as np, licodec, licodec.pillow\n"
        "from PIL import Image\n"
        "from licodec.inspect import check_file\n"
        "data = licodec.encode(np.arange(12, dtype=np.uint8).reshape(3, 4), lossless=True)\n"
        "licodec.decode(data), licodec.decode(data, max_size=2), check_file(data)\n"
        "Image.open(io.BytesIO(data)).save(io.BytesIO(), 'LIC', lossless=True)\n"
        "print('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout == "False\n"


def test_every_truncation_is_an_error():
    data = licodec.encode(channels_of(4)[:9, :9], lossless=True)
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            licodec.decode(data[:length])


def test_flipped_bit_at_500_random_places_is_an_error_and_never_a_picture():
    data = licodec.encode(channels_of(4), lossless=True)
    check_file(data)
    for place in random.Random(3).sample(range(8 * len(data)), 500):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        for read in (licodec.decode, check_file):
            with pytest.raises(BitstreamError) as caught:
                read(bytes(damaged))
            assert "\n" not in str(caught.value)


def test_payload_of_another_size_behind_a_valid_checksum_is_an_error():
    from licodec.container.format import LosslessHeader
    from licodec.container.write import write_lossless_container

    payload = read_container(licodec.encode(PHOTO, lossless=True)).payload
    for width, height in ((60, 47), (61, 46), (61, 48), (2000, 47)):
        head = LosslessHeader(width=width, height=height, is_grey=False)
        with pytest.raises(CorruptFileError):
            licodec.decode(write_lossless_container(head, [], payload))


def test_limit_of_pixels_holds_before_anything_is_decoded():
    data = licodec.encode(PHOTO, lossless=True)
    with pytest.raises(TooLargeError, match="raise max_pixels"):
        licodec.decode(data, max_pixels=61 * 47 - 1)
