"""The optimizer: Muon for convolution kernels, Adam for all else.

Muon makes every direction of a kernel's update equally long, so that rare directions are learned
in as few steps as common ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from licodec.train.muon import Muon

_ADAM_BETAS = (0.9, 0.98)
# Smaller matrices have too few directions for their lengths to matter.
_SMALLEST_SIDE = 8


def matrix_of(kernel: Tensor) -> Tensor:
    """(O, I, h, w) as (O, h w I), of the same memory where the kernel is channels_last."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


def _is_for_muon(parameter: Tensor) -> bool:
    is_kernel = parameter.ndim == 4
    return is_kernel and min(matrix_of(parameter).shape) >= _SMALLEST_SIDE


class MuonAndAdam:
    """Both optimisers as one; kernels have to lie channels_last in memory.

    Attributes:
        param_groups: of both; their "lr" may be changed between steps.

    Args:
        groups: of parameters, each with "params" and "lr"; other keys are kept.
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self._kernels: list[tuple[Tensor, Tensor]] = []
        of_muon, of_adam = [], []
        for group in groups:
            kernels = [p for p in group["params"] if _is_for_muon(p)]
            others = [p for p in group["params"] if not _is_for_muon(p)]
            matrices = [torch.nn.Parameter(matrix_of(k.detach())) for k in kernels]
            if any(m.data_ptr() != k.data_ptr() for m, k in zip(matrices, kernels, strict=True)):
                raise ValueError("a kernel is not channels_last; its updates would be lost")
            self._kernels += zip(kernels, matrices, strict=True)
            of_muon += [{**group, "params": matrices}] if matrices else []
            of_adam += [{**group, "params": others}] if others else []
        self._muon = Muon(of_muon) if of_muon else None
        self._adam = torch.optim.Adam(of_adam, betas=_ADAM_BETAS) if of_adam else None

    @property
    def _parts(self) -> dict[str, torch.optim.Optimizer]:
        both = {"muon": self._muon, "adam": self._adam}
        return {name: part for name, part in both.items() if part is not None}

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """See the class."""
        return [group for part in self._parts.values() for group in part.param_groups]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for part in self._parts.values():
            part.zero_grad()
        for kernel, _ in self._kernels:
            kernel.grad = None

    def step(self) -> None:
        """Change the parameters by their gradients; those without one stay."""
        for kernel, matrix in self._kernels:
            matrix.grad = None if kernel.grad is None else matrix_of(kernel.grad)
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` reads back."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: of other parameters, or of another optimiser.
        """
        if state.keys() != self._parts.keys():
            raise ValueError("the state is of another optimiser")
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
