"""The float network that computes what a released prior computes in integers, at one quality.

Integers times powers of two are its weights, and its activations are rounded as theirs, so that a
search which follows its gradients sees what the integers do.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from licodec.config import FamilyConfig
from licodec.prior.batch import Qualities
from licodec.prior.fixed_point import SIXTEENTHS, UNIT_BITS
from licodec.prior.float_net import Prior
from licodec.prior.layout import fold_of
from licodec.prior.level_net import LevelNet
from licodec.prior.logistic import HALVING_BIAS
from licodec.prior.qat import RoundedConv, round_activations
from licodec.transform.grid import STEP_UNIT


class DequantisedPrior(Prior):
    """A prior of one knot, which is the quality; its parameters are fixed.

    Attributes:
        qualities: of one picture.

    Args:
        family: shapes of the networks.
        tensors: integers of the family by name.
        quality_index: 0..255.
        dtype: of the convolutions, torch.float32 or torch.bfloat16.
    """

    def __init__(
        self,
        family: FamilyConfig,
        tensors: Mapping[str, Tensor],
        quality_index: int,
        dtype: torch.dtype,
    ) -> None:
        with torch.random.fork_rng(devices=[]):  # nobody else's draws change
            super().__init__(family, num_knots=1)

        def at_quality(name: str) -> Tensor:
            return tensors[name][quality_index].float()[None]

        self.detail_log_scale = _fixed(_log_scale(at_quality("detail_log_scale")))
        self.low_log_scale = _fixed(_log_scale(at_quality("low_log_scale")))
        self._mean_units = at_quality("mean_unit_q8") / (1 << UNIT_BITS)  # (1, 6, 9)
        self.qualities = Qualities(
            torch.ones(1, 1),
            at_quality("detail_steps_q4") / STEP_UNIT,
            at_quality("low_steps_q4") / STEP_UNIT,
        )
        for name, net in self.nets.items():
            assert isinstance(net, LevelNet)
            prefix = f"net.{name}"
            for layer, convs in net.layers().items():
                _load(convs, f"{prefix}.{layer}", tensors, dtype)
            scale = _scale(tensors[f"{prefix}.first.shift"]) / SIXTEENTHS
            net.quality_bias = _fixed(at_quality(f"{prefix}.quality_bias") * scale)
        round_activations(self, on=True)

    def mean_units(self, level: int, log_scales: Tensor) -> Tensor:
        """As of `Prior`, from the family's table."""
        return self._mean_units[:, level - 1].repeat_interleave(fold_of(level) ** 2, 1)


def _load(
    convs: tuple[RoundedConv, ...], name: str, tensors: Mapping[str, Tensor], dtype: torch.dtype
) -> None:
    """Give an integer layer's numbers to the convolutions that it consists of."""
    scale = _scale(tensors[f"{name}.shift"])
    for number, conv in enumerate(convs):
        weight = (tensors[f"{name}.weight{number}"] * scale[:, None, None, None]).to(dtype)
        conv.weight = _fixed(weight.contiguous(memory_format=torch.channels_last))
        if conv.bias is not None:
            conv.bias = _fixed((tensors[f"{name}.bias"] * scale / SIXTEENTHS).to(dtype))


def _scale(shift: Tensor) -> Tensor:
    return 2.0 ** -shift.float()


def _log_scale(sixteenths: Tensor) -> Tensor:
    return (sixteenths + HALVING_BIAS) / SIXTEENTHS


def _fixed(x: Tensor) -> nn.Parameter:
    return nn.Parameter(x, requires_grad=False)
