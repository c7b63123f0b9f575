"""Rounding in training: the very integers of the export, gradients as if nothing were rounded."""

import torch

from licodec.prior.fake_integers import RoundedConv, Rounding, nearest, round_to_integers
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


def test_without_rounding_a_layer_is_a_plain_convolution():
    torch.manual_seed(4)
    conv, x = RoundedConv(2, 3, 1), torch.randn(1, 2, 4, 4)
    round_to_integers(conv, on=True)
    round_to_integers(conv, on=False)
    torch.testing.assert_close(conv(x), torch.nn.functional.conv2d(x, conv.weight, conv.bias))
    assert torch.equal(Rounding()(x), x)
