"""Small pictures and the .lic files that the plugin makes of them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from licodec.pillow import register
from tests.image.profiles import srgb_profile

PROFILE = srgb_profile()  # made once: it holds the time


def small_picture(mode: str = "RGB", size: tuple[int, int] = (37, 21)) -> Image.Image:
    """A smooth picture of any mode of .lic files; its alpha plane is nowhere opaque."""
    ramps = [Image.linear_gradient("L"), Image.radial_gradient("L")]
    bands = [ramps[i % 2].rotate(90 * i).resize(size) for i in range(len(mode))]
    if "A" in mode:
        bands[-1] = bands[-1].point(lambda value: value // 2 + 1)
    return Image.merge(mode, bands) if len(bands) > 1 else bands[0]


def lic_bytes(image: Image.Image, **options: object) -> bytes:
    """What `Image.save` writes."""
    buffer = io.BytesIO()
    image.save(buffer, "LIC", **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def lic() -> bytes:
    """An RGB picture with all metadata, quality 40."""
    exif = Image.Exif()
    exif[0x010F] = "Camera maker"
    return lic_bytes(small_picture(), quality=40, icc_profile=PROFILE, exif=exif, xmp="<x/>")


@pytest.fixture(autouse=True)
def _default_settings() -> Iterator[None]:
    """What a test registers ends with it."""
    yield
    register()
