"""`licodec.encode`, `decode` and `info` as users call them."""

import numpy as np
import pytest

import licodec
from licodec.errors import ImageError, TooLargeError

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
