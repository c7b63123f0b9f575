"""Distances against those that libjxl 0.7 gives for the same pictures, stored in figures.json."""

import json

import numpy as np
import pytest
import torch

from licodec.metrics.butteraugli import butteraugli
from licodec.metrics.malta import DENSE, SPARSE, line_energy
from tests.metrics.distortions import DISTORTIONS, PICTURES, spoilt_pair
from tests.metrics.libjxl import parse_tool_output
from tests.metrics.make_figures import FIGURES
from tests.photos import crop

TOLERANCE = 0.001  # of the distance


@pytest.mark.parametrize("distortion", DISTORTIONS)
@pytest.mark.parametrize("picture", PICTURES)
def test_distances_are_those_of_libjxl(picture: str, distortion: str) -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    expected = figures[f"{picture} {distortion}"]
    assert butteraugli(*spoilt_pair(picture, distortion)) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("picture", PICTURES)
def test_equal_pictures_have_distance_0(picture: str) -> None:
    pixels = PICTURES[picture]()
    assert butteraugli(pixels, pixels.copy()) == 0


def test_distances_grow_with_the_error() -> None:
    reference = crop(96, 96)
    noise = np.random.default_rng(3).integers(-1, 2, reference.shape)
    distances = [
        butteraugli(reference, np.clip(reference + strength * noise, 0, 255).astype(np.uint8))
        for strength in (0, 1, 3, 8, 20, 60)
    ]
    assert distances == sorted(distances)


def test_a_visible_step_counts_more_than_the_same_energy_as_noise() -> None:
    reference = np.full((64, 64, 3), 120, np.uint8)
    step, noise = reference.copy(), reference.copy()
    step[:, 32:] += 2
    noise[::2, ::2] += 4
    assert butteraugli(reference, step) > butteraugli(reference, noise)


@pytest.mark.parametrize("shape", [(7, 64), (64, 7), (1, 1)])
def test_pictures_with_a_side_below_8_px_have_no_distance(shape: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert butteraugli(pixels, pixels) is None


def test_black_against_white_stays_finite() -> None:
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    assert 10 < butteraugli(black, white) < 1e4
    assert 10 < butteraugli(white, black) < 1e4


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((9, 10, 3), np.uint8),
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8|the reference is"):
        butteraugli(np.zeros((9, 9, 3), np.uint8), other)


def test_a_line_of_equal_differences_has_more_energy_than_the_same_ones_scattered() -> None:
    line, scattered = torch.zeros(21, 21), torch.zeros(21, 21)
    line[10, 6:15] = 1
    scattered[::9, 2::6] = 1
    scattered = scattered * (9 / scattered.sum())
    for lines in (DENSE, SPARSE):
        assert float(line_energy(line, lines).max()) > float(line_energy(scattered, lines).max())


def test_one_difference_has_the_energy_of_sixteen_lines_at_its_place() -> None:
    dot = torch.zeros(9, 9)
    dot[4, 4] = 3
    for lines in (DENSE, SPARSE):
        assert float(line_energy(dot, lines)[4, 4]) == pytest.approx(16 * 9)


def test_strips_leave_no_seam() -> None:
    differences = torch.from_numpy(np.random.default_rng(4).random((300, 20), np.float32))
    whole = line_energy(differences, SPARSE)
    below = line_energy(differences[200:], SPARSE)
    assert torch.allclose(whole[204:], below[4:], rtol=1e-5)


def test_the_tools_output_is_understood() -> None:
    assert parse_tool_output("3.0415279865\n3-norm: 1.406550\n") == 1.40655
    with pytest.raises(ValueError, match="printed no 3-norm"):
        parse_tool_output("")
