"""Masks, fills, palettes and layers, each by itself."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.codec.region import Region
from licodec.errors import CorruptFileError
from licodec.graphics.closeness import Closeness
from licodec.graphics.content import colour_codes
from licodec.graphics.fewest import FewestColours
from licodec.graphics.fill import fill_smoothly
from licodec.graphics.layer import lay_over, layer_of, shrink_layer, unpack_layer
from licodec.graphics.mask import drawn_pixels
from licodec.graphics.palette import SIZES, Palettes
from licodec.image.lossless import pack_planes
from licodec.metrics.psnr import mean_squared_error
from tests.graphics.pages import PHOTO_BOX, mixed_page, outside_photo, text_page
from tests.photos import crop


def mask_of(pixels: np.ndarray) -> np.ndarray | None:
    return drawn_pixels(pixels, colour_codes(pixels))


def test_mask_of_a_mixed_page_covers_the_text_and_no_more():
    mask = mask_of(mixed_page())
    assert mask[outside_photo()].all()
    left, top, right, bottom = PHOTO_BOX
    assert mask[top:bottom, left:right].mean() < 0.02


@pytest.mark.parametrize(
    "pixels", [crop(200, 120), crop(200, 120)[:, :, 1], text_page(), text_page()[:20, :20]]
)
def test_photographs_text_alone_and_small_pictures_have_no_mask(pixels):
    assert mask_of(pixels) is None


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
    assert mean_squared_error(pixels, reduced) == pytest.approx(error)


def with_error(pixels: np.ndarray, amount: int) -> np.ndarray:
    """Pixels that are off by so much, up in one column and down in the next."""
    signs = np.where(np.arange(pixels.shape[1]) % 2, 1, -1).reshape(1, -1, 1)
    return np.clip(pixels.astype(int) + amount * signs, 0, 255).astype(np.uint8)


def fewest_for(pixels: np.ndarray, decoded: np.ndarray, *, is_seen: bool) -> np.ndarray | None:
    colours = FewestColours(Palettes(pixels), Closeness(pixels, decoded, is_seen=is_seen))
    colours.by_error()
    return colours.by_looks()


def test_fewest_colours_err_no_more_than_allowed_and_fewer_would():
    photo = crop(60, 50)
    few, many = (fewest_for(photo, with_error(photo, n), is_seen=False) for n in (14, 5))
    allowed = [mean_squared_error(photo, with_error(photo, n)) for n in (14, 5)]
    assert (
        mean_squared_error(photo, many) <= allowed[1] < mean_squared_error(photo, few) <= allowed[0]
    )
    assert fewest_for(photo, photo, is_seen=False) is None


@pytest.mark.parametrize("amount", [9, 14, 20])
def test_fewest_colours_look_as_close_as_allowed_and_fewer_would_not(amount):
    page = np.where(text_page() < 200, text_page() // 2 + crop(240, 160) // 2, text_page())
    closeness = Closeness(page, with_error(page, amount), is_seen=True)
    palettes = Palettes(page)
    colours = FewestColours(palettes, closeness)
    bound = colours.by_error()
    found = colours.by_looks()
    assert closeness.is_reached(found)
    sizes = [size for size in SIZES if size < palettes.num_colours]
    enough = next(n for n in sizes if closeness.is_reached(palettes.reduced(n)[0]))
    assert len(colours_of(bound)) <= enough <= len(colours_of(found))
    assert len(colours_of(found)) <= sizes[sizes.index(enough) + 1]


def colours_of(pixels: np.ndarray) -> np.ndarray:
    return np.unique(pixels.reshape(-1, 3), axis=0)


def test_lack_of_looks_is_none_for_what_was_decoded_and_grows_with_the_error():
    photo = crop(60, 50)
    closeness = Closeness(photo, with_error(photo, 5), is_seen=True)
    assert closeness.lack(with_error(photo, 5)) == 0
    assert closeness.lack(photo) < closeness.lack(with_error(photo, 3)) < 0
    assert 0 < closeness.lack(with_error(photo, 9)) < closeness.lack(with_error(photo, 14))
    small = Closeness(photo[:5], with_error(photo[:5], 5), is_seen=True)
    assert small.lack(with_error(photo[:5], 9)) == 0


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 999))
def test_layer_comes_back_and_covers_what_is_masked(height, width, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    below = rng.integers(0, 256, (height, width, 3), np.uint8)
    mask = rng.random((height, width)) < 0.5
    layer = unpack_layer(pack_planes(layer_of(pixels, mask)), width, height)
    laid = lay_over(below, layer)
    np.testing.assert_array_equal(laid[mask], pixels[mask])
    np.testing.assert_array_equal(laid[~mask], below[~mask])
    grey = lay_over(
        below[:, :, 0], unpack_layer(pack_planes(layer_of(pixels[:, :, 0], mask)), width, height)
    )
    np.testing.assert_array_equal(grey[mask], pixels[:, :, 0][mask])


def test_region_of_a_layer_is_its_part():
    mask = mask_of(mixed_page())
    packed = pack_planes(layer_of(mixed_page(), mask))
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
