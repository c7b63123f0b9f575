"""Checks what part or size of a picture is wanted, and cuts and shrinks planes to it."""

from __future__ import annotations

import operator

import numpy as np
from PIL import Image

from licodec.codec.region import Region
from licodec.config import check_number
from licodec.errors import ImageError


def check_region(
    region: tuple[int, int, int, int] | None, max_size: int | None, width: int, height: int
) -> Region | None:
    """Check what is wanted of a picture of width x height.

    Raises:
        ImageError: the region is empty or reaches beyond the picture.
        TypeError: max_size is no number, or the region not four whole ones.
        ValueError: max_size below 1, or with a region.
    """
    if max_size is not None:
        check_number("max_size", max_size)
        if not max_size >= 1:  # NaN is not
            raise ValueError(f"max_size is {max_size}, expected 1 or more")
    if region is None:
        return None
    if max_size is not None:
        raise ValueError("region excludes max_size; give one of them")
    try:
        x, y, columns, rows = map(operator.index, region)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"region is {region!r}, expected four whole numbers: left, top, width and height"
        ) from error
    if min(x, y) < 0 or min(columns, rows) < 1 or x + columns > width or y + rows > height:
        raise ImageError(
            f"region {x},{y},{columns},{rows} (left, top, width, height) is empty or reaches "
            f"beyond the picture of {width}x{height} pixels; choose one inside it"
        )
    return Region(x, y, columns, rows)


def cut(plane: np.ndarray, region: Region | None) -> np.ndarray:
    """The region's part of a plane (H, W), or all of it."""
    if region is None:
        return plane
    return plane[region.y : region.y + region.height, region.x : region.x + region.width]


def size_within(width: int, height: int, max_size: int) -> tuple[int, int]:
    """Width and height of a picture that is shrunk until its longer side is max_size at most."""
    factor = min(1.0, max_size / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def downscale(
    pixels: np.ndarray, width: int, height: int, size: tuple[int, int], spacing_px: int = 1
) -> np.ndarray:
    """Make a picture smaller, unless it has the wanted size.

    Args:
        pixels: (h, w, ..) uint8; sample (y, x) is that of the picture's pixel (y, x) * spacing_px.
            Where spacing_px is above 1 the samples go beyond the picture by up to one.
        width, height: of the picture.
        size: width and height of the result.
        spacing_px: 1, or a power of two that leaves at least as many samples.
    """
    if size == (width, height):
        return pixels
    # Where the picture's edges lie between the centres of the samples.
    start = (1 - 1 / spacing_px) / 2
    box = (start, start, start + width / spacing_px, start + height / spacing_px)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, box))
