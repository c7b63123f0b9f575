"""A prior with magnitudes, a carried hidden state and 7-bit weights is as exact as a plain one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from licodec.prior.layout import detail_steps
from licodec.prior.load import reference_prior
from licodec.prior.qat import round_to_integers
from licodec.train.integer_loss import integer_loss
from licodec.train.integer_synthesis import arrays_of
from licodec.train.network import CodecNetwork
from tests.photos import crop
from tests.prior.tracing import RandomSymbols
from tests.tiny import RICH_FAMILY, tiny_family, tiny_network, tiny_tensors

HEIGHT, WIDTH = 200, 333  # off the padding grid in both directions


@pytest.fixture(scope="module")
def network() -> CodecNetwork:
    return tiny_network(4, RICH_FAMILY)


@pytest.fixture(scope="module")
def tensors(network: CodecNetwork) -> dict[str, Tensor]:
    return tiny_tensors(network)


def trace(tensors: dict[str, Tensor], carrier: torch.dtype, is_grey: bool) -> list[int]:
    code = RandomSymbols(seed=8)
    prior = reference_prior(arrays_of(tensors), carrier)
    planes = prior.planes(140, HEIGHT, WIDTH, is_grey=is_grey, code=code).whole()
    return [*code.checksums, hash(planes.tobytes())]


@pytest.mark.parametrize("is_grey", [False, True])
def test_means_and_indices_do_not_depend_on_carrier_or_strips(is_grey, tensors, monkeypatch):
    exact = trace(tensors, torch.float64, is_grey)
    assert trace(tensors, torch.float32, is_grey) == exact
    monkeypatch.setattr("licodec.prior.strips.STRIP_POSITIONS", 64)
    assert trace(tensors, torch.float32, is_grey) == exact


@pytest.mark.parametrize("quality_index", [128, 220])
def test_integers_code_what_training_on_integers_sees(quality_index):
    network = tiny_network(4, RICH_FAMILY)
    family = tiny_family(network)
    round_to_integers(network, on=True)
    assert abs(integer_loss(network, family, [crop(192, 256)], quality_index)) < 0.01


def test_weights_have_seven_bits(tensors):
    weights = [t for k, t in tensors.items() if ".weight" in k]
    assert max(int(w.abs().max()) for w in weights) <= 64
    assert any(int(w.abs().max()) > 32 for w in weights)


@pytest.mark.parametrize("convolution", [1, 2])
def test_what_is_known_and_what_is_carried_reach_the_next_head(convolution, tensors):
    """Without the weights of either, other means and indices come out."""
    name = f"net.fine.head1.in.weight{convolution}"
    deaf = tensors | {name: torch.zeros_like(tensors[name])}
    whole, without = trace(tensors, torch.float32, False), trace(deaf, torch.float32, False)
    # Three steps of the low-pass, two of level 6, four of levels 5 to 2, the first of level 1.
    num_before = 3 + sum(len(detail_steps(level)) for level in range(6, 1, -1)) + 1
    assert whole[:num_before] == without[:num_before]
    assert whole[num_before] != without[num_before]
