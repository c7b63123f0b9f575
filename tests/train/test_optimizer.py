"""Kernels learn every direction alike; everything else learns as with Adam."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from licodec.train.optimizer import MuonAndAdam, matrix_of

RATE = 1e-2


def small_net(seed: int = 0) -> nn.Sequential:
    """Two kernels that are large enough for Muon, one that is not, and biases."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(12, 16, 3), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 2, 3))
    return net.to(memory_format=torch.channels_last)


def optimizer_of(net: nn.Module) -> MuonAndAdam:
    """All parameters in one group."""
    return MuonAndAdam([{"params": list(net.parameters()), "lr": RATE}])


def take_steps(net: nn.Module, optimizer: MuonAndAdam, number: int, seed: int = 1) -> list[float]:
    """Train for the mean square of the output to be 1; losses."""
    random = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(number):
        optimizer.zero_grad()
        loss = (net(torch.randn(4, 12, 8, 8, generator=random)).square().mean() - 1).square()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_loss_falls():
    net = small_net()
    losses = take_steps(net, optimizer_of(net), 60)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_a_kernel_changes_by_as_much_in_every_direction():
    net = small_net()
    before = copy.deepcopy(net)
    take_steps(net, optimizer_of(net), 1)
    for i in (0, 1):
        change = matrix_of((net[i].weight - before[i].weight).detach())
        sizes = torch.linalg.svdvals(change)
        assert sizes.max() < 4 * sizes.min()  # as near as its five iterations come
        assert change.square().mean().sqrt() == pytest.approx(0.2 * RATE, rel=0.3)


def test_other_parameters_change_as_with_adam():
    net, other = small_net(), small_net()
    take_steps(net, optimizer_of(net), 1)
    adam = torch.optim.Adam(other.parameters(), RATE, betas=(0.9, 0.98))
    take_steps(other, adam, 1)  # type: ignore[arg-type]
    for i in range(3):
        torch.testing.assert_close(net[i].bias, other[i].bias)
    torch.testing.assert_close(net[2].weight, other[2].weight)


def test_parameters_without_gradient_stay():
    net = small_net()
    net[0].requires_grad_(False)
    before = copy.deepcopy(net[0].state_dict())
    take_steps(net, optimizer_of(net), 2)
    assert all(net[0].state_dict()[name].equal(before[name]) for name in before)


def test_rate_of_its_groups_can_be_changed():
    net = small_net()
    optimizer = optimizer_of(net)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(net.state_dict())
    take_steps(net, optimizer, 2)
    assert all(net.state_dict()[name].equal(before[name]) for name in before)


def test_goes_on_from_its_state_as_if_never_stopped():
    net = small_net()
    optimizer = optimizer_of(net)
    take_steps(net, optimizer, 3)
    resumed = small_net(seed=5)
    resumed.load_state_dict(net.state_dict())
    resumed_optimizer = optimizer_of(resumed)
    resumed_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for each, its in ((net, optimizer), (resumed, resumed_optimizer)):
        take_steps(each, its, 3, seed=9)
    for name, tensor in net.state_dict().items():
        assert tensor.equal(resumed.state_dict()[name])


def test_state_of_another_optimizer_is_refused():
    net = small_net()
    state = torch.optim.Adam(net.parameters()).state_dict()
    with pytest.raises(ValueError, match="another optimiser"):
        optimizer_of(net).load_state_dict(state)


def test_kernels_that_are_not_channels_last_are_refused():
    with pytest.raises(ValueError, match="channels_last"):
        optimizer_of(nn.Conv2d(12, 16, 3))


def test_works_without_any_kernel():
    net = nn.Conv2d(1, 1, 3)
    optimizer = optimizer_of(net)
    net(torch.ones(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
