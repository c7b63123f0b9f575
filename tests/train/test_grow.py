"""A prior that grows computes what it did; one that cannot is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from licodec.config import FamilyConfig
from licodec.train.network import CodecNetwork
from tests.photos import crop
from tests.tiny import NETS, RICH_FAMILY, TINY_FAMILY, TINY_SYNTHESIS, rgb_batch, tiny_network

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
    return network.eval(), network.start_unchanged(sorted(set(own) - set(fitting)), old)


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
