"""Rounding in training: the very integers of the export, gradients as if nothing were rounded."""

import pytest
import torch

from licodec.errors import TrainingError
from licodec.prior.inputs import Compand, compand_table
from licodec.prior.qat import (
    Companding,
    RoundedConv,
    Rounding,
    nearest,
    round_activations,
    round_to_integers,
)
from licodec.train.integers import integer_layer


def test_rounding_changes_the_value_and_not_the_gradient():
    x = torch.tensor([0.3, -1.26, 2.0], requires_grad=True)
    y = nearest(x, 16.0)
    y.square().sum().backward()
    torch.testing.assert_close(y.detach(), torch.tensor([0.3125, -1.25, 2.0]))
    torch.testing.assert_close(x.grad, 2 * y.detach())


def test_rounded_weights_are_those_of_the_exported_layer():
    torch.manual_seed(3)
    conv = RoundedConv(5, 7, 3, padding=1)
    exported = integer_layer([conv.weight.detach()], conv.bias.detach())
    scale = 2.0 ** -exported["shift"].float()[:, None, None, None]
    x = torch.randint(0, 256, (1, 5, 6, 8)).float() / 16
    round_to_integers(conv, on=True)
    expected = torch.nn.functional.conv2d(
        x, exported["weight0"].float() * scale, conv.bias, padding=1
    )
    torch.testing.assert_close(conv(x), expected)


def test_weights_beyond_the_integers_are_told():
    weights = torch.full((2, 64, 3, 3), 120.0)
    with pytest.raises(TrainingError, match="weights of up to 120 are beyond the prior's integers"):
        integer_layer([weights], None)


def test_without_rounding_a_layer_is_a_plain_convolution():
    torch.manual_seed(4)
    conv, x = RoundedConv(2, 3, 1), torch.randn(1, 2, 4, 4)
    round_to_integers(conv, on=True)
    round_to_integers(conv, on=False)
    torch.testing.assert_close(conv(x), torch.nn.functional.conv2d(x, conv.weight, conv.bias))
    assert torch.equal(Rounding()(x), x)


@pytest.mark.parametrize("has_bias", [False, True])
def test_rounded_layers_are_exact_where_convolutions_are_shortened(has_bias):
    torch.manual_seed(6)
    conv = RoundedConv(16, 8, 3, padding=1, bias=has_bias)
    x = (torch.randint(0, 256, (2, 16, 9, 7)).float() / 16).requires_grad_()
    parameters = (x, *conv.parameters())
    round_to_integers(conv, on=True)
    wanted = conv(x)
    slopes = torch.autograd.grad(wanted.square().sum(), parameters)
    with torch.autocast("cpu", torch.bfloat16):
        found = conv(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    shortened = torch.autograd.grad(found.square().sum(), parameters)
    for slope, short in zip(slopes, shortened, strict=True):
        assert short.dtype == torch.float32
        assert (short - slope).norm() < 0.01 * slope.norm()
    round_to_integers(conv, on=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(x).dtype == torch.bfloat16


def test_layer_whose_input_needs_no_gradient_learns_under_autocast():
    torch.manual_seed(7)
    conv, x = RoundedConv(4, 3, 1), torch.randn(1, 4, 5, 5)
    round_to_integers(conv, on=True)
    with torch.autocast("cpu", torch.bfloat16):
        conv(x).sum().backward()
    assert conv.weight.grad.abs().sum() > 0
    torch.testing.assert_close(conv.bias.grad, torch.full((3,), 25.0))


def test_rounding_down_goes_to_the_multiple_below_and_no_size_leaves_the_limit():
    down = Rounding(1, limit=3.0, is_down=True)
    round_activations(down, on=True)
    x = torch.tensor([-9.0, -1.1, 0.0, 0.9, 2.6, 3.4], requires_grad=True)
    found = down(x)
    assert found.tolist() == [-3.0, -1.5, 0.0, 0.5, 2.5, 3.0]
    assert torch.autograd.grad(found.sum(), x)[0].tolist() == [1.0] * 6


def test_companding_is_the_integers_table_with_the_slope_of_asinh():
    compand = Companding()
    round_activations(compand, on=True)
    x = (torch.arange(-5000, 5001) / 8 + 0.1).requires_grad_()
    found = compand(x)
    table = Compand(compand_table())
    assert torch.equal(found * 16, table(torch.arange(-5000, 5001)).float())
    (slope,) = torch.autograd.grad(found.sum(), x)
    at = (x.detach() - 0.1).requires_grad_()
    (wanted,) = torch.autograd.grad(torch.asinh(at).sum(), at)
    inside = at.detach().abs() < 4095 / 8
    torch.testing.assert_close(slope[inside], wanted[inside])
    assert not slope[~inside].any()
    assert torch.equal(Companding()(x), torch.asinh(x))


def test_activations_alone_can_be_rounded():
    torch.manual_seed(5)
    conv, rounding, x = RoundedConv(2, 3, 1), Rounding(), torch.randn(1, 2, 4, 4)
    both = torch.nn.Sequential(conv, rounding)
    round_activations(both, on=True)
    plain = torch.nn.functional.conv2d(x, conv.weight, conv.bias)
    torch.testing.assert_close(both(x), (plain * 16).round() / 16)
