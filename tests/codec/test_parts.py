"""Strips, regions and previews give what the whole picture gives."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from licodec.api import Codec
from licodec.codec.decode import preview_level
from licodec.codec.encode import encode_pixels
from licodec.codec.latent import analysed_latent
from licodec.config import quality_to_index
from licodec.errors import CorruptFileError, ImageError
from licodec.prior.layout import StepElements, detail_steps
from tests.photos import crop

WIDTH, HEIGHT = 333, 250
MODES = ["RGB", "L"]
CPU = "cpu"


@pytest.fixture(scope="module", params=MODES)
def file(request: pytest.FixtureRequest, codec: Codec) -> bytes:
    return codec.encode(crop(WIDTH, HEIGHT, request.param), quality=70)


@pytest.fixture
def narrow_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of a few rows everywhere."""
    monkeypatch.setattr("licodec.codec.pixels.STRIP_PX", 1)
    monkeypatch.setattr("licodec.codec.analysis._STRIP_PX", 1)
    monkeypatch.setattr("licodec.codec.analysis._MIN_ROWS", 8)
    monkeypatch.setattr("licodec.codec.synthesis.STRIP_PX", 1)
    monkeypatch.setattr("licodec.prior.strips.STRIP_POSITIONS", 64)
    monkeypatch.setattr("licodec.prior.reference_elements._STRIP_SAMPLES", 64)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("choice", ["rounding", "rdoq"])
def test_picture_encoded_in_strips_has_the_symbols_of_the_whole(mode, choice, family, request):
    pixels, index = crop(WIDTH, HEIGHT, mode), quality_to_index(60)
    whole = encode_pixels(pixels, family, index, CPU, choice=choice)
    request.getfixturevalue("narrow_strips")
    strips = encode_pixels(pixels, family, index, CPU, choice=choice)
    assert strips.payload == whole.payload
    np.testing.assert_array_equal(strips.planes, whole.planes)


def test_picture_decoded_in_strips_is_that_of_the_whole(file, codec, request):
    whole = np.asarray(codec.decode(file))
    request.getfixturevalue("narrow_strips")
    np.testing.assert_array_equal(np.asarray(codec.decode(file)), whole)


@pytest.mark.parametrize("large_px", [1, 1 << 25])
def test_coefficients_can_be_asked_for_again(large_px, family, monkeypatch):
    monkeypatch.setattr("licodec.codec.latent.LARGE_PX", large_px)
    latent = analysed_latent(crop(70, 90), family, 128, CPU)
    places = [StepElements(1, step.channels) for step in detail_steps(1)]
    first = [latent.at(where).copy() for where in places]
    again = [latent.at(where) for where in reversed(places)]
    for a, b in zip(first, reversed(again), strict=True):
        np.testing.assert_array_equal(a, b)
    every = StepElements(1, tuple(range(36)))
    np.testing.assert_array_equal(latent.at(every)[list(places[2].channels)], first[2])


def test_large_pictures_whose_details_are_forgotten_can_be_walked_twice(family, monkeypatch):
    monkeypatch.setattr("licodec.codec.latent.LARGE_PX", 1)
    monkeypatch.setattr("licodec.codec.encode._TOLERATED_LOSS", 0.0)  # both ways are tried
    pixels, index = crop(WIDTH, HEIGHT), quality_to_index(60)
    kept = encode_pixels(pixels, family, index, CPU)
    monkeypatch.setattr("licodec.codec.encode.LARGE_PX", 1)
    forgotten = encode_pixels(pixels, family, index, CPU)
    assert forgotten.is_all_coded == kept.is_all_coded
    assert forgotten.payload == kept.payload


def test_large_pictures_are_coded_as_others_are(family, monkeypatch):
    """Their finest coefficients have 11 bits."""
    pixels, index = crop(WIDTH, HEIGHT), quality_to_index(60)
    exact = encode_pixels(pixels, family, index, CPU)
    monkeypatch.setattr("licodec.codec.latent.LARGE_PX", 1)
    short = encode_pixels(pixels, family, index, CPU)
    assert len(short.payload) == pytest.approx(len(exact.payload), rel=0.005)
    # Half a grey level: a trellis that chose otherwise once goes another way from there on.
    assert np.abs(short.planes - exact.planes).mean() < 32


@pytest.mark.parametrize(
    "region",
    [(0, 0, WIDTH, HEIGHT), (0, 0, 1, 1), (332, 249, 1, 1), (100, 57, 120, 64), (7, 200, 300, 50)],
)
def test_region_is_the_same_part_of_the_whole(region, file, codec):
    x, y, width, height = region
    whole = np.asarray(codec.decode(file))
    part = np.asarray(codec.decode(file, region=region))
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


def test_region_has_its_part_of_the_alpha_plane(codec):
    pixels = crop(90, 70, "RGBA").copy()
    pixels[..., 3] = np.arange(70)[:, None] + np.arange(90)
    part = codec.decode(codec.encode(pixels, quality=50), region=(20, 10, 30, 40))
    np.testing.assert_array_equal(np.asarray(part)[..., 3], pixels[10:50, 20:50, 3])


@pytest.mark.parametrize(
    "region", [(-1, 0, 5, 5), (0, 0, 0, 5), (0, 0, WIDTH + 1, 5), (330, 0, 4, 5), (0, 250, 1, 1)]
)
def test_region_beyond_the_picture_is_refused(region, file, codec):
    with pytest.raises(ImageError, match=f"reaches beyond the picture of {WIDTH}x{HEIGHT} pixels"):
        codec.decode(file, region=region)


def test_region_of_a_damaged_file_is_refused_wherever_the_damage_is(file, codec):
    damaged = bytearray(file)
    damaged[-20] ^= 1
    with pytest.raises(CorruptFileError):
        codec.decode(bytes(damaged), region=(0, 0, 8, 8))


@pytest.mark.parametrize("max_size", [1, 5, 11, 40, 100, 167, 300, 333, 5000])
def test_preview_is_close_to_the_whole_picture_made_smaller(max_size, file, codec):
    whole = codec.decode(file)
    preview = codec.decode(file, max_size=max_size)
    factor = min(1, max_size / WIDTH)
    assert preview.size == (round(WIDTH * factor), max(1, round(HEIGHT * factor)))
    assert max(preview.size) <= max_size
    smaller = whole.resize(preview.size, Image.Resampling.LANCZOS)
    error = np.asarray(preview).astype(int) - np.asarray(smaller)
    assert np.square(error).mean() ** 0.5 < 10


def test_preview_has_metadata_and_a_smaller_alpha_plane(codec):
    image = Image.fromarray(crop(90, 70, "RGB"))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    tags = Image.Exif()
    tags[0x010E] = "a tree"
    image.info["exif"] = tags.tobytes()
    preview = codec.decode(codec.encode(image, quality=50), max_size=30)
    assert (preview.mode, preview.size) == ("RGBA", (30, 23))
    assert np.all(np.diff(np.asarray(preview)[:, 5, 3].astype(int)) > 0)
    assert preview.getexif()[0x010E] == "a tree"


def test_preview_reads_no_symbol_of_a_finer_level(file, codec):
    """The stream ends at what is read last: its first bytes can be anything."""
    expected = np.asarray(codec.decode(file, max_size=40))
    damaged = bytearray(file)
    # The top of the stack is its end, so what comes first in the payload is decoded last.
    start = len(file) - len(file) // 3
    damaged[start] ^= 0xFF
    np.testing.assert_array_equal(np.asarray(codec.decode(bytes(damaged), max_size=40)), expected)
    with pytest.raises(CorruptFileError):
        codec.decode(bytes(damaged))


@pytest.mark.parametrize(
    ("width", "height", "max_size", "level"),
    [
        (768, 512, 768, 1), (768, 512, 385, 1), (768, 512, 384, 2), (768, 512, 24, 6),
        (512, 768, 25, 5), (768, 512, 1, 6), (1, 1, 1, 1), (2, 1, 1, 6), (5, 3, 3, 2),
        (9, 9, 99, 1),
    ],
)  # fmt: skip
def test_preview_comes_from_the_coarsest_level_that_is_large_enough(width, height, max_size, level):
    assert preview_level(width, height, max_size) == level


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"max_size": 0}, "max_size is 0, expected 1 or more"),
        ({"max_size": 9, "region": (0, 0, 1, 1)}, "region excludes max_size"),
    ],
)
def test_wrong_arguments_are_value_errors(wanted, message, file, codec):
    with pytest.raises(ValueError, match=message):
        codec.decode(file, **wanted)
