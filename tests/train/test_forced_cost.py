"""The cached stage charges what real coding does, with the gradients of what it charges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.prior.decision import quantize_dead_zone, quantize_rounding
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.logistic import logistic_bits
from licodec.prior.qat import nearest, round_to_integers
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.train import forced_cost
from licodec.train.cache_folder import CacheFolder
from licodec.train.forced_cost import _Cost, forced_costs
from licodec.train.network import CodecNetwork
from licodec.train.precision import training_autocast
from licodec.train.prior_crops import CropCache, record
from licodec.transform.quality import knot_weights
from tests.photos import crop
from tests.tiny import RICH_FAMILY, TINY_FAMILY, rgb_batch, tiny_network


class FixedCrops(np.random.Generator):
    """Draws every crop once, in order."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def integers(self, low, high, size):
        return np.arange(low, high)[:size]


SIZE = (2, 3, 4, 5)  # crops, channels, rows, columns


def drawn(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outputs of a head, values in steps, what was quantised away, log scales."""
    random = torch.Generator().manual_seed(seed)
    count, channels, *grid = SIZE
    out = torch.randn(count, 2 * channels, *grid, generator=random)
    values = 2 * torch.randn(SIZE, generator=random)
    off = torch.randint(-40, 41, SIZE, generator=random, dtype=torch.int8)
    return out, values.half(), off, torch.randn(count, channels, generator=random)


def by_definition(out: Tensor, values: Tensor, off: Tensor, base: Tensor) -> Tensor:
    """(N,) what `_Cost` has to give and to be differentiated as."""
    values, scales = values.float(), base[:, :, None, None]
    raw, correction = out.chunk(2, 1)
    mean = nearest(raw * (0.5 + scales.exp()), 2.0**VALUE_BITS)
    bits, quantised = quantize_dead_zone(values, mean, correction + scales)
    is_coded = (quantised - mean).detach().abs() > 0.5
    # Where nothing is coded the mean of the decoded value is held, not followed.
    decoded = torch.where(is_coded, quantised, quantised - mean + mean.detach())
    error = (decoded - values).square()
    held = (mean - (values - off / 64)).square()
    held = torch.where(is_coded, 0.0, held - held.detach())  # gradient alone
    return bits + BITS_PER_SQUARED_STEP * (error + held).flatten(1).sum(1)


@pytest.mark.parametrize("block", [7, 30, 1 << 15])
def test_cost_of_a_step_and_its_gradients_are_those_of_the_definition(block, monkeypatch):
    monkeypatch.setattr(forced_cost, "_BLOCK", block)
    out, values, off, base = drawn(seed=1)
    results = []
    for cost in (lambda *x: _Cost.apply(*x, True)[0], by_definition):
        outputs, scales = out.clone().requires_grad_(), base.clone().requires_grad_()
        each = cost(outputs, values, off, scales)
        (each * torch.tensor([1.0, 3.0])).sum().backward()
        results.append((each.detach(), outputs.grad, scales.grad))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_bits_and_errors_of_a_step_are_told_apart():
    out, values, off, base = drawn(seed=2)
    cost, bits, errors = _Cost.apply(out, values, off, base, False)
    torch.testing.assert_close(cost, bits + BITS_PER_SQUARED_STEP * errors.sum(1))
    scales = base[:, :, None, None]
    raw, correction = out.chunk(2, 1)
    mean = torch.round(raw * (0.5 + scales.exp()) * 32) / 32
    residual = values.float() - mean
    symbols = residual.round()
    expected = logistic_bits(symbols, correction + scales).flatten(1).sum(1)
    torch.testing.assert_close(bits, expected, rtol=2e-3, atol=1e-3)  # rare symbols, in float32
    torch.testing.assert_close(errors, (residual - symbols).square().sum((2, 3)))


@pytest.mark.parametrize("family", [TINY_FAMILY, RICH_FAMILY])
@pytest.mark.parametrize("quantizer", ["dead-zone", "rounding"])
def test_crops_cost_what_their_own_prior_pays_when_it_codes_them(family, quantizer, tmp_path):
    network = tiny_network(3, family)
    round_to_integers(network, on=True)
    quantize = {"dead-zone": quantize_dead_zone, "rounding": quantize_rounding}[quantizer]
    rgb, position = rgb_batch([crop(128, 128)] * 2), torch.tensor([0.2, 0.8])
    bits = cached_bits(network, record(network, rgb, position, quantize), quantizer, tmp_path)
    with torch.inference_mode(), training_autocast(rgb.device):
        bpp, _ = network(rgb, position, quantize=quantize)
    # Values of 16 bits are all that the cache takes away.
    torch.testing.assert_close(bits / 128**2, bpp, rtol=3e-3, atol=1e-3)


def cached_bits(network: CodecNetwork, parts: dict, quantizer: str, folder) -> Tensor:
    cache = CropCache(CacheFolder(folder, 1e9), network, 128, quantizer)
    cache._files.append(parts)
    crops = cache.batch(FixedCrops(), 2, 2, torch.device("cpu"))
    weights = knot_weights(crops.position, network.family.num_knots)
    with torch.inference_mode(), training_autocast(torch.device("cpu")):
        total = crops.low_bits.clone()
        costs = forced_costs(network.prior, crops, weights, has_dead_zone=quantizer == "dead-zone")
        for part in costs.values():
            total += part.bits
    return total
