"""Weights put into other shapes and ranges of lambda compute what they did, or are refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from licodec.config import FamilyConfig
from licodec.train.network import CodecNetwork
from licodec.train.transfer import load_weights, respaced, start_unchanged
from licodec.transform.quality import interpolate, knot_weights
from tests.photos import crop
from tests.tiny import NETS, RICH_FAMILY, TINY_FAMILY, TINY_SYNTHESIS, rgb_batch, tiny_network

WIDE = replace(TINY_FAMILY, lambda_max=2.0)
LARGER = replace(
    RICH_FAMILY,
    widths=dict.fromkeys(NETS, 24),
    depths=dict.fromkeys(NETS, 4),
    head_widths=dict.fromkeys(NETS, 20),
)


def grown(family: FamilyConfig, small: CodecNetwork) -> tuple[CodecNetwork, list[str]]:
    """A network of a family with the weights of another put into it; what did not fit."""
    torch.manual_seed(6)
    network = CodecNetwork(family, TINY_SYNTHESIS)
    old, own = small.state_dict(), network.state_dict()
    fitting = {k: v for k, v in old.items() if own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
    return network.eval(), start_unchanged(network, sorted(set(own) - set(fitting)), old)


@pytest.mark.parametrize("family", [LARGER, RICH_FAMILY, replace(LARGER, carries_hidden=False)])
def test_grown_prior_computes_what_the_small_one_did(family):
    small = tiny_network(seed=2)
    torch.nn.init.normal_(small.prior.net(3).quality_bias)
    larger, refused = grown(family, small)
    assert refused == []
    rgb, position = rgb_batch([crop(128, 128)] * 2), torch.tensor([0.3, 0.8])
    with torch.inference_mode():
        for got, expected in zip(larger(rgb, position), small(rgb, position), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_new_units_of_a_grown_prior_learn():
    larger, _ = grown(LARGER, tiny_network(seed=2))
    bits, _ = larger(rgb_batch([crop(64, 64)]), torch.tensor([0.5]))
    bits.sum().backward()
    out = larger.prior.net(1).heads[1].out.weight
    assert out.grad[:, 16:].abs().max() > 0  # of hidden units that are new
    assert larger.prior.net(2).blocks[2].weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    "family",
    [
        replace(TINY_FAMILY, widths=dict.fromkeys(NETS, 8)),
        replace(TINY_FAMILY, head_widths=dict.fromkeys(NETS, 8)),
    ],
)
def test_prior_does_not_grow_into_a_narrower_one(family):
    _, refused = grown(family, tiny_network(seed=2))
    assert refused
    assert all(name.startswith("prior.nets.") for name in refused)


def test_plain_prior_is_not_what_a_rich_one_grows_into():
    _, refused = grown(replace(LARGER, has_magnitudes=False), tiny_network(2, RICH_FAMILY))
    assert "prior.nets.fine.first.weight" in refused


def test_loading_what_matches_names_what_does_not():
    network = torch.nn.ModuleDict(
        {"prior": torch.nn.Linear(2, 3), "synthesis": torch.nn.Linear(3, 1)}
    )
    state = {"prior.weight": torch.ones(3, 2), "prior.bias": torch.ones(4), "x": torch.ones(1)}
    assert load_weights(network, state, with_synthesis=False) == ["prior.bias"]
    assert network["prior"].weight.tolist() == [[1, 1]] * 3
    both = ["prior.bias", "synthesis.bias", "synthesis.weight"]
    assert load_weights(network, state, with_synthesis=True) == both


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
