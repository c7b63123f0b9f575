"""Names, types and shapes of a family's tensors that the prior consists of, and their ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from licodec.config import MAX_QUALITY_INDEX
from licodec.errors import ModelError
from licodec.prior.fixed_point import (
    COMPAND_ENTRIES,
    MAX_INPUT,
    MAX_LOG_SCALE,
    MAX_MEAN_UNIT,
    MAX_QUALITY_BIAS,
    MAX_RECIPROCAL,
    MAX_SHIFT,
)
from licodec.prior.layout import (
    LEVELS_OF_NET,
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LOW_PASS_STEPS,
    detail_steps,
    fold_of,
)
from licodec.transform.grid import NUM_LEVELS, NUM_PLANES

_NUM_QUALITIES = MAX_QUALITY_INDEX + 1
_OF_DETAILS = _NUM_QUALITIES, NUM_LEVELS, NUM_DETAIL_CHANNELS
_TABLES: Mapping[str, tuple[type, tuple[int, ...]]] = {
    "compand": (np.int16, (COMPAND_ENTRIES,)),
    "detail_log_scale": (np.int32, _OF_DETAILS),
    "detail_steps_q4": (np.int32, _OF_DETAILS),
    "high_pass_reciprocal": (np.int64, (_NUM_QUALITIES, NUM_LEVELS, NUM_PLANES)),
    "low_log_scale": (np.int32, (_NUM_QUALITIES, NUM_LOW_PASS_STEPS, NUM_PLANES)),
    "low_steps_q4": (np.int32, (_NUM_QUALITIES, NUM_PLANES)),
    "mean_unit_q8": (np.int32, _OF_DETAILS),
}
_RANGES: Mapping[str, tuple[int, int]] = {
    "compand": (0, MAX_INPUT),
    "detail_log_scale": (-MAX_LOG_SCALE, MAX_LOG_SCALE),
    "high_pass_reciprocal": (0, MAX_RECIPROCAL),
    "low_log_scale": (-MAX_LOG_SCALE, MAX_LOG_SCALE),
    "mean_unit_q8": (0, MAX_MEAN_UNIT),
}


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


def layer_shapes(tensors: Mapping[str, np.ndarray]) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """Each layer's name and the shapes (O, I, k, k) of its weights.

    Those of a network with several levels come once for each level, and must be the same.

    Args:
        tensors: a family's tensors by name.

    Raises:
        KeyError: a tensor that tells a width is missing.
    """
    widths = {net: tensors[f"net.{net}.first.bias"].size for net in LEVELS_OF_NET}
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


def check_tensors(tensors: Mapping[str, np.ndarray]) -> None:
    """Refuse tensors that no prior consists of.

    Args:
        tensors: a family's tensors by name.

    Raises:
        ModelError: one is missing, or has another type, shape or range than docs/format.md states.
    """
    try:
        for name, (dtype, shape) in _TABLES.items():
            _check(tensors, name, dtype, shape)
        for name, bounds in _RANGES.items():
            _check_range(tensors, name, *bounds)
        for name, shapes in layer_shapes(tensors):
            _check_layer(tensors, name, shapes)
        for net, levels in LEVELS_OF_NET.items():
            shape = (_NUM_QUALITIES, len(levels), tensors[f"net.{net}.first.bias"].size)
            _check(tensors, f"net.{net}.quality_bias", np.int32, shape)
            _check_range(tensors, f"net.{net}.quality_bias", -MAX_QUALITY_BIAS, MAX_QUALITY_BIAS)
    except KeyError as error:
        raise ModelError(f"the family's weights lack tensor {error}; reinstall licodec") from error


def _check_layer(
    tensors: Mapping[str, np.ndarray], name: str, shapes: list[tuple[int, ...]]
) -> None:
    for number, shape in enumerate(shapes):
        _check(tensors, f"{name}.weight{number}", np.int8, shape)
    if f"{name}.weight{len(shapes)}" in tensors:
        raise ModelError(f"layer {name} of the prior has more than {len(shapes)} convolutions")
    _check(tensors, f"{name}.bias", np.int32, shapes[0][:1])
    _check(tensors, f"{name}.shift", np.uint8, shapes[0][:1])
    _check_range(tensors, f"{name}.shift", 0, MAX_SHIFT)


def _check(
    tensors: Mapping[str, np.ndarray], name: str, dtype: type, shape: tuple[int, ...]
) -> None:
    found = tensors[name]
    if found.dtype != dtype or found.shape != shape:
        raise ModelError(
            f"{name} of the prior is {found.dtype} {found.shape}, expected {np.dtype(dtype)} "
            f"{shape}; reinstall licodec"
        )


def _check_range(tensors: Mapping[str, np.ndarray], name: str, least: int, most: int) -> None:
    found = tensors[name]
    if found.size and not least <= int(found.min()) <= int(found.max()) <= most:
        raise ModelError(
            f"{name} of the prior has numbers outside {least} .. {most}; reinstall licodec"
        )
