"""A checkpoint's range of lambda can be moved; what lies within both ranges stays as it was."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from licodec.train.network import CodecNetwork
from licodec.train.respace import respaced
from licodec.transform.quality import interpolate, knot_weights
from tests.tiny import TINY_FAMILY, TINY_SYNTHESIS

WIDE = replace(TINY_FAMILY, lambda_max=2.0)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = CodecNetwork(TINY_FAMILY, TINY_SYNTHESIS)
    # Straight over the knots, so that no value depends on where they are.
    slope = torch.linspace(0, 1, TINY_FAMILY.num_knots)
    with torch.no_grad():
        network.analysis.quality_bias += slope[:, None] * torch.randn(1, 1)
    return network.state_dict()


def test_the_same_range_changes_nothing(tensors) -> None:
    same = respaced(tensors, TINY_FAMILY.lambda_max, TINY_FAMILY)
    assert all(same[name].equal(tensors[name]) for name in tensors)


def test_a_wider_range_has_the_same_parameters_at_the_same_lambda(tensors) -> None:
    moved = respaced(tensors, TINY_FAMILY.lambda_max, WIDE)
    stretch = math.log(2.0 / TINY_FAMILY.lambda_min) / math.log(
        TINY_FAMILY.lambda_max / TINY_FAMILY.lambda_min
    )
    position = torch.tensor([0.0, 0.4, 0.8])
    knots = TINY_FAMILY.num_knots
    for name in ("analysis.quality_bias", "log_detail_steps", "log_low_steps"):
        before = interpolate(knot_weights(position * stretch, knots), tensors[name])
        after = interpolate(knot_weights(position, knots), moved[name])
        assert after.allclose(before, atol=1e-5), name


def test_a_wider_range_goes_on_straight_beyond_the_old_end(tensors) -> None:
    moved = respaced(tensors, TINY_FAMILY.lambda_max, WIDE)
    steps = moved["log_detail_steps"]
    assert (steps[-1] - steps[-2]).allclose(steps[1] - steps[0], atol=1e-5)


def test_lambdas_and_steps_are_those_of_a_network_of_that_range(tensors) -> None:
    moved = respaced(tensors, TINY_FAMILY.lambda_max, WIDE)
    own = CodecNetwork(WIDE, TINY_SYNTHESIS).state_dict()
    for name in ("rd_lambdas", "log_steps_start"):
        assert moved[name].allclose(own[name], rtol=1e-4)
    assert moved.keys() == own.keys()
