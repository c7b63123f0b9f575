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


def fence(
    width: int, height: int, period_px: float, angle: float = 0, *, contrast: float = 90
) -> np.ndarray:
    """(height, width, 3) uint8 stripes, as a camera sees them: without steps.

    Args:
        period_px: from stripe to stripe.
        angle: by which they are turned from upright, degrees.
        contrast: deviation from the mean in grey levels.
    """
    rows, columns = np.mgrid[:height, :width]
    turn = math.radians(angle)
    waves = np.sin(2 * math.pi / period_px * (math.cos(turn) * columns + math.sin(turn) * rows))
    grey = 128 + math.sqrt(2) * contrast * waves
    return grey.round().clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def psnr_db(picture: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures; infinite if they are equal."""
    error = float(np.square(picture.astype(np.float64) - other).mean())
    return 10 * math.log10(255**2 / error) if error else math.inf
