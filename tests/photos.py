"""Crops of the photographs that the repository ships, and the measure that judges results."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"


def crop(
    width: int,
    height: int,
    mode: str = "RGB",
    *,
    name: str = "coffee",
    left: int = 200,
    top: int = 100,
) -> np.ndarray:
    """(height, width) or (height, width, C) uint8; moved to the left or up where it must be."""
    with Image.open(PHOTOS / f"{name}.png") as image:
        x, y = min(left, image.width - width), min(top, image.height - height)
        assert x >= 0 <= y, "the photograph is smaller than the crop"
        return np.asarray(image.convert(mode).crop((x, y, x + width, y + height)))


def psnr_db(picture: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures; infinite if they are equal."""
    error = float(np.square(picture.astype(np.float64) - other).mean())
    return 10 * math.log10(255**2 / error) if error else math.inf
