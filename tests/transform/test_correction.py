"""Quality weights, and the learned correction: small at first, local, the same in strips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from licodec.codec.pixels import Corrector, corrected_rows
from licodec.transform.colour import grey_to_luma
from licodec.transform.correction import Correction
from licodec.transform.quality import interpolate, knot_weights, log_steps_start

KNOTS = 3
WEIGHTS = knot_weights(torch.tensor([0.4]), KNOTS)
STEP_PX = torch.tensor([10.0])


def random_correction(
    seed: int, num_blocks: int = 1, fine_blocks: int = 0, patch_px: int = 8
) -> Correction:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Correction(
            width=16,
            num_blocks=num_blocks,
            num_knots=KNOTS,
            patch_px=patch_px,
            fine_width=8,
            fine_blocks=fine_blocks,
        )
    return net.eval().requires_grad_(False)


def random_planes(seed: int, height: int, width: int) -> torch.Tensor:
    return torch.randn(3, height, width, generator=torch.Generator().manual_seed(seed)) * 60


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0.0, [1, 0, 0]),
        (0.25, [0.5, 0.5, 0]),
        (0.5, [0, 1, 0]),
        (0.9, [0, 0.2, 0.8]),
        (1.0, [0, 0, 1]),
    ],
)
def test_quality_is_shared_by_its_two_neighbouring_knots(position, expected):
    weights = knot_weights(torch.tensor([position], dtype=torch.float64), 3)[0]
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float64))


def test_interpolation_mixes_rows_of_any_shape():
    table = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]])
    mixed = interpolate(torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]), table)
    assert mixed.tolist() == [[[2.0, 3.0]], [[5.0, 6.0]]]


def test_starting_step_balances_the_slopes_of_rate_and_distortion():
    # d/d(step) of lambda step^2 / 12 for three planes a pixel = -d/d(step) of log2(1 / step) bits.
    rd_lambda = 0.01
    step = math.exp(float(log_steps_start(torch.tensor(rd_lambda, dtype=torch.float64))))
    slope_of_error = rd_lambda / 3 * 2 * step / 12
    slope_of_bits = 1 / (step * math.log(2))
    assert slope_of_error == pytest.approx(slope_of_bits)


@pytest.mark.parametrize("fine_blocks", [0, 1])
def test_untrained_correction_moves_pixels_by_less_than_a_step(fine_blocks):
    planes = random_planes(0, 64, 64)
    moved = random_correction(0, 1, fine_blocks)(planes[None], WEIGHTS, STEP_PX)[0] - planes
    assert 0 < float(moved.abs().max()) < float(STEP_PX)


@pytest.mark.parametrize(("num_blocks", "fine_blocks"), [(0, 0), (1, 0), (2, 0), (1, 1), (0, 2)])
def test_correction_of_a_patch_depends_on_no_patch_beyond_the_halo(num_blocks, fine_blocks):
    net = random_correction(1, num_blocks, fine_blocks)
    planes = random_planes(1, 8 * 20, 8)
    reach = 8 * net.halo_patches
    changed = planes.clone()
    changed[:, :8] += 50
    before, after = (net(p[None], WEIGHTS, STEP_PX)[0] for p in (planes, changed))
    assert after[:, 8 + reach :].equal(before[:, 8 + reach :])
    assert not after[:, 8 : 8 + reach].equal(before[:, 8 : 8 + reach])


@pytest.mark.parametrize(("patch_px", "fine_blocks"), [(8, 0), (8, 2), (2, 0)])
@pytest.mark.parametrize("heights", [[16] * 8, [8] * 16, [64, 8, 56], [112, 16], [8, 120]])
def test_correction_of_strips_is_that_of_the_whole_picture(patch_px, fine_blocks, heights):
    net = random_correction(2, 2, fine_blocks, patch_px)
    corrector = Corrector(net, WEIGHTS, STEP_PX, torch.device("cpu"))
    planes = random_planes(2, 128, 64)
    whole = corrector.start()(planes, is_last=True)
    assert whole.shape == planes.shape
    push = corrector.start()
    strips = planes.split(heights, 1)
    parts = [push(strip, is_last=i == len(strips) - 1) for i, strip in enumerate(strips)]
    # Kernels may add in another order for another height: the last bit of float32 differs.
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0)


def test_strip_leaves_out_no_more_rows_than_the_reach():
    net = random_correction(2, 2, 2)
    push = Corrector(net, WEIGHTS, STEP_PX, torch.device("cpu")).start()
    given = push(random_planes(3, 128, 64), is_last=False).shape[1]
    assert 128 - given == 8 * (1 + 4) + 2 * (1 + 4) <= 8 * net.halo_patches


@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_rows_without_correction_are_the_picture_with_its_last_row_and_column_repeated(
    height, width
):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width)).astype(np.uint8)
    last = -(-height // 64) * 64
    (planes,) = corrected_rows(pixels, lambda planes, is_last: planes)
    padded = np.pad(pixels, ((0, last - height), (0, -width % 64)), mode="edge")
    assert planes[0].equal(grey_to_luma(torch.from_numpy(padded).float()))
    assert not planes[1:].any()


def test_complexity_is_the_number_of_weights_per_pixel_of_a_patch():
    net = Correction(width=128, num_blocks=2, num_knots=9)
    weights = 192 * 128 * 9 + 4 * 128 * 128 * 9 + 128 * 192
    assert net.kmac_per_px == pytest.approx(weights / 64 / 1000)


def test_patches_of_2x2_add_their_complexity():
    net = Correction(width=128, num_blocks=2, num_knots=9, fine_width=64, fine_blocks=1)
    coarse = 192 * 128 * 9 + 4 * 128 * 128 * 9 + 128 * 192
    fine = 12 * 64 * 9 + 2 * 64 * 64 * 9 + 64 * 12
    assert net.kmac_per_px == pytest.approx((coarse / 64 + fine / 4) / 1000)


def test_channel_of_a_patch_counts_planes_then_rows_then_columns():
    net = random_correction(3, 0)
    with torch.no_grad():
        net.out.weight.zero_()
        net.out.bias[2 * 64 + 3 * 8 + 5] = 1  # type: ignore[index]
    moved = net(torch.zeros(1, 3, 16, 16), WEIGHTS, torch.ones(1))
    expected = torch.zeros(1, 3, 16, 16)
    expected[0, 2, 3::8, 5::8] = 1
    assert moved.equal(expected)
