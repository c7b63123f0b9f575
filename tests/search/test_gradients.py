"""Written-down gradients equal those that autograd finds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from licodec.prior.density import logistic_bits
from licodec.search.gradients import coded_bits, compand, floor, synthesise_level
from licodec.transform.wavelet import synthesise_level as plain_synthesise_level


def noise(*shape: int, seed: int, spread: float = 1.0) -> Tensor:
    return (spread * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).double()


def slopes(result: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    weights = noise(*result.shape, seed=9)
    return torch.autograd.grad((result * weights).sum(), inputs)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 2), (6, 7)])
def test_synthesis_and_its_gradient_are_those_of_the_plain_one(height: int, width: int) -> None:
    low = noise(3, height, width, seed=0).requires_grad_()
    details = noise(3, 3, height, width, seed=1).requires_grad_()
    found = synthesise_level(low, details)
    wanted = plain_synthesise_level(low[None], details[None])[0]
    torch.testing.assert_close(found, wanted)
    pairs = zip(slopes(found, (low, details)), slopes(wanted, (low, details)), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b)


def test_bits_and_their_gradient_are_those_of_the_density_where_coded() -> None:
    residual = noise(4, 300, seed=2, spread=3.0).requires_grad_()
    log_scale = (noise(4, 300, seed=3) - 0.5).clamp(-2.8, 4).requires_grad_()
    is_coded = noise(4, 300, seed=4) > -0.5
    found = coded_bits(residual, log_scale, is_coded)
    bits = logistic_bits(residual, log_scale)
    is_likely = bits.detach() < 20  # beyond, the density's differences are rounding errors
    wanted = (bits * is_coded).sum()
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)
    pairs = zip(
        torch.autograd.grad(found, (residual, log_scale)),
        torch.autograd.grad(wanted, (residual, log_scale)),
        strict=True,
    )
    for a, b in pairs:
        torch.testing.assert_close(a[is_likely], b[is_likely], rtol=1e-4, atol=1e-4)


def test_companding_is_a_rounded_asinh_with_its_slope() -> None:
    eighths = torch.arange(-400.0, 400.0).requires_grad_()
    found = compand(eighths)
    smooth = 16 * torch.asinh(eighths / 8)
    torch.testing.assert_close(found, smooth.round().clamp(-127, 127))
    inside = smooth.abs() < 127
    (slope,) = torch.autograd.grad(found.sum(), eighths)
    (wanted,) = torch.autograd.grad(smooth.sum(), eighths)
    torch.testing.assert_close(slope[inside], wanted[inside])
    assert not slope[smooth.abs() > 127.5].any()


def test_floor_passes_gradients_on() -> None:
    x = torch.tensor([-1.5, -1.0, 0.25, 7.0], requires_grad=True)
    found = floor(x)
    assert found.tolist() == [-2.0, -1.0, 0.0, 7.0]
    assert torch.autograd.grad(found.sum(), x)[0].tolist() == [1.0] * 4
