"""PSNR of errors that a picture has, and of those that only a training step has."""

import math

import pytest

from licodec.metrics.psnr import finite_psnr_of, psnr_of


@pytest.mark.parametrize(
    ("error", "decibels"), [(255**2, 0.0), (650.25, 20.0), (0.0, math.inf), (math.inf, -math.inf)]
)
def test_error_has_its_decibels(error: float, decibels: float) -> None:
    assert psnr_of(error) == pytest.approx(decibels)


def test_error_that_is_no_number_stays_so() -> None:
    assert math.isnan(psnr_of(math.nan))
    assert math.isnan(finite_psnr_of(math.nan))


def test_exact_picture_has_a_finite_psnr_where_one_is_asked_for() -> None:
    assert 138 < finite_psnr_of(0.0) < 139
    assert finite_psnr_of(650.25) == psnr_of(650.25)
