"""The wavelet inverts, is close to orthonormal once weighted, and its integers stay close."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from licodec.transform.grid import GRID_PX, NUM_BANDS, NUM_LEVELS, band_norm
from licodec.transform.wavelet import analyse, analyse_level, synthesise_level, synthesise_values

# Filters of the CDF 9/7 pair as JPEG 2000 prints them (ITU-T T.800, table F.4), centre first.
LOW_TAPS = (0.602949018236, 0.266864118443, -0.078223266529, -0.016864118443, 0.026748757411)
HIGH_TAPS = (1.115087052457, -0.591271763114, -0.057543526229, 0.091271763114)

UNIT_STEPS = torch.full((1, 3), 256, dtype=torch.int32)  # the values are the details themselves


def random_planes(seed: int, *shape: int) -> torch.Tensor:
    """Float64 grey levels in -222 .. 222."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1) * 222


def synthesise(low: torch.Tensor, details: list[torch.Tensor]) -> torch.Tensor:
    for detail in reversed(details):
        low = synthesise_level(low, detail)
    return low


def filtered(line: torch.Tensor, taps: tuple[float, ...], at: int) -> float:
    """One output of a symmetric filter, the line mirrored at its ends without repetition."""
    period = 2 * (len(line) - 1)
    total = 0.0
    for k in range(-len(taps) + 1, len(taps)):
        i = (at + k) % period
        total += taps[abs(k)] * float(line[min(i, period - i)])
    return total


@given(rows=st.integers(1, 20), columns=st.integers(1, 20), seed=st.integers(0, 99))
def test_one_level_of_float_synthesis_inverts_the_analysis(rows, columns, seed):
    planes = random_planes(seed, 1, 2, 2 * rows, 2 * columns)
    torch.testing.assert_close(synthesise_level(*analyse_level(planes)), planes)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 2), (6, 7)])
def test_gradient_of_the_synthesis_is_that_of_its_differences(height, width):
    low = random_planes(0, 2, 3, height, width).requires_grad_()
    details = random_planes(1, 2, 3, 3, height, width).requires_grad_()
    assert torch.autograd.gradcheck(synthesise_level, (low, details))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 256), (192, 128)])
def test_all_levels_of_float32_synthesis_return_the_picture_within_a_thousandth(height, width):
    planes = random_planes(3, 2, 3, height, width).float()
    low, details = analyse(planes)
    assert low.shape == (2, 3, height // GRID_PX, width // GRID_PX)
    assert [d.shape[3] for d in details] == [height >> lv for lv in range(1, NUM_LEVELS + 1)]
    torch.testing.assert_close(synthesise(low, details), planes, atol=1e-3, rtol=0)


def test_lifting_is_the_filter_pair_of_jpeg_2000():
    line = random_planes(7, 34)
    low, details = analyse_level(line.expand(2, 34)[None, None])
    # Columns are constant. The details miss the factor 1 / 1.230174 that the low-pass along y makes
    # up for; lifting factors of 10 bits cost up to a hundredth of the range.
    for i in range(17):
        assert low[0, 0, 0, i] == pytest.approx(filtered(line, LOW_TAPS, 2 * i), abs=2)
        high = filtered(line, HIGH_TAPS, 2 * i + 1)
        assert details[0, 0, 0, 0, i] == pytest.approx(high, abs=2)


def test_flat_picture_keeps_its_level_in_the_low_pass_and_has_nearly_no_details():
    low, details = analyse(torch.full((1, 1, 64, 128), 100.0, dtype=torch.float64))
    # Lifting factors have 10 bits, which costs half a per cent per level.
    assert torch.all((low - 100).abs() < 3)
    assert max(float(d.abs().max()) for d in details) < 0.25


def test_weighted_bands_of_white_noise_have_its_energy():
    noise = torch.randn(
        1, 1, 1024, 1024, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )
    low, details = analyse(noise)
    total = float((low * band_norm(NUM_LEVELS, 3)).square().sum())
    for level, detail in enumerate(details, 1):
        for band in range(NUM_BANDS):
            weighted = detail[0, 0, band] * band_norm(level, band)
            total += float(weighted.square().sum())
            if level <= 4:  # coarser bands have too few elements to measure
                assert float(weighted.std()) == pytest.approx(1, abs=0.13)
    assert total == pytest.approx(float(noise.square().sum()), rel=0.05)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("band", [0, 1, 2, 3])
def test_error_in_a_coefficient_is_an_error_of_its_norm_in_the_picture(level, band):
    generator = torch.Generator().manual_seed(10 * level + band)
    sides = [512 >> lv for lv in range(1, level + 1)]
    errors = torch.randn(sides[-1], sides[-1], generator=generator, dtype=torch.float64)
    low = torch.zeros(1, 1, sides[-1], sides[-1], dtype=torch.float64)
    details = [torch.zeros(1, 1, 3, n, n, dtype=torch.float64) for n in sides]
    (low[0, 0] if band == 3 else details[-1][0, 0, band]).copy_(errors)
    energy = float(synthesise(low, details).square().sum() / errors.square().sum())
    assert energy**0.5 == pytest.approx(band_norm(level, band), rel=0.1)


@pytest.mark.parametrize("seed", range(8))
def test_integer_synthesis_stays_within_6_64ths_per_level_and_24_in_all(seed):
    generator = torch.Generator().manual_seed(seed)

    def integers(limit: int, *shape: int) -> torch.Tensor:
        return torch.randint(-limit, limit, shape, generator=generator, dtype=torch.int32)

    low = integers(222 * 64, 2, 4, 5)
    exact = low.double()[None]
    for _ in range(NUM_LEVELS):
        details = integers(60 * 64, 2, 3, *low.shape[1:])
        level = synthesise_level(low.double()[None], details.double()[None])
        exact = synthesise_level(exact, details.double()[None])
        low = synthesise_values(low, details, UNIT_STEPS, 4)
        assert low.dtype == torch.int32
        assert float((low - level[0]).abs().max()) <= 6
    assert float((low - exact[0]).abs().max()) <= 24


def test_integer_synthesis_of_values_beyond_any_picture_wraps_and_returns():
    low = torch.full((1, 2, 3), 2**31 - 1, dtype=torch.int32)
    details = torch.full((1, 3, 2, 3), -(2**31), dtype=torch.int32)
    assert synthesise_values(low, details, UNIT_STEPS, 4).shape == (1, 4, 6)
