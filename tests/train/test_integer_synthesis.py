"""Quantisation after training: weights within their bounds, roundings made up for."""

from __future__ import annotations

import numpy as np
import torch

from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.train.integer_synthesis import _rounded
from licodec.transform.integer import MAX_WEIGHT, SHORT_WEIGHT
from tests.tiny import tiny_network, tiny_synthesis


def test_weights_at_stride_8_have_seven_bits_and_those_at_stride_2_eight():
    coarse, fine = tiny_synthesis(tiny_network(seed=3)).at(128, NO_FILTER).parts
    for part, most in ((coarse, SHORT_WEIGHT), (fine, MAX_WEIGHT)):
        layers = [part.into, *(layer for block in part.blocks for layer in block)]
        largest = [int(np.abs(layer.weight.astype(int)).max()) for layer in layers]
        assert max(largest) == most


def test_rounding_that_is_made_up_for_is_nearer_than_rounding_alone():
    random = torch.Generator().manual_seed(0)
    mixed = torch.randn(40, 40, generator=random, dtype=torch.float64)
    inputs = mixed @ torch.randn(40, 4000, generator=random, dtype=torch.float64)
    wanted = 6 * torch.randn(8, 40, generator=random, dtype=torch.float64)
    found = _rounded(wanted, inputs @ inputs.t() / 4000, 64)
    assert found.equal(found.round())
    errors = [float(((w - wanted) @ inputs).square().mean()) for w in (found, wanted.round())]
    assert errors[0] < 0.7 * errors[1]
