"""`licodec.encode`, `decode` and `info` as users call them."""

from typing import Any

import numpy as np
import pytest

import licodec
from licodec.errors import ImageError, NotLicodecFileError, TooLargeError

PIXELS = np.random.default_rng(2).integers(0, 256, (5, 9, 3), dtype=np.uint8)


def test_array_comes_back_as_a_pillow_image(fake_codec: None) -> None:
    image = licodec.decode(licodec.encode(PIXELS, quality=12.5))
    np.testing.assert_array_equal(np.asarray(image), PIXELS)


def test_info_tells_size_and_quality(fake_codec: None) -> None:
    about = licodec.info(licodec.encode(PIXELS, quality=100, profile="fast"))
    assert (about.width, about.height, about.quality, about.profile) == (9, 5, 100.0, "fast")


def test_weights_are_loaded_once_for_many_calls(fake_codec: None, codecs_made: list[str]) -> None:
    for _ in range(3):
        licodec.decode(licodec.encode(PIXELS))
    assert codecs_made == ["balanced"]


def test_pixel_limit_is_the_callers(fake_codec: None) -> None:
    data = licodec.encode(PIXELS)
    assert licodec.decode(data, max_pixels=45).size == (9, 5)
    with pytest.raises(TooLargeError, match="max_pixels"):
        licodec.decode(data, max_pixels=44)


def test_wrong_kind_of_picture_is_an_image_error(fake_codec: None) -> None:
    with pytest.raises(ImageError):
        licodec.encode(PIXELS.astype(np.float32))


LIST = ["a list"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[(name, LIST) for name in ("profile", "tune", "device", "quantizer", "content")],
        *[(name, "10") for name in ("quality", "bpp", "size", "psnr", "ssimulacra2")],
        *[("effort", 1.5), ("effort", "4"), ("time_budget", "2s")],
        *[("keep", None), ("keep", "icc"), ("keep", [LIST])],
    ],
)
def test_argument_of_encode_of_a_wrong_type_is_named(option: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^(keep|metadata|\w+ is) .*expected "):
        licodec.encode(PIXELS, **{option: value})


@pytest.mark.parametrize("is_lossless", [False, True])
@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        *[("region", value, "four whole") for value in ((0, 0, 9), 5, "a", (0, 0, 1.5, 2), "abcd")],
        *[("max_size", "a", "a number"), ("max_size", float("nan"), "1 or more")],
        *[("max_pixels", "a", "a number"), ("max_pixels", LIST, "a number")],
        *[("profile", LIST, "a name"), ("device", 5, "a name")],
    ],
)
def test_argument_of_decode_of_a_wrong_type_is_named(
    option: str, value: Any, expected: str, is_lossless: bool
) -> None:
    data = licodec.encode(PIXELS, lossless=is_lossless)
    with pytest.raises((TypeError, ValueError), match=f"^{option} is .*expected {expected}"):
        licodec.decode(data, **{option: value})


def test_codec_with_a_name_that_is_no_text_is_a_type_error() -> None:
    for options in ({"profile": LIST}, {"tune": LIST}, {"device": LIST}):
        with pytest.raises(TypeError, match=r"is \['a list'\], expected a name"):
            licodec.Codec(**options)


def test_region_of_whole_numbers_of_numpy_is_taken() -> None:
    data = licodec.encode(PIXELS, lossless=True)
    part = licodec.decode(data, region=tuple(np.array([1, 2, 3, 2])))
    np.testing.assert_array_equal(np.asarray(part), PIXELS[2:4, 1:4])


@pytest.mark.parametrize("call", [licodec.decode, licodec.info])
def test_picture_in_place_of_a_lic_file_is_named(call: Any) -> None:
    with pytest.raises(NotLicodecFileError, match=r"data is a PNG file, no \.lic file"):
        call(b"\x89PNG\r\n\x1a\n" + bytes(40))
