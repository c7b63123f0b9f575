"""A trained prior put into a larger one that computes the same.

Units that were there hear nothing of the new ones, which begin at random, so that only what hears
them can tell: the rows of old units are zero in the columns of new inputs. New layers beside the
identity begin as no change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from licodec.prior.float_net import Prior

_PREFIX = "prior."


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
                tensor[tuple(slice(n) for n in units)] = before
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
