"""Muon: momentum whose matrices are made orthogonal, so that every direction moves equally far.

`torch.optim.Muon` computes the same in bfloat16 alone. A CPU without such products emulates them,
which took a third of a training step; in float32 it is 10 to 23 times faster.

Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; steps as long as Adam's
after Liu et al. 2025, arXiv:2502.16982.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from licodec.train.precision import convolved_type

_MOMENTUM = 0.95
_NUM_ITERATIONS = 5
# Of x, (x x') x and (x x')^2 x in each iteration; singular values end between 0.7 and 1.2.
_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_LEAST_NORM = 1e-7
# Root mean square of the steps of Adam.
_STEP_RMS = 0.2


class Muon(torch.optim.Optimizer):
    """The optimizer for matrices, without decay of the weights.

    Args:
        groups: of matrices (rows, columns), each with "params" and "lr".
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Change the parameters by their gradients; those without one stay."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"]
                momentum.lerp_(matrix.grad, 1 - _MOMENTUM)
                update = orthogonalised(matrix.grad.lerp(momentum, _MOMENTUM))
                length = _STEP_RMS * max(matrix.shape) ** 0.5
                matrix.sub_(update, alpha=group["lr"] * length)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with singular values near 1, by five Newton-Schulz iterations; same shape.

    Args:
        matrix: (rows, columns) float32.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if is_tall else matrix).to(convolved_type(matrix.device))
    x = x / x.norm().clamp_min(_LEAST_NORM)
    a, b, c = _COEFFICIENTS
    for _ in range(_NUM_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if is_tall else x).to(matrix.dtype)
