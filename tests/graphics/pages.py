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


def drawn_page() -> np.ndarray:
    """(112, 160, 3) uint8: a photograph in a white frame amid made-up letters."""
    rng = np.random.default_rng(11)
    letters = rng.random((26, 7, 5)) < 0.5
    text = rng.integers(0, 30, (11, 26))  # from 26 on: a blank
    page = np.full((112, 160, 3), 255, np.uint8)
    for row, column in np.argwhere(text < 26).tolist():
        y, x = 10 * row + 2, 6 * column + 1
        page[y : y + 7, x : x + 5][letters[text[row, column]]] = (20, 30, 90)
    page[36:92, 52:132] = 255
    page[40:88, 56:128] = crop(72, 48)
    return page


def outside_photo() -> np.ndarray:
    """(H, W) True where a mixed page shows no photograph."""
    left, top, right, bottom = PHOTO_BOX
    outside = np.ones(mixed_page().shape[:2], np.bool_)
    outside[top:bottom, left:right] = False
    return outside
