"""The learning rate over a run, and the running loss that weighs the qualities alike."""

from __future__ import annotations

import math

import pytest
import torch

from licodec.train.schedule import RunningLoss, rate_factor


@pytest.mark.parametrize(
    ("share", "step", "expected"),
    [
        (0.0, 0, 0.01),
        (0.1, 49, 0.5),
        (0.1, 99, 1.0),
        (0.29, 10**6, 1.0),
        (0.65, 10**6, 0.505),
        (1.0, 10**6, 0.01),
        (1.7, 10**6, 0.01),
    ],
)
def test_rate_warms_up_stays_and_falls_to_a_hundredth(share, step, expected):
    assert rate_factor(share, step) == pytest.approx(expected)


def test_rate_never_rises_after_the_warm_up():
    rates = [rate_factor(i / 200, 500) for i in range(201)]
    assert rates == sorted(rates, reverse=True)


def test_first_losses_of_a_knot_give_their_plain_mean_and_leave_the_others():
    running = RunningLoss(2)
    for loss in (1.0, 2.0, 6.0):
        running.update(torch.tensor([loss]), torch.tensor([[1.0, 0.0]]))
    assert running.mean.tolist() == pytest.approx([3.0, 0.0])
    assert running.at(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).tolist() == pytest.approx([3, 1e-3])


def test_sample_between_two_knots_counts_for_both():
    running = RunningLoss(2)
    running.update(torch.tensor([4.0, 8.0]), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
    assert running.weight.tolist() == pytest.approx([0.5, 1.5])
    assert float(running.mean[1]) == pytest.approx((0.5 * 4 + 8) / 1.5)


def test_old_losses_fade_over_about_fifty_samples():
    running = RunningLoss(1)
    for loss in [10.0] * 200 + [1.0] * 200:
        running.update(torch.tensor([loss]), torch.ones(1, 1))
    assert 1.0 < float(running.mean[0]) < 1.0 + 9 * 0.02  # 0.98^200 = 0.018


def test_loss_that_is_not_finite_leaves_the_means_alone():
    running = RunningLoss(2)
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    running.update(torch.tensor([2.0, math.nan, math.inf]), weights)
    assert running.mean.tolist() == pytest.approx([2.0, 0.0])
    assert running.weight.tolist() == [1.0, 0.0]
