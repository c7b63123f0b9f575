"""Trained parameters of one range of lambda, moved to the knots of another."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from licodec.config import FamilyConfig

# Tensors whose first axis is the knots, by the ends of their names.
_AT_KNOTS = (
    "quality_bias",
    "log_gain",
    "log_scale",
    "log_detail_steps",
    "log_low_steps",
    "log_steps_start",
)


def respaced(
    tensors: Mapping[str, Tensor], lambda_max: float, family: FamilyConfig
) -> dict[str, Tensor]:
    """Tensors of a network for a family whose lambda ends elsewhere.

    At each of the new knots they have the value that they had at its lambda, or, beyond the old
    range, that of the straight line through the last two knots.

    Args:
        tensors: of a `CodecNetwork` with the same number of knots and the same lambda_min.
        lambda_max: that they were trained for.
        family: whose knots are wanted.
    """
    if lambda_max == family.lambda_max:
        return dict(tensors)
    last = family.num_knots - 1
    stretch = math.log(family.lambda_max / family.lambda_min) / math.log(
        lambda_max / family.lambda_min
    )
    at = torch.arange(family.num_knots, dtype=torch.float32) * stretch
    below = at.floor().clamp(max=last - 1).long()

    def at_knots(tensor: Tensor) -> Tensor:
        share = (at - below).view(-1, *[1] * (tensor.ndim - 1))
        return tensor[below] * (1 - share) + tensor[below + 1] * share

    moved = dict(tensors)
    for name, tensor in tensors.items():
        if name == "rd_lambdas":  # geometric
            moved[name] = at_knots(tensor.log()).exp()
        elif name.endswith(_AT_KNOTS):
            moved[name] = at_knots(tensor)
    return moved
