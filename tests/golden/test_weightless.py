"""Files without weights that were made earlier decode to the same pixels, exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec

FOLDER = Path(__file__).parent / "weightless"
# Coding, quality that was asked for.
EXPECTED = {
    "rgba-48x40": ("lossless", None),
    "grey-rows-33x17": ("lossless", None),
    "text-vp8l-90x70": ("lossless", None),
    "few-colours-240x160": ("graphics", 60),
}


def test_every_file_is_there_and_no_other():
    for suffix in ("lic", "png"):
        assert {path.stem for path in FOLDER.glob(f"*.{suffix}")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_pixels_are_exactly_those_that_were_written(name):
    data = (FOLDER / f"{name}.lic").read_bytes()
    info = licodec.info(data)
    assert (info.coding, info.quality) == EXPECTED[name]
    with Image.open(FOLDER / f"{name}.png") as stored:
        decoded = licodec.decode(data)
        assert decoded.mode == stored.mode
        np.testing.assert_array_equal(np.asarray(decoded), np.asarray(stored))


def test_metadata_are_those_that_were_written():
    decoded = licodec.decode((FOLDER / "rgba-48x40.lic").read_bytes())
    assert decoded.info["xmp"] == b'<x:xmpmeta xmlns:x="a"/>'
