"""Puts trained weights into networks of another shape, or for another range of lambda.

What is new in a grown network begins as no change. New units begin at random, but the old ones do
not see them: their rows of weights are zero in the columns of new inputs. New layers beside the
identity begin as zero.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from licodec.config import FamilyConfig
from licodec.prior.float_net import Prior
from licodec.train.network import CodecNetwork

# Tensors whose first axis is the knots, by the ends of their names.
_AT_KNOTS = (
    "quality_bias",
    "log_gain",
    "log_scale",
    "log_detail_steps",
    "log_low_steps",
    "log_steps_start",
)
_PREFIX = "prior."


def load_weights(
    network: nn.Module, state: dict[str, Tensor], *, with_synthesis: bool
) -> list[str]:
    """Load every tensor whose name and shape fit, the synthesis' only if asked.

    Returns:
        names of the asked-for tensors that were left as they are.
    """
    own = network.state_dict()
    asked = [k for k in own if with_synthesis or not k.startswith("synthesis.")]
    fitting = {k: state[k] for k in asked if k in state and own[k].shape == state[k].shape}
    network.load_state_dict(fitting, strict=False)
    return sorted(set(asked) - set(fitting))


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


@torch.no_grad()
def start_unchanged(
    network: CodecNetwork, names: Collection[str], old: Mapping[str, Tensor]
) -> list[str]:
    """Let new parts of the corrections and of the prior begin as no change at all.

    Args:
        network: the larger one; its corrections contain the old ones, see `CorrectionConfig`.
        names: of tensors that are new, or larger.
        old: tensors of the smaller network by name.

    Returns:
        those of them that cannot.
    """
    of_corrections = [n for n in names if n.startswith(("analysis.", "synthesis."))]
    _grow_corrections(network, of_corrections, old)
    of_prior = [n for n in names if n.startswith(_PREFIX)]
    others = sorted(set(names) - set(of_corrections) - set(of_prior))
    return others + grow_prior(network.prior, of_prior, old)


def _grow_corrections(
    network: CodecNetwork, names: Collection[str], old: Mapping[str, Tensor]
) -> None:
    tensors = network.state_dict()
    for name in names:
        tensor, before = tensors[name], old.get(name)
        layer, _, kind = name.rpartition(".")
        if before is not None:
            tensor[: tensor.shape[0] if kind == "quality_bias" else before.shape[0]] = 0.0
            _fill_corner(tensor, before)
        elif layer.endswith(("back", "out")):
            tensor.zero_()


def _fill_corner(tensor: Tensor, before: Tensor) -> None:
    tensor[tuple(slice(n) for n in before.shape)] = before


@torch.no_grad()
def grow_prior(prior: Prior, names: Collection[str], old: Mapping[str, Tensor]) -> list[str]:
    """Fill in the tensors of a prior that a smaller one has in another shape, or not at all.

    Args:
        prior: the larger one, with random weights in these tensors.
        names: of the tensors, as of the whole network.
        old: tensors of the smaller one's network by name.

    Returns:
        those that nothing can grow into: of a prior that is smaller somewhere, or another kind.
    """
    refused = []
    for name, tensor in prior.named_parameters():
        if _PREFIX + name not in names:
            continue
        before = old.get(_PREFIX + name)
        units = _units_before(name, old) if before is None else before.shape
        if units is None or len(units) > tensor.ndim or _is_larger(units, tensor.shape):
            refused.append(_PREFIX + name)
        elif name.endswith("quality_bias"):
            tensor.zero_()[..., : units[-1]] = 0.0 if before is None else before
        else:
            tensor[: units[0]] = 0.0
            if before is not None:
                _fill_corner(tensor, before)
    return refused


def _is_larger(old: Collection[int], new: Collection[int]) -> bool:
    return any(a > b for a, b in zip(old, new, strict=False))


def _units_before(name: str, old: Mapping[str, Tensor]) -> tuple[int, ...] | None:
    """How many of a new layer's outputs go to units that were there before; None if unknown."""
    parts = name.split(".")  # nets.<net>.heads.<i>.carry.weight or nets.<net>.blocks.<i>.weight
    if len(parts) > 4 and parts[2] == "heads" and parts[4] == "carry":
        like = old.get(f"{_PREFIX}{'.'.join(parts[:4])}.mix.bias")
    elif len(parts) > 3 and parts[2] == "blocks":
        like = old.get(f"{_PREFIX}{'.'.join(parts[:2])}.first.weight")
    else:
        like = None
    return None if like is None else (len(like),)
