"""Masks, fills, palettes and layers, each by itself."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.codec.region import Region
from licodec.errors import CorruptFileError
from licodec.graphics.choose import fewest_colours, squared_error
from licodec.graphics.fill import fill_smoothly
from licodec.graphics.layer import lay_over, layer_of, pack_layer, shrink_layer, unpack_layer
from licodec.graphics.mask import drawn_pixels
from licodec.graphics.palette import Palettes
from licodec.image.lossless import pack_planes
from tests.graphics.pages import PHOTO_BOX, mixed_page, outside_photo, text_page
from tests.photos import crop


def test_mask_of_a_mixed_page_covers_the_text_and_no_more():
    mask = drawn_pixels(mixed_page())
    assert mask[outside_photo()].all()
    left, top, right, bottom = PHOTO_BOX
    assert mask[top:bottom, left:right].mean() < 0.02


@pytest.mark.parametrize(
    "pixels", [crop(200, 120), crop(200, 120)[:, :, 1], text_page(), text_page()[:20, :20]]
)
def test_photographs_text_alone_and_small_pictures_have_no_mask(pixels):
    assert drawn_pixels(pixels) is None


@pytest.mark.parametrize("channels", [(), (3,)])
def test_fill_keeps_known_pixels_and_stays_within_their_range(channels):
    rng = np.random.default_rng(1)
    pixels = rng.integers(60, 90, (37, 50, *channels), np.uint8)
    mask = np.zeros((37, 50), np.bool_)
    mask[5:30, 8:49] = True
    pixels[mask] = 255
    filled = fill_smoothly(pixels, mask)
    np.testing.assert_array_equal(filled[~mask], pixels[~mask])
    assert filled[mask].min() >= 60
    assert filled[mask].max() < 90
    assert np.abs(np.diff(filled[10:25, 15:40].astype(int), axis=0)).max() <= 6


def test_palette_of_enough_colours_is_exact():
    page = text_page()
    palettes = Palettes(page)
    reduced, error = palettes.reduced(palettes.num_colours)
    assert error == 0
    np.testing.assert_array_equal(reduced, page)


@pytest.mark.parametrize("pixels", [crop(60, 50), crop(60, 50)[:, :, 0]])
@pytest.mark.parametrize("size", [2, 16, 200])
def test_palette_has_the_colours_and_the_error_that_it_says(pixels, size):
    reduced, error = Palettes(pixels).reduced(size)
    colours = reduced.reshape(-1, 1 if pixels.ndim == 2 else 3)
    assert len(np.unique(colours, axis=0)) <= size
    assert squared_error(pixels, reduced) == pytest.approx(error)


def test_fewest_colours_err_no_more_than_allowed_and_fewer_would():
    photo = crop(60, 50)
    many, few = (fewest_colours(photo, error) for error in (20.0, 200.0))
    assert squared_error(photo, many) <= 20 < squared_error(photo, few) <= 200
    assert fewest_colours(photo, 0.0) is None
    assert fewest_colours(photo, 1e9, lambda shades: False) is None


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 999))
def test_layer_comes_back_and_covers_what_is_masked(height, width, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    below = rng.integers(0, 256, (height, width, 3), np.uint8)
    mask = rng.random((height, width)) < 0.5
    layer = unpack_layer(pack_layer(pixels, mask), width, height)
    laid = lay_over(below, layer)
    np.testing.assert_array_equal(laid[mask], pixels[mask])
    np.testing.assert_array_equal(laid[~mask], below[~mask])
    grey = lay_over(below[:, :, 0], unpack_layer(pack_layer(pixels[:, :, 0], mask), width, height))
    np.testing.assert_array_equal(grey[mask], pixels[:, :, 0][mask])


def test_region_of_a_layer_is_its_part():
    mask = drawn_pixels(mixed_page())
    packed = pack_layer(mixed_page(), mask)
    whole = unpack_layer(packed, 240, 160)
    part = unpack_layer(packed, 240, 160, Region(30, 20, 50, 40))
    np.testing.assert_array_equal(part, whole[20:60, 30:80])


def test_translucent_layer_is_refused():
    layer = layer_of(crop(9, 7), np.ones((7, 9), np.bool_))
    layer[3, 4, 3] = 254
    with pytest.raises(CorruptFileError, match="layer is translucent"):
        unpack_layer(pack_planes(layer), 9, 7)


def test_shrunk_layer_is_laid_over_in_parts():
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[:, 2:] = (200, 100, 50, 255)
    small = shrink_layer(layer, 2, 2)
    assert small[0, 0, 3] < small[0, 1, 3]
    laid = lay_over(np.zeros((2, 2, 3), np.uint8), small)
    assert laid[0, 1, 0] > 150 > 60 > laid[0, 0, 0]


@given(st.integers(0, 1), st.binary(max_size=60))
def test_arbitrary_bytes_are_no_layer_or_one_of_the_size(method, data):
    with contextlib.suppress(CorruptFileError):
        assert unpack_layer(bytes([method]) + data, 3, 2).shape == (2, 3, 4)
