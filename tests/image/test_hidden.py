"""Colours under fully transparent pixels are replaced by cheap ones; no other pixel changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from licodec.image.hidden import fill_hidden


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_visible_pixels_stay(width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    alpha = rng.integers(0, 3, (height, width), dtype=np.uint8)
    filled = fill_hidden(pixels, alpha)
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])


def test_hidden_pixels_take_the_mean_of_their_block() -> None:
    pixels = np.full((8, 16), 250, np.uint8)
    alpha = np.zeros((8, 16), np.uint8)
    pixels[0, 0], pixels[7, 7], alpha[0, 0], alpha[7, 7] = 10, 21, 255, 1
    filled = fill_hidden(pixels, alpha)
    # 15.5 rounds to the even 16; the right block is empty and takes its neighbour's mean.
    assert set(filled[alpha == 0].tolist()) == {16}


def test_wholly_hidden_picture_becomes_zero() -> None:
    filled = fill_hidden(np.full((5, 9, 3), 77, np.uint8), np.zeros((5, 9), np.uint8))
    assert filled.shape == (5, 9, 3)
    assert not filled.any()


def test_empty_block_takes_the_nearest_larger_block_that_has_a_visible_pixel() -> None:
    pixels = np.zeros((8, 64), np.uint8)
    alpha = np.zeros((8, 64), np.uint8)
    pixels[0, 0], pixels[0, 63], alpha[0, 0], alpha[0, 63] = 100, 200, 255, 255
    filled = fill_hidden(pixels, alpha)
    assert (filled[0, 1], filled[0, 31], filled[0, 32], filled[0, 62]) == (100, 100, 200, 200)
