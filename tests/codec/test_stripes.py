"""Fine stripes are found, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.stripes import striped
from tests.photos import crop, fence


@pytest.mark.parametrize("angle", [0, 20, 70, 90])
@pytest.mark.parametrize("period_px", [5.7, 6.4, 7.2])
def test_stripes_are_found(period_px: float, angle: float) -> None:
    assert striped(fence(96, 80, period_px, angle)).min() == 1


def test_only_where_they_are() -> None:
    pixels = crop(160, 96).copy()
    pixels[:, 64:] = fence(96, 96, 6)
    found = striped(pixels)
    assert found.shape == (12, 20)
    assert found[:, 10:].min() == 1
    assert found[:, :6].max() == 0


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64, 3), 90, np.uint8),
        np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8),
        np.where(np.arange(64)[:, None] < 29, 20, 230).repeat(64, 1).astype(np.uint8),
        fence(64, 64, 6, contrast=12),
        fence(64, 64, 16),
        fence(64, 64, 4),
        crop(192, 128, name="coffee", left=200),
    ],
    ids=[
        "flat",
        "noise",
        "one edge",
        "faint stripes",
        "wide stripes",
        "narrow stripes",
        "photograph",
    ],
)
def test_other_pictures_have_none(pixels: np.ndarray) -> None:
    assert striped(pixels).mean() < 0.01


def test_grey_is_as_its_colour() -> None:
    grey = fence(70, 50, 6)[..., 0]
    np.testing.assert_array_equal(striped(grey), striped(grey[..., None].repeat(3, 2)))


def test_columns_are_as_rows() -> None:
    pixels = fence(70, 50, 6, 30)
    np.testing.assert_array_equal(striped(pixels), striped(pixels.transpose(1, 0, 2)).T)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (3, 17), (8, 8)])
def test_small_pictures(height: int, width: int) -> None:
    found = striped(np.zeros((height, width, 3), np.uint8))
    assert found.shape == (-(-height // 8), -(-width // 8))
    assert not found.any()


def test_strips_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = crop(90, 101).copy()
    pixels[20:80, :50] = fence(50, 60, 6, 10)
    whole = striped(pixels)
    assert whole.any()
    monkeypatch.setattr("licodec.codec.stripes._STRIP_PX", 90 * 16)
    np.testing.assert_array_equal(whole, striped(pixels))
