"""Training codes the symbols that encoders choose, with gradients that tell which side pays."""

from __future__ import annotations

import pytest
import torch

from licodec.prior.decision import quantize_dead_zone, quantize_rounding
from licodec.prior.logistic import logistic_bits
from licodec.quantize.dead_zone import choose_magnitude, decision_shifts

BOTH = pytest.mark.parametrize("quantize", [quantize_rounding, quantize_dead_zone])


def samples(number: int = 4000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values from -5 to 5 (1, n), means and log scales of all kinds."""
    random = torch.Generator().manual_seed(0)
    values = torch.linspace(-5, 5, number)[None]
    mean = torch.rand(1, number, generator=random) - 0.5
    return values, mean, torch.rand(1, number, generator=random) * 4 - 3


def test_rounding_takes_the_nearest():
    values, mean, log_scale = samples()
    bits, quantised = quantize_rounding(values, mean, log_scale)
    symbols = torch.round(values - mean)
    torch.testing.assert_close(quantised, mean + symbols)
    torch.testing.assert_close(bits, logistic_bits(symbols, log_scale).sum(1))


def test_dead_zone_takes_what_the_encoder_takes():
    values, mean, log_scale = samples()
    bits, quantised = quantize_dead_zone(values, mean, log_scale)
    residual = values - mean
    zero, one, two = (logistic_bits(torch.full_like(residual, k), log_scale) for k in (0, 1, 2))
    shifts = decision_shifts(one - zero, two - one)
    symbols = torch.copysign(choose_magnitude(residual.abs(), *shifts), residual)
    torch.testing.assert_close(quantised, mean + symbols)
    torch.testing.assert_close(bits, logistic_bits(symbols, log_scale).sum(1))


def test_what_is_sure_to_be_dropped_gets_next_to_no_gradient():
    values = torch.tensor([[0.02, 0.6]], requires_grad=True)
    bits, quantised = quantize_dead_zone(values, torch.zeros(1, 2), torch.full((1, 2), -1.5))
    (of_rate,) = torch.autograd.grad(bits.sum(), values, retain_graph=True)
    (of_value,) = torch.autograd.grad(quantised.sum(), values)
    for slopes in (of_rate, of_value):
        dropped, undecided = slopes[0].tolist()
        assert 0 <= dropped < 0.05 * undecided


@BOTH
def test_values_follow_their_residuals_on_average(quantize):
    values = torch.linspace(-4, 4, 8001)[None].requires_grad_()
    _, quantised = quantize(values, torch.zeros_like(values), torch.zeros_like(values))
    (slopes,) = torch.autograd.grad(quantised.sum(), values)
    assert (slopes >= 0).all()
    assert slopes.mean().item() == pytest.approx(1.0, abs=0.1)


@BOTH
def test_rate_grows_with_the_residual_as_its_bits_do(quantize):
    values = torch.linspace(0, 4, 4001)[None].requires_grad_()
    log_scale = torch.zeros_like(values)
    bits, _ = quantize(values, torch.zeros_like(values), log_scale)
    (slopes,) = torch.autograd.grad(bits.sum(), values)
    first, last = logistic_bits(torch.tensor([0.0, 4.0]), torch.zeros(2)).tolist()
    assert slopes.sum().item() * 4 / 4000 == pytest.approx(last - first, rel=0.1)


@BOTH
def test_scales_get_the_gradient_of_the_symbols_bits(quantize):
    values, mean, log_scale = samples()
    log_scale.requires_grad_()
    bits, quantised = quantize(values, mean, log_scale)
    (got,) = torch.autograd.grad(bits.sum(), log_scale)
    symbols = (quantised - mean).detach().round()
    each = logistic_bits(symbols, log_scale)
    (expected,) = torch.autograd.grad(each.sum(), log_scale)
    is_free = each.detach() < 24
    torch.testing.assert_close(got[is_free], expected[is_free], rtol=1e-4, atol=1e-5)
    assert not got[~is_free].any()
