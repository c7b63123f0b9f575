"""Pages that tests draw: text alone, and text around a photograph."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.photos import crop

PHOTO_BOX = (70, 44, 166, 124)  # left, top, right, bottom in pixels


def text_page(width: int = 240, height: int = 160) -> np.ndarray:
    """(H, W, 3) uint8: lines of small black text on white."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for line in range(-(-height // 13)):
        text = "".join(chr(97 + (7 * line + i * i) % 26 - 65 * (i % 6 == 5)) for i in range(90))
        draw.text((3, 2 + 13 * line), text, fill=(20, 20, 20))
    return np.asarray(image)


def mixed_page() -> np.ndarray:
    """(H, W, 3) uint8: the text page with a photograph at PHOTO_BOX."""
    left, top, right, bottom = PHOTO_BOX
    page = text_page().copy()
    page[top:bottom, left:right] = crop(right - left, bottom - top)
    return page


def outside_photo() -> np.ndarray:
    """(H, W) True where a mixed page shows no photograph."""
    left, top, right, bottom = PHOTO_BOX
    outside = np.ones(mixed_page().shape[:2], np.bool_)
    outside[top:bottom, left:right] = False
    return outside
