"""The encoder's wavelet in the native library is that of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.codec.padding_reference import padding_slope as reference_slope
from licodec.native import threads
from licodec.native.lifting import padding_slope, split_plane
from licodec.transform.grid import band_norm
from licodec.transform.wavelet import analyse_level


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).normal(0, 40, (height, width)).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 64), (64, 2), (200, 130), (54, 1000)])
def test_levels_are_those_of_torch_on_every_instruction_set(height, width, libraries):
    plane = noise(height, width)
    low, details = analyse_level(torch.from_numpy(plane)[None, None])
    found = [split_plane(plane, library) for library in libraries]
    for one in found:
        np.testing.assert_allclose(one[0], low[0, 0].numpy(), atol=1e-3)
        np.testing.assert_allclose(one[1], details[0, 0].numpy(), atol=1e-3)
        np.testing.assert_array_equal(one[0], found[0][0])
        np.testing.assert_array_equal(one[1], found[0][1])


@pytest.mark.parametrize("number", [2, 3, 7])
@pytest.mark.usefixtures("restored_threads")
def test_threads_change_nothing_and_rows_may_lie_apart(number, libraries, monkeypatch):
    plane = noise(150, 300)
    threads.set_num_threads(1)
    expected = split_plane(plane, libraries[-1])
    monkeypatch.setattr(threads, "_MIN_POSITIONS", 1)
    threads.set_num_threads(number)
    apart = np.zeros((150, 400), np.float32)[:, 100:]
    apart[:] = plane
    for one, other in zip(split_plane(apart, libraries[-1]), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def torch_slope(plane: np.ndarray, height: int, width: int, norms: np.ndarray) -> np.ndarray:
    """The same by automatic differentiation."""
    x = torch.from_numpy(plane).clone().requires_grad_(True)
    low, total = x[None, None], torch.zeros(())
    for level, norm in enumerate(torch.from_numpy(norms), 1):
        low, details = analyse_level(low)
        weighed = details[0, 0] * norm[:, None, None]
        weighed[:, : -(-height >> level), : -(-width >> level)] = 0
        total = total + weighed.square().sum() / 2
    total.backward()
    assert x.grad is not None
    x.grad[:height, :width] = 0
    return x.grad.numpy()


@pytest.mark.parametrize("levels", [1, 3, 6])
@pytest.mark.parametrize(("height", "width"), [(100, 90), (128, 70), (0, 100), (65, 192)])
def test_slope_is_that_of_the_wavelet_and_the_same_on_numpy(
    height: int, width: int, levels: int, libraries
):
    plane = np.random.default_rng(levels).normal(0, 40, (128, 192)).astype(np.float32)
    norms = np.array(
        [[band_norm(level, band) for band in range(3)] for level in range(1, levels + 1)],
        np.float32,
    )
    expected = reference_slope(plane, height, width, norms)
    for library in libraries:
        found = padding_slope(plane, height, width, norms, library)
        np.testing.assert_array_equal(found, expected)
    by_torch = torch_slope(plane, height, width, norms)
    np.testing.assert_allclose(expected, by_torch, atol=1e-5 * np.abs(expected).max())


def test_sizes_that_the_wavelet_does_not_have_are_refused(libraries):
    with pytest.raises(ValueError, match="refuses its arguments"):
        split_plane(noise(5, 4), libraries[0])
    with pytest.raises(ValueError, match="expected float32 rows"):
        split_plane(noise(4, 8)[:, ::2], libraries[0])
    norms = np.ones((3, 3), np.float32)
    with pytest.raises(ValueError, match="refuses its arguments"):
        padding_slope(noise(12, 16), 3, 3, norms, libraries[0])
