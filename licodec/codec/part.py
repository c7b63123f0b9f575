"""What part or size of a picture is wanted goes in, checked; planes cut or shrunk to it come out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from licodec.codec.pixels import Region
from licodec.errors import ImageError


def region_of(
    region: tuple[int, int, int, int] | None, max_size: int | None, width: int, height: int
) -> Region | None:
    """Check what is wanted of a picture of width x height.

    Raises:
        ImageError: the region is empty or reaches beyond the picture.
        ValueError: max_size below 1, or with a region.
    """
    if max_size is not None and max_size < 1:
        raise ValueError(f"max_size is {max_size}, expected 1 or more")
    if region is None:
        return None
    if max_size is not None:
        raise ValueError("region excludes max_size; give one of them")
    x, y, columns, rows = region
    if min(x, y) < 0 or min(columns, rows) < 1 or x + columns > width or y + rows > height:
        raise ImageError(
            f"region {x},{y},{columns},{rows} (left, top, width, height) is empty or reaches beyond "
            f"the picture of {width}x{height} pixels; choose one inside it"
        )
    return Region(x, y, columns, rows)


def cut(plane: np.ndarray, region: Region | None) -> np.ndarray:
    """The region's part of a plane (H, W), or all of it."""
    if region is None:
        return plane
    return plane[region.y : region.y + region.height, region.x : region.x + region.width]


def shrink(pixels: np.ndarray, width: int, height: int, max_size: int) -> np.ndarray:
    """Pixels (h, w, ..) uint8 of a picture of width x height, its longer side max_size at most."""
    factor = min(1.0, max_size / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
