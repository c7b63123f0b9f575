"""Files made earlier decode to the same symbols and to the same pixels."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.check import check_symbols_of
from licodec.container.format import LAYER, MARGINS
from licodec.container.read import read_container
from licodec.graphics.layer import unpack_layer
from tests.golden.make_golden import ALL, EXIF, FAMILIES, XMP, source_alpha, source_pixels
from tests.graphics.pages import drawn_page
from tests.photos import psnr_db

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, object]]:
    """By name of the file."""
    return json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def lic(name: str) -> bytes:
    return (FOLDER / f"{name}.lic").read_bytes()


def test_every_golden_file_is_there_and_no_other(expected):
    assert set(expected) == set(ALL)
    for suffix in ("lic", "png"):
        assert {path.stem for path in FOLDER.glob(f"*.{suffix}")} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_file_is_the_one_that_was_made(name, expected):
    data = lic(name)
    assert hashlib.sha256(data).hexdigest() == expected[name]["lic_sha256"]
    assert len(data) == expected[name]["num_bytes"]


@pytest.mark.parametrize("name", ALL)
def test_symbols_have_the_checksum_that_they_had(name, expected):
    assert f"{read_container(lic(name)).crc:08x}" == expected[name]["crc"]
    check_symbols_of(lic(name))


@pytest.mark.parametrize("name", ALL)
def test_pixels_are_what_they_were(name, codec, expected):
    with Image.open(FOLDER / f"{name}.png") as stored:
        assert stored.mode == ALL[name].mode
        kept = np.asarray(stored.convert("RGB") if stored.mode == "RGBA" else stored)
    assert hashlib.sha256(kept.tobytes()).hexdigest() == expected[name]["pixels_sha256"]
    decoded = codec.decode_picture(lic(name)).pixels
    np.testing.assert_array_equal(decoded, kept)


@pytest.mark.parametrize("name", ALL)
def test_pixels_look_like_the_photograph(name, codec):
    decoded = codec.decode_picture(lic(name)).pixels
    assert psnr_db(source_pixels(ALL[name]), decoded) > 22


@pytest.mark.parametrize("family", FAMILIES)
def test_layer_is_there_and_exact(family, codec):
    data = lic(f"{family}-layers-160x112-q60")
    layer = unpack_layer(read_container(data).section(LAYER), 160, 112)
    is_covered = layer[:, :, 3] == 255
    assert 0.5 < is_covered.mean() < 0.9
    pixels = codec.decode_picture(data).pixels
    np.testing.assert_array_equal(pixels[is_covered], drawn_page()[is_covered])


@pytest.mark.parametrize("family", FAMILIES)
def test_margins_are_there_and_exact(family, codec):
    name = f"{family}-margins-90x80-q60"
    assert read_container(lic(name)).section(MARGINS) == bytes([7, 9, 0, 1, 16, 16, 16])
    pixels = codec.decode_picture(lic(name)).pixels
    is_margin = np.ones((80, 90), np.bool_)
    is_margin[7:71, :89] = False
    np.testing.assert_array_equal(pixels[is_margin], 16)


@pytest.mark.parametrize("family", FAMILIES)
def test_alpha_and_metadata_are_those_that_were_written(family, codec):
    picture = codec.decode_picture(lic(f"{family}-rgba-20x20-q90"))
    np.testing.assert_array_equal(picture.alpha, source_alpha(20, 20))
    assert (picture.exif, picture.xmp, picture.icc) == (EXIF, XMP, None)
