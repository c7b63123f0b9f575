"""Muon in the precision of the processor, against torch's own in bfloat16."""

from __future__ import annotations

import pytest
import torch

from licodec.train.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(16, 144), (144, 16), (32, 32)])
def test_steps_are_those_of_torch_within_its_bfloat16(shape):
    random = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=random)
    own, other = (torch.nn.Parameter(start.clone()) for _ in range(2))
    of_torch = torch.optim.Muon(
        [other], lr=0.02, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    optimizer = Muon([{"params": [own], "lr": 0.02}])
    for _ in range(5):
        gradient = torch.randn(shape, generator=random)
        own.grad, other.grad = gradient, gradient.clone()
        optimizer.step()
        of_torch.step()
    moved, expected = own.detach() - start, other.detach() - start
    assert (moved - expected).norm() < 0.05 * expected.norm()


def test_singular_values_come_near_1():
    random = torch.Generator().manual_seed(1)
    sizes = torch.linalg.svdvals(orthogonalised(torch.randn(12, 40, generator=random)))
    assert sizes.min() > 0.6 and sizes.max() < 1.3


def test_a_zero_gradient_moves_nothing():
    matrix = torch.nn.Parameter(torch.ones(8, 8))
    matrix.grad = torch.zeros(8, 8)
    Muon([{"params": [matrix], "lr": 1.0}]).step()
    assert torch.equal(matrix.detach(), torch.ones(8, 8))
