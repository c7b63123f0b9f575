"""Bits under the logistic density, and their written-down gradients, are those of its formula."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from licodec.prior.fixed_point import LOG_SCALE_MIN
from licodec.prior.logistic import LOG_SCALE_MAX, logistic_bits


def noise(*shape: int, seed: int, spread: float = 1.0) -> Tensor:
    return (spread * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).double()


def by_formula(residual: Tensor, log_scale: Tensor) -> Tensor:
    """-log2 of the chance of the unit cell around the residual."""
    scale = log_scale.exp()
    upper, lower = ((residual.abs() + half) / scale for half in (0.5, -0.5))
    return -torch.log2(torch.sigmoid(-lower) - torch.sigmoid(-upper))


def test_bits_and_their_gradient_are_those_of_the_formula() -> None:
    residual = noise(4, 300, seed=2, spread=3.0).requires_grad_()
    log_scale = noise(4, 300, seed=3).clamp(-2.8, 4).requires_grad_()
    found, wanted = (f(residual, log_scale) for f in (logistic_bits, by_formula))
    is_likely = wanted.detach() < 20  # beyond, the formula's differences are rounding errors
    weights = noise(4, 300, seed=4) * is_likely
    torch.testing.assert_close(found[is_likely], wanted[is_likely], rtol=1e-4, atol=0)
    pairs = zip(
        torch.autograd.grad((found * weights).sum(), (residual, log_scale)),
        torch.autograd.grad((wanted * weights).sum(), (residual, log_scale)),
        strict=True,
    )
    for a, b in pairs:
        torch.testing.assert_close(a[is_likely], b[is_likely], rtol=1e-4, atol=1e-4)


def test_no_element_costs_more_than_24_bits_and_it_still_pulls() -> None:
    residual = torch.tensor([100.0, -100.0], requires_grad=True)
    bits = logistic_bits(residual, torch.zeros(2))
    torch.testing.assert_close(bits, torch.full((2,), 24.0))
    (slopes,) = torch.autograd.grad(bits.sum(), residual)
    torch.testing.assert_close(slopes, torch.tensor([1.0, -1.0]) / math.log(2))


def test_scales_beyond_the_tables_count_as_the_nearest_and_get_no_gradient() -> None:
    residual = torch.tensor([0.3, 2.0])
    ends = torch.tensor([LOG_SCALE_MIN, LOG_SCALE_MAX])
    beyond = (ends + torch.tensor([-1.0, 1.0])).requires_grad_()
    bits = logistic_bits(residual, beyond)
    torch.testing.assert_close(bits, logistic_bits(residual, ends))
    assert not torch.autograd.grad(bits.sum(), beyond)[0].any()
