import math
from types import MappingProxyType

import numpy as np
import pytest

from licodec.evaluate import metrics as module
from licodec.evaluate.measures import MEASURES
from licodec.evaluate.metrics import (
    MAX_PSNR_DB,
    MAX_PX,
    MIN_MS_SSIM_SIDE_PX,
    measure_quality,
    ms_ssim,
    psnr,
)
from licodec.metrics.ssimulacra2 import ssimulacra2

torch = pytest.importorskip("torch")


def grey_picture(height: int, width: int, level: int) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def noisy_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(7)
    smooth = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    first = np.repeat(smooth, 3, axis=2).astype(np.uint8)
    noise = generator.integers(-9, 10, first.shape)
    return first, np.clip(first.astype(int) + noise, 0, 255).astype(np.uint8)


def test_psnr_of_one_level_everywhere_is_48_13_db():
    assert psnr(grey_picture(5, 7, 100), grey_picture(5, 7, 101)) == pytest.approx(
        48.1308, abs=1e-4
    )


def test_psnr_takes_one_mean_over_the_three_channels():
    first = grey_picture(1, 1, 50)
    second = first.copy()
    second[0, 0] = (53, 50, 50)  # squared errors 9, 0, 0: their mean is 3
    assert psnr(first, second) == pytest.approx(10 * math.log10(65025 / 3), abs=1e-12)


def test_psnr_counts_errors_of_both_signs_beyond_the_range_of_uint8():
    white, black = grey_picture(3, 3, 255), grey_picture(3, 3, 0)
    assert psnr(black, white) == psnr(white, black) == pytest.approx(0.0)


def test_psnr_of_equal_pictures_is_the_finite_maximum():
    assert psnr(grey_picture(1, 1, 9), grey_picture(1, 1, 9)) == MAX_PSNR_DB


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(other):
    with pytest.raises(ValueError, match=r"expected uint8|the reference is"):
        psnr(np.zeros((4, 4, 3), np.uint8), other)


def test_ms_ssim_of_equal_pictures_is_one():
    first, _ = noisy_pair(161, 200)
    assert ms_ssim(first, first) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shape", [(160, 400), (400, 160), (1, 1)])
def test_ms_ssim_of_a_small_picture_is_none(shape):
    assert min(shape) < MIN_MS_SSIM_SIDE_PX
    assert ms_ssim(*noisy_pair(*shape)) is None


def test_ms_ssim_agrees_with_a_plain_float64_computation():
    first, second = noisy_pair(181, 166)
    assert ms_ssim(first, second) == pytest.approx(slow_ms_ssim(first, second), abs=2e-5)


def slow_ms_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Wang et al. 2003 in numpy: windowed moments, five scales, halving with zero padding."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    window = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(plane):
        for axis in (0, 1):
            views = np.lib.stride_tricks.sliding_window_view(plane, 11, axis=axis)
            plane = views @ window
        return plane

    def halve(plane):
        odd = [size % 2 for size in plane.shape]
        padded = np.pad(plane, [(extra, extra) for extra in odd])
        padded = padded[: padded.shape[0] // 2 * 2, : padded.shape[1] // 2 * 2]
        return padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).mean(axis=(1, 3))

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    channels = []
    for channel in range(3):
        x, y = (picture[:, :, channel].astype(np.float64) for picture in (first, second))
        product = 1.0
        for scale, weight in enumerate(weights):
            mean_x, mean_y = blur(x), blur(y)
            variance_x, variance_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
            covariance = blur(x * y) - mean_x * mean_y
            term = (2 * covariance + c2) / (variance_x + variance_y + c2)
            if scale == 4:
                term = term * (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
            product *= max(0.0, float(term.mean())) ** weight
            x, y = halve(x), halve(y)
        channels.append(product)
    return float(np.mean(channels))


def test_all_measures_but_psnr_are_taken_where_they_are_asked_for():
    first, second = noisy_pair(170, 190)
    values = measure_quality(first, second, tuple(MEASURES))
    assert set(values) == set(MEASURES) - {"psnr"}
    assert 0 < values["ssimulacra2"] < 100
    assert 0 < values["butteraugli"] < 10
    assert values["ms_ssim"] == ms_ssim(first, second)


def test_cut_pictures_are_scored_at_every_place_of_a_square():
    """Errors within squares from the corner are gone from the halves, but not once it is cut."""
    _, reference = noisy_pair(96, 128)
    means = reference.reshape(48, 2, 64, 2, 3).mean((1, 3), keepdims=True)
    decoded = np.broadcast_to(means, (48, 2, 64, 2, 3)).reshape(reference.shape).astype(np.uint8)
    values = measure_quality(reference, decoded, tuple(MEASURES))
    scores = [
        ssimulacra2(reference[down:, right:].copy(), decoded[down:, right:].copy())
        for down, right in ((0, 1), (1, 3), (2, 0), (3, 2))
    ]
    assert values["ssimulacra2_cut"] == np.mean(scores)
    assert values["ssimulacra2_cut"] < values["ssimulacra2"] - 1


@pytest.mark.parametrize("size", [(10, 40), (40, 10)])
def test_pictures_too_small_to_be_cut_have_no_score_of_it(size):
    values = measure_quality(*noisy_pair(*size), tuple(MEASURES))
    assert values["ssimulacra2_cut"] is None
    assert values["ssimulacra2"] is not None


def test_measures_that_nobody_asked_for_are_none():
    values = measure_quality(*noisy_pair(170, 190), ("butteraugli",))
    assert {name for name, value in values.items() if value is not None} == {"butteraugli"}


def test_measures_of_pictures_too_small_are_none():
    values = measure_quality(*noisy_pair(7, 190), tuple(MEASURES))
    assert set(values.values()) == {None}


def test_pictures_above_a_measures_limit_go_without_it(monkeypatch):
    limits = {**MAX_PX, "ssimulacra2": 16 * 16 - 1}
    monkeypatch.setattr(module, "MAX_PX", MappingProxyType(limits))
    values = measure_quality(*noisy_pair(16, 16), tuple(MEASURES))
    assert values["ssimulacra2"] is None
    assert values["butteraugli"] is not None
