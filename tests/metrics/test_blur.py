"""The blur by blocks against plain sums over the neighbours of each pixel."""

import numpy as np
import pytest
import torch

from licodec.metrics.blur import Border, blur
from licodec.metrics.curves import gaussian


def slow_pass(rows: np.ndarray, kernel: np.ndarray, border: Border) -> np.ndarray:
    """Convolve (H, W) along W, pixel by pixel."""
    radius, width = len(kernel) // 2, rows.shape[1]
    blurred = np.zeros_like(rows)
    for x in range(width):
        weights = 0.0
        for step in range(-radius, radius + 1):
            at = x + step
            if border == "mirror":
                at %= 2 * width
                at = min(at, 2 * width - 1 - at)
            if 0 <= at < width:
                blurred[:, x] += kernel[step + radius] * rows[:, at]
                weights += kernel[step + radius]
        if border == "renormalise":
            blurred[:, x] /= weights
    return blurred


@pytest.mark.parametrize("rows", ["zero", "mirror", "renormalise"])
@pytest.mark.parametrize("columns", ["zero", "mirror", "renormalise"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (33, 5), (64, 32)])
def test_blur_is_the_sum_over_neighbours_for_every_border(
    rows: Border, columns: Border, shape: tuple[int, int]
) -> None:
    planes = np.random.default_rng(2).random((2, *shape))
    taps = gaussian(2.0, 6)
    blurred = blur(torch.from_numpy(planes).float(), torch.from_numpy(taps), rows, columns)
    expected = [slow_pass(slow_pass(plane, taps, rows).T, taps, columns).T for plane in planes]
    assert np.allclose(blurred.numpy(), expected, atol=2e-6)


def test_gaussian_is_symmetric_and_sums_to_one() -> None:
    kernel = gaussian(1.5, 5)
    assert np.array_equal(kernel, kernel[::-1])
    assert float(kernel.sum()) == pytest.approx(1)
    assert float(kernel[6] / kernel[5]) == pytest.approx(np.exp(-1 / 4.5))
