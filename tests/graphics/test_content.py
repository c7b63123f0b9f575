"""Drawings are told from photographs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from licodec.graphics.content import colour_codes, count_colours, looks_drawn
from tests.photos import crop


def page(mode: str = "RGB") -> np.ndarray:
    image = Image.new("RGB", (200, 120), "white")
    draw = ImageDraw.Draw(image)
    for line in range(7):
        draw.text((6, 4 + 16 * line), "The quick brown fox jumps over it", fill=(20, 30, 90))
    return np.asarray(image.convert(mode))


def is_drawn(pixels: np.ndarray) -> bool:
    return looks_drawn(colour_codes(pixels), is_grey=pixels.ndim == 2)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_text_is_drawn(mode):
    assert is_drawn(page(mode))


def test_photographs_are_not_drawn():
    photo = crop(200, 120)
    assert not is_drawn(photo)
    assert not is_drawn(photo[:, :, 1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (9, 1), (1, 9, 3)])
def test_smallest_pictures_are_drawn_if_they_are_flat(shape):
    assert is_drawn(np.zeros(shape, np.uint8))


def test_colours_are_counted_once():
    pixels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 0]]], np.uint8)
    assert colour_codes(pixels).tolist() == [[0, 0xFFFFFF, 0xFF0000, 0]]
    assert count_colours(colour_codes(pixels)) == 3
