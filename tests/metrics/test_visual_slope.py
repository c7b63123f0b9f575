"""The slope that encoders follow is that of the visual distortion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec import native
from licodec.metrics.distortion import visual_distortion
from licodec.metrics.phases import PHASES
from licodec.metrics.ssimulacra2_rules import distance_of_sum, slope_of_sum
from licodec.metrics.visual_slope import visual_slope
from tests.photos import crop

CUTS = PHASES[::3]


def worse(pixels: np.ndarray, size: float = 6) -> np.ndarray:
    noise = np.random.default_rng(4).normal(0, size, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("is_native", [False, True])
@pytest.mark.parametrize(("width", "height"), [(19, 19), (90, 70), (21, 133), (272, 288)])
def test_it_is_that_of_the_distortion(width, height, is_native, monkeypatch):
    if not is_native:
        monkeypatch.setattr("licodec.native.find", lambda: None)
    elif native.find() is None:
        pytest.skip("there is no native library")
    original = crop(width, height)
    shown = worse(original)
    found = visual_slope(original, shown, CUTS)
    reference, decoded = (
        torch.from_numpy(x.transpose(2, 0, 1).astype(np.float32))[None] for x in (original, shown)
    )
    decoded.requires_grad_(True)
    visual_distortion(reference, decoded, phases=CUTS).sum().backward()
    expected = decoded.grad[0] * 1.5 * width * height
    assert (torch.from_numpy(found) - expected).norm() < 2e-3 * expected.norm()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (18, 90), (90, 18)])
def test_of_tiny_pictures_it_is_the_error(width, height):
    original = crop(width, height)
    shown = worse(original)
    error = shown.astype(np.float32) - original
    np.testing.assert_array_equal(visual_slope(original, shown, CUTS), error.transpose(2, 0, 1))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_of_flat_and_equal_pictures_it_is_finite(level):
    original = np.full((64, 80, 3), level, np.uint8)
    for shown in (original, worse(original, 1)):
        assert np.isfinite(visual_slope(original, shown, CUTS)).all()
    photograph = crop(80, 64)
    assert abs(visual_slope(photograph, photograph, CUTS)).max() < 1e-6


@pytest.mark.parametrize("total", [0.0, 0.3, 7.0])
def test_slope_of_a_sum_is_that_of_the_distance(total):
    step = 1e-5
    rise = distance_of_sum(total + step) - distance_of_sum(total - step)
    assert slope_of_sum(total) == pytest.approx(rise / (2 * step), rel=1e-6)
