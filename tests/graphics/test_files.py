"""Files of drawn and of mixed pages: what is chosen, and what comes back."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

import licodec
from licodec.api import Codec
from licodec.check import check_symbols_of
from licodec.container.format import LAYER
from licodec.container.read import read_container
from licodec.errors import BitstreamError, ModelError
from licodec.metrics.ssimulacra2 import ssimulacra2
from tests.graphics.pages import PHOTO_BOX, mixed_page, outside_photo, text_page
from tests.photos import PHOTOS, crop, psnr_db


@pytest.fixture(scope="module")
def mixed(psnr_codec: Codec) -> bytes:
    return psnr_codec.encode(mixed_page(), quality=60)


def decoded(codec: Codec, data: bytes) -> np.ndarray:
    return np.asarray(codec.decode(data))


@pytest.mark.parametrize("path", sorted(PHOTOS.glob("*.png")), ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_photograph_has_the_bytes_that_it_has_without_a_choice(path, mode, psnr_codec):
    with Image.open(path) as image:
        photo = np.asarray(image.convert(mode))
    files = [psnr_codec.encode(photo, quality=60, content=name) for name in ("auto", "photo")]
    assert files[0] == files[1]


def test_text_in_two_colours_is_kept_exactly_in_fewer_bytes(psnr_codec):
    page = np.where(text_page() < 128, 20, 255).astype(np.uint8)
    data = psnr_codec.encode(page, quality=60)
    assert licodec.info(data).coding == "lossless"
    assert len(data) < len(psnr_codec.encode(page, quality=60, content="photo"))
    np.testing.assert_array_equal(np.asarray(licodec.decode(data)), page)


def test_drawing_of_many_shades_has_few_colours_and_is_no_worse(psnr_codec):
    shades = np.random.default_rng(2).integers(-9, 10, (160, 240, 1))
    drawing = np.where(text_page() < 200, np.clip(40 + 8 * shades, 0, 255), text_page()).astype(
        np.uint8
    )
    drawing[:, ::7] = np.arange(240, dtype=np.uint8)[::7, None]
    photo = psnr_codec.encode(drawing, quality=40, content="photo")
    data = psnr_codec.encode(drawing, quality=40)
    info = licodec.info(data)
    assert len(data) < len(photo)
    assert (info.coding, info.quality) in [("graphics", 40), ("lossless", None)]
    back = np.asarray(licodec.decode(data))
    assert psnr_db(drawing, back) >= psnr_db(drawing, decoded(psnr_codec, photo))


def test_mixed_page_has_a_layer_with_the_text_exactly(mixed, psnr_codec):
    info = licodec.info(mixed)
    assert info.coding == "layers"
    assert info.family == psnr_codec.info.family
    back = decoded(psnr_codec, mixed)
    np.testing.assert_array_equal(back[outside_photo()], mixed_page()[outside_photo()])
    assert len(mixed) < len(psnr_codec.encode(mixed_page(), quality=60, content="photo"))


def test_photograph_of_a_mixed_page_is_as_good_as_alone(mixed, psnr_codec):
    left, top, right, bottom = PHOTO_BOX
    photo = np.ascontiguousarray(mixed_page()[top:bottom, left:right])
    alone = decoded(psnr_codec, psnr_codec.encode(photo, quality=60, content="photo"))
    beside = decoded(psnr_codec, mixed)[top:bottom, left:right]
    assert psnr_db(photo, beside) > psnr_db(photo, alone) - 0.5


def test_region_of_a_mixed_page_is_its_part(mixed, psnr_codec):
    whole = decoded(psnr_codec, mixed)
    part = np.asarray(psnr_codec.decode(mixed, region=(40, 30, 61, 47)))
    assert np.abs(part.astype(int) - whole[30:77, 40:101]).max() <= 1
    text = outside_photo()[30:77, 40:101]
    np.testing.assert_array_equal(part[text], whole[30:77, 40:101][text])


def test_preview_of_a_mixed_page_shows_the_layer(mixed, psnr_codec):
    small = np.asarray(psnr_codec.decode(mixed, max_size=60))
    assert small.shape == (40, 60, 3)
    expected = mixed_page().reshape(40, 4, 60, 4, 3).mean((1, 3))
    assert np.abs(small - expected).mean() < 12


def test_size_target_of_a_mixed_page_is_met_with_a_layer(psnr_codec):
    data = psnr_codec.encode(mixed_page(), size=6000)
    assert len(data) <= 6000
    assert licodec.info(data).coding == "layers"


def test_size_that_the_exact_file_of_a_drawing_has_is_met_by_it(psnr_codec, recwarn):
    page = text_page()
    best = psnr_codec.encode(page, size=100_000, effort=2)
    assert licodec.info(best).coding == "lossless"
    assert [str(w.message)[:17] for w in recwarn] == ["the best quality "]
    assert psnr_codec.encode(page, size=len(best), effort=2) == best
    assert len(psnr_codec.encode(page, size=len(best) - 1, effort=2)) < len(best)
    assert len(recwarn) == 1


def test_size_below_that_of_any_quality_is_met_by_an_exact_file_that_has_it(psnr_codec):
    dot = np.full((1, 1, 3), (9, 200, 9), np.uint8)
    exact = len(licodec.encode(dot, lossless=True))
    with pytest.raises(licodec.TargetError):
        psnr_codec.encode(dot, size=exact, content="photo")
    assert len(psnr_codec.encode(dot, size=exact)) == exact
    with pytest.raises(licodec.TargetError):
        psnr_codec.encode(dot, size=exact - 1)


@pytest.mark.parametrize("target", [{"psnr": 110}, {"ssimulacra2": 99.99}])
def test_closeness_above_that_of_any_quality_is_met_by_the_exact_file_of_a_drawing(
    target, psnr_codec
):
    page = text_page()
    with pytest.raises(licodec.TargetError):
        psnr_codec.encode(page, effort=2, content="photo", **target)
    data = psnr_codec.encode(page, effort=2, **target)
    assert licodec.info(data).coding == "lossless"
    np.testing.assert_array_equal(np.asarray(licodec.decode(data)), page)


def test_closeness_below_that_of_any_quality_is_no_reason_for_an_exact_file(psnr_codec):
    with pytest.raises(licodec.TargetError, match="1 dB cannot be reached"):
        psnr_codec.encode(text_page(), effort=2, psnr=1)


def test_targets_of_a_mixed_page_are_met_with_a_layer(psnr_codec):
    for target, found_of, low, high in (
        ({"psnr": 42}, psnr_db, 42, 42.1),
        ({"ssimulacra2": 80}, ssimulacra2, 79.5, 80.5),
    ):
        data = psnr_codec.encode(mixed_page(), effort=2, **target)
        assert licodec.info(data).coding == "layers"
        assert low <= found_of(mixed_page(), decoded(psnr_codec, data)) <= high


def test_unknown_content_is_refused(psnr_codec):
    for encode in (licodec.encode, psnr_codec.encode):
        with pytest.raises(ValueError, match="content is 'text', expected one of: auto, photo"):
            encode(crop(8, 8), content="text")


def test_check_decodes_the_layer(mixed):
    check_symbols_of(mixed)
    assert read_container(mixed).section(LAYER) is not None


def test_flipped_bits_and_truncations_of_a_mixed_page_are_errors(mixed, psnr_codec):
    for place in random.Random(5).sample(range(8 * len(mixed)), 60):
        damaged = bytearray(mixed)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((BitstreamError, ModelError)):
            psnr_codec.decode(bytes(damaged))
    for length in range(0, len(mixed), 97):
        with pytest.raises(BitstreamError):
            psnr_codec.decode(mixed[:length])
