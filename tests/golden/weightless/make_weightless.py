"""Remake the golden files without weights: `python -m tests.golden.weightless.make_weightless`.

Right only when the format changes with a new version number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from licodec.graphics.palette import Palettes
from licodec.image.convert import picture_from, to_image
from licodec.image.lossless import METHOD_PNG, METHOD_VP8L, _to_png_rows, _to_tiles, pack_planes
from licodec.image.picture import Picture
from licodec.lossless import encode_lossless_picture
from licodec.sections import lossless_file
from tests.graphics.pages import mixed_page, text_page
from tests.photos import crop

FOLDER = Path(__file__).parent


def pictures() -> dict[str, tuple[Picture, bytes]]:
    """What each file shows, and the file."""
    alpha = np.add.outer(np.arange(40), np.arange(48)).astype(np.uint8)
    hidden = picture_from(np.dstack([crop(48, 40), alpha * (alpha > 30)]), keeps_hidden=True)
    hidden = Picture(pixels=hidden.pixels, alpha=hidden.alpha, xmp=b'<x:xmpmeta xmlns:x="a"/>')
    grey = Picture(pixels=crop(33, 17, "L"))
    reduced = Palettes(mixed_page()).reduced(16)[0]
    page = Picture(pixels=text_page(90, 70))
    return {
        "rgba-48x40": (hidden, encode_lossless_picture(hidden)),
        "grey-rows-33x17": (
            grey,
            lossless_file(grey, bytes([METHOD_PNG]) + _to_png_rows(grey.pixels)),
        ),
        "text-vp8l-90x70": (
            page,
            lossless_file(page, bytes([METHOD_VP8L]) + _to_tiles(page.pixels, (4, 75))),
        ),
        "few-colours-240x160": (
            Picture(pixels=reduced),
            lossless_file(Picture(pixels=reduced), pack_planes(reduced), asked_quality=60),
        ),
    }


if __name__ == "__main__":
    for name, (picture, data) in pictures().items():
        (FOLDER / f"{name}.lic").write_bytes(data)
        to_image(Picture(pixels=picture.pixels, alpha=picture.alpha)).save(FOLDER / f"{name}.png")
