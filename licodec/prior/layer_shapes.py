"""Shapes of a prior's layers, which its widths give, and what a larger prior has beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_PLANES,
    detail_steps,
    fold_of,
)


def has_magnitudes(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether known values are inputs without their signs, too."""
    num_inputs = tensors["net.top.first.weight0"].shape[1:2]
    return num_inputs > (NUM_PLANES * (fold_of(NUM_LEVELS) ** 2 + 1),)


def carries_hidden(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether each head of a level hands its hidden state to the next."""
    return "net.top.head1.in.weight2" in tensors


def num_blocks(tensors: Mapping[str, np.ndarray], net: str) -> int:
    """Layers of a trunk after its first."""
    number = 0
    while f"net.{net}.block{number}.weight0" in tensors:
        number += 1
    return number


def layer_shapes(
    tensors: Mapping[str, np.ndarray],
) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """Each layer's name and the shapes (O, I, k, k) of its weights, level by level, so that those
    of a net with several levels come again.

    Args:
        tensors: a family's tensors by name.

    Raises:
        KeyError: a tensor that tells a width is missing.
    """
    widths = {net: tensors[f"net.{net}.first.bias"].size for net in NET_OF_LEVEL.values()}
    times = 2 if has_magnitudes(tensors) else 1
    for level, net in NET_OF_LEVEL.items():
        trunk, hidden = widths[net], tensors[f"net.{net}.head0.mix.bias"].size
        is_top = level == NUM_LEVELS
        num_signed = NUM_PLANES * fold_of(level) ** 2 + (0 if is_top else NUM_DETAIL_CHANNELS)
        first: list[tuple[int, ...]] = [(trunk, times * num_signed + NUM_PLANES, 3, 3)]
        if not is_top:
            first.append((trunk, widths[NET_OF_LEVEL[level + 1]], 1, 1))
        yield f"net.{net}.first", first
        for number in range(num_blocks(tensors, net)):
            yield f"net.{net}.block{number}", [(trunk, trunk, 3, 3)]
        for number, step in enumerate(detail_steps(level)):
            name = f"net.{net}.head{number}"
            start: list[tuple[int, ...]] = [(hidden, trunk, 1, 1)]
            if step.known:
                start.append((hidden, times * len(step.known), 3, 3))
                if carries_hidden(tensors):
                    start.append((hidden, hidden, 1, 1))
            yield f"{name}.in", start
            yield f"{name}.mix", [(hidden, hidden, 1, 1)]
            yield f"{name}.out", [(2 * len(step.channels), hidden, 1, 1)]
