"""Training's soft draws agree with the dead zone that encoders use."""

from __future__ import annotations

import torch

from licodec.prior.msp import quantize_dead_zone, quantize_gumbel


def sizes(number: int = 4000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values from -3 to 3 (1, n), means and log scales of all kinds."""
    random = torch.Generator().manual_seed(0)
    values = torch.linspace(-3, 3, number)[None]
    mean = torch.rand(1, number, generator=random) - 0.5
    return values, mean, torch.rand(1, number, generator=random) * 3 - 2


def test_draws_lie_between_both_neighbours():
    values, mean, log_scale = sizes()
    _, drawn = quantize_gumbel(values, mean, log_scale)
    symbols, residual = drawn - mean, values - mean
    assert (symbols * residual >= 0).all()
    assert (symbols.abs() >= residual.abs().floor() - 1e-5).all()
    assert (symbols.abs() <= residual.abs().floor() + 1 + 1e-5).all()


def test_most_draws_are_what_the_dead_zone_chooses():
    values, mean, log_scale = sizes()
    _, drawn = quantize_gumbel(values, mean, log_scale)
    bits, chosen = quantize_dead_zone(values, mean, log_scale)
    is_near = (drawn - chosen).abs() < 0.5
    assert is_near.float().mean() > 0.8
    many = torch.stack([quantize_gumbel(values, mean, log_scale)[0] for _ in range(10)]).mean()
    assert 0.9 < many / bits.sum() < 1.25


def test_small_residuals_get_next_to_no_gradient_of_the_rate():
    values = torch.tensor([[0.02, 0.6]], requires_grad=True)
    slopes = []
    for _ in range(200):
        bits, _ = quantize_gumbel(values, torch.zeros(1, 2), torch.zeros(1, 2))
        slopes.append(torch.autograd.grad(bits.sum(), values)[0])
    small, decided = torch.stack(slopes).mean(0)[0].tolist()
    assert 0 <= small < 0.1 < decided


def test_values_follow_their_residuals_on_average():
    values = torch.linspace(0.05, 0.95, 19)[None].requires_grad_()
    slopes = []
    for _ in range(400):
        _, drawn = quantize_gumbel(values, torch.zeros_like(values), torch.zeros_like(values))
        slopes.append(torch.autograd.grad(drawn.sum(), values)[0])
    assert 0.8 < torch.stack(slopes).mean().item() < 1.2


def test_scales_and_means_get_gradients_that_are_finite():
    values, mean, log_scale = sizes()
    mean.requires_grad_()
    log_scale.requires_grad_()
    bits, drawn = quantize_gumbel(values, mean, log_scale)
    (bits.sum() + drawn.square().sum()).backward()
    for tensor in (mean, log_scale):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.abs().sum() > 0
