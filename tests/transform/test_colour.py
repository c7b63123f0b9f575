"""The colour transform turns the colour space and stretches nothing."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from licodec.transform.colour import grey_to_luma, luma_to_grey, planes_to_rgb, rgb_to_planes

LEVELS = st.integers(0, 255)


def pixel(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)


@given(first=st.tuples(LEVELS, LEVELS, LEVELS), second=st.tuples(LEVELS, LEVELS, LEVELS))
def test_distance_of_two_colours_is_that_of_their_planes(first, second):
    difference = rgb_to_planes(pixel(*first)) - rgb_to_planes(pixel(*second))
    assert math.isclose(float(difference.norm()), math.dist(first, second), abs_tol=1e-9)


@given(colour=st.tuples(LEVELS, LEVELS, LEVELS))
def test_colour_returns_from_its_planes(colour):
    torch.testing.assert_close(planes_to_rgb(rgb_to_planes(pixel(*colour))), pixel(*colour))


@given(level=LEVELS)
def test_grey_pixel_has_no_chroma_and_the_luma_of_a_grey_picture(level):
    planes = rgb_to_planes(pixel(level, level, level)).flatten()
    assert planes[1:].abs().max() < 1e-9
    luma = grey_to_luma(torch.tensor(float(level), dtype=torch.float64))
    torch.testing.assert_close(planes[0], luma)
    torch.testing.assert_close(luma_to_grey(luma), torch.tensor(float(level), dtype=torch.float64))


def test_planes_of_the_extreme_colours_are_those_computed_by_hand():
    white, red = rgb_to_planes(pixel(255, 255, 255)).flatten(), rgb_to_planes(pixel(255, 128, 128))
    torch.testing.assert_close(white[0], torch.tensor(127 * math.sqrt(3), dtype=torch.float64))
    expected = [127 / math.sqrt(3), 127 / math.sqrt(2), 127 / math.sqrt(6)]
    torch.testing.assert_close(red.flatten(), torch.tensor(expected, dtype=torch.float64))
