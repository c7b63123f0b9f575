"""Symbols so far in, exact means and scale indices of the next step out: the prior as it codes.

Integer twin of `licodec.prior.msp`. Every number that selects a probability is an integer:
activations in 1/16 (0..255), inputs in 1/16 (-127..127), weights in 8 bits with a power-of-two
scale per output channel, means in 1/16 step, scales as an index. The convolutions run on float
carriers; `check_bounds` proves that every partial sum is an integer below the carrier's exact
range, so that the order of summation, and with it the machine, cannot matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.errors import ModelError
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    detail_steps,
    fold_of,
)
from licodec.prior.strips import in_strips
from licodec.transform.wavelet import FRACTION_BITS, GRID_PX, synthesise_level_int

MAX_INPUT = 127  # companded inputs, 1/16
MAX_ACTIVATION = 255  # 1/16
EXACT_LIMIT = {torch.float32: 1 << 24, torch.float64: 1 << 53}
COMPAND_ENTRIES = 4096  # eighths of a step
RECIPROCAL_BITS = 20
_MAX_OUT = 1 << 12  # mean and log-scale corrections stay within +-256
_INDEX_OFFSET = 3 * 16  # minus LOG_SCALE_MIN in 1/16
MAX_INDEX = 63

# (step number, means in 1/16 (C, ..), scale indices (C, ..) uint8, where)
# -> what the quantizer adds to the means, in 1/16 step (C, ..) int32
CodeStep = Callable[[int, Tensor, Tensor, "Where"], Tensor]


@dataclass(frozen=True, slots=True)
class Where:
    """Which elements a step codes: (level, folded channels), or the low-pass elements of a mask."""

    level: int  # 0: the low-pass
    channels: tuple[int, ...]
    mask: Tensor | None = None  # (h, w) bool, low-pass only


@dataclass(frozen=True, slots=True)
class IntLayer:
    """One integer layer: convolutions that add up, shifted down to 1/16.

    The shift is folded into weights and bias: a power of two moves the binary point of every
    partial sum and rounds nothing.
    """

    weights: tuple[Tensor, ...]  # each (O, I, k, k) carrier dtype, 8-bit integers times 2^-shift
    bias: Tensor  # (O,) carrier dtype, 1/2 for rounding included

    def sum(self, *inputs: Tensor) -> Tensor:
        """Inputs (1, I, h, w) each, or the second of half the size, to (1, O, h, w)."""
        first = self.weights[0]
        total = F.conv2d(inputs[0], first, self.bias, padding=first.shape[2] // 2)
        for x, weight in zip(inputs[1:], self.weights[1:], strict=True):
            more = F.conv2d(x, weight, padding=weight.shape[2] // 2)
            if more.shape[2] != total.shape[2]:
                more = more.repeat_interleave(2, 2)[:, :, : total.shape[2]].repeat_interleave(2, 3)
            total += more
        return total.floor_()


def _activate(x: Tensor) -> Tensor:
    return x.clamp_(0, MAX_ACTIVATION)


class IntegerPrior:
    """The coding prior of one latent family; reads the tensors that `licodec export` wrote.

    Args:
        tensors: the family's tensors by name; integers.
        carrier: torch.float32, or torch.float64 (slower, for tests).

    Raises:
        ModelError: a tensor is missing or an accumulator could leave the exact range.
    """

    def __init__(self, tensors: Mapping[str, Tensor], carrier: torch.dtype = torch.float32) -> None:
        self.carrier = carrier
        try:
            self._tables = {k: tensors[k] for k in TABLE_NAMES}
            self._layers = {
                name: _load_layer(tensors, name, carrier)
                for name in sorted(
                    k.removesuffix(".shift") for k in tensors if k.endswith(".shift")
                )
            }
        except KeyError as error:
            raise ModelError(
                f"the family's weights lack tensor {error}; reinstall licodec"
            ) from error
        half = self._tables["compand"].long()
        self._compand = torch.cat([-half.flip(0)[:-1], half]).to(torch.int8)

    def walk(
        self, quality_index: int, height: int, width: int, *, is_grey: bool, code: CodeStep
    ) -> Tensor:
        """Visit every step in coding order.

        Args:
            quality_index: 0..255.
            height, width: of the picture in pixels.
            is_grey: chroma is zero and not coded.
            code: quantises or decodes one step's elements; those of index 0 belong to the
                padding, where it must return 0.

        Returns:
            (3, H, W) int32 planes of the linear synthesis in 1/64 grey level, H and W the picture's
            size padded to multiples of 64.
        """
        rows, columns = -(-height // GRID_PX), -(-width // GRID_PX)
        low, step = self._low_pass(quality_index, rows, columns, is_grey, code)
        trunk: Tensor | None = None
        parents: Tensor | None = None
        for level in range(NUM_LEVELS, 0, -1):
            outside = _outside(level, rows, columns, height, width)
            values, trunk, step = self._level(
                level, quality_index, low, parents, trunk, outside, is_grey, code, step
            )
            steps = self._tables["detail_steps_q4"][quality_index, level - 1]  # (9,)
            planes = []
            for p in range(NUM_PLANES):
                details = values[3 * p : 3 * p + 3] * steps[3 * p : 3 * p + 3, None, None]
                details.add_(128).bitwise_right_shift_(8)
                planes.append(synthesise_level_int(low[p : p + 1], details[None]))
            low = torch.cat(planes)
            if level > 1:
                parents = self._compand_of(values.bitwise_right_shift_(1))
        return low

    def _low_pass(
        self, quality_index: int, rows: int, columns: int, is_grey: bool, code: CodeStep
    ) -> tuple[Tensor, int]:
        values = torch.zeros(NUM_PLANES, rows, columns, dtype=torch.int32)
        known = torch.zeros(rows, columns, dtype=torch.int32)
        num_planes = 1 if is_grey else NUM_PLANES
        log_scale = self._tables["low_log_scale"][quality_index]  # (3, 3)
        for step in range(NUM_LOW_PASS_STEPS):
            mask = low_pass_elements(step, rows, columns)
            mean = _neighbour_mean(values, known, diagonal=step == 1)[:num_planes, mask]
            index = _scale_index(log_scale[step, :num_planes, None].expand_as(mean)).clamp_(min=1)
            where = Where(0, tuple(range(num_planes)), mask)
            values[:num_planes, mask] = mean + code(step, mean, index, where)
            known += mask.int()
        steps = self._tables["low_steps_q4"][quality_index]
        low = (values * steps[:, None, None] + 128) >> 8
        return low, NUM_LOW_PASS_STEPS

    def _level(
        self,
        level: int,
        quality_index: int,
        low: Tensor,
        parents: Tensor | None,
        coarser: Tensor | None,
        outside: Tensor,
        is_grey: bool,
        code: CodeStep,
        step: int,
    ) -> tuple[Tensor, Tensor, int]:
        """Returns values (9, h, w) int32 in 1/16 step, trunk (T, h/f, w/f) uint8, next step."""
        fold = fold_of(level)
        net = NET_OF_LEVEL[level]
        trunk = self._trunk(level, quality_index, low, parents, coarser)
        log_scale = self._tables["detail_log_scale"][quality_index, level - 1]
        unit = self._tables["mean_unit_q8"][quality_index, level - 1]
        height, width = trunk.shape[1:]
        folded = torch.zeros(NUM_DETAIL_CHANNELS * fold * fold, height, width, dtype=torch.int32)
        known: list[Tensor] = []
        for number, detail_step in enumerate(detail_steps(level)):
            if is_grey and detail_step.is_chroma:
                break
            channels = list(detail_step.channels)
            planes = [c // (fold * fold) for c in channels]
            positions = [c % (fold * fold) for c in channels]
            out = self._head(net, number, trunk, torch.cat(known) if known else None)
            mean = (out[: len(channels)] * unit[planes, None, None] + 128) >> 8
            index = _scale_index(out[len(channels) :] + log_scale[planes, None, None])
            index.clamp_(min=1).masked_fill_(outside[positions], 0)
            where = Where(level, detail_step.channels)
            mean += code(step + number, mean, index, where)
            folded[channels] = mean
            known.append(self._compand_of(mean.bitwise_right_shift_(1)))
        values = F.pixel_shuffle(folded, fold) if fold > 1 else folded
        return values, trunk, step + len(detail_steps(level))

    def _trunk(
        self,
        level: int,
        quality_index: int,
        low: Tensor,
        parents: Tensor | None,
        coarser: Tensor | None,
    ) -> Tensor:
        net = NET_OF_LEVEL[level]
        levels = [lv for lv, n in NET_OF_LEVEL.items() if n == net]
        inputs = self._inputs(level, quality_index, low, parents)
        first = self._layers[f"net.{net}.first"]
        quality_bias = self._tables[f"net.{net}.quality_bias"][quality_index, level - min(levels)]
        shift = self._tables[f"net.{net}.first.shift"].to(self.carrier)
        first = IntLayer(first.weights, first.bias + quality_bias.to(self.carrier) * 2.0**-shift)
        blocks: list[IntLayer] = []
        while f"net.{net}.block{len(blocks)}" in self._layers:
            blocks.append(self._layers[f"net.{net}.block{len(blocks)}"])

        def run(*maps: Tensor) -> Tensor:
            hidden = _activate(first.sum(*map(self._carried, maps)))
            for block in blocks:
                hidden = _activate(block.sum(hidden).add_(hidden))
            return hidden[0].to(torch.uint8)

        maps = [inputs] if coarser is None else [inputs, coarser]
        return in_strips(run, maps, halo=1 + len(blocks))

    def _head(self, net: str, number: int, trunk: Tensor, known: Tensor | None) -> Tensor:
        """(2 C, h, w) int32: mean and log-scale corrections in 1/16."""
        first, mix, out = (
            self._layers[f"net.{net}.head{number}.{k}"] for k in ("in", "mix", "out")
        )

        def run(*maps: Tensor) -> Tensor:
            hidden = _activate(mix.sum(_activate(first.sum(*map(self._carried, maps)))))
            return out.sum(hidden)[0].clamp_(-_MAX_OUT, _MAX_OUT).to(torch.int32).contiguous()

        return in_strips(run, [trunk] if known is None else [trunk, known], halo=1)

    def _carried(self, maps: Tensor) -> Tensor:
        """(C, h, w) integers as (1, C, h, w) carriers in the layout that convolves fastest."""
        return maps[None].to(self.carrier, memory_format=torch.channels_last)

    def _inputs(
        self, level: int, quality_index: int, low: Tensor, parents: Tensor | None
    ) -> Tensor:
        """(I, h/f, w/f) int8 companded inputs of a level's trunk."""
        fold = fold_of(level)
        reciprocal = self._tables["high_pass_reciprocal"][quality_index, level - 1]  # (3,) int64
        high_pass, brightness = [], []
        for p in range(NUM_PLANES):
            scaled = (_nine_times_high_pass(low[p]).long() * reciprocal[p]) >> RECIPROCAL_BITS
            high_pass.append(self._compand_of(scaled))
            # low / 32 grey levels in 1/16, averaged over the block
            block = _block_sum(low[p], fold)
            shift = FRACTION_BITS + 1 + 2 * (fold - 1)
            brightness.append((block >> shift).clamp_(-MAX_INPUT, MAX_INPUT).to(torch.int8))
        parts = [_fold(torch.stack(high_pass), fold), torch.stack(brightness)]
        if parents is not None:
            parts.append(parents)
        return torch.cat(parts)

    def _compand_of(self, eighths: Tensor) -> Tensor:
        """Integers in 1/8 step to int8 in 1/16 of asinh; any shape."""
        limit = COMPAND_ENTRIES - 1
        return self._compand[eighths.clamp(-limit, limit).add_(limit).long()]


TABLE_NAMES = (
    "compand",
    "detail_log_scale",
    "detail_steps_q4",
    "high_pass_reciprocal",
    "low_log_scale",
    "low_steps_q4",
    "mean_unit_q8",
    *(
        f"net.{n}.{k}"
        for n in sorted({*NET_OF_LEVEL.values()})
        for k in ("first.shift", "quality_bias")
    ),
)


def low_pass_elements(step: int, rows: int, columns: int) -> Tensor:
    """(rows, columns) bool: what a low-pass step codes."""
    y, x = torch.arange(rows) % 2, torch.arange(columns) % 2
    if step == 1:
        return (y[:, None] * x[None]).bool()
    odd = (y[:, None] + x[None]) % 2 == 1
    return odd if step == 2 else ~odd & (y[:, None] == 0)


def compand_table() -> Tensor:
    """(4096,) int16: 16 asinh(i / 8), rounded, at most 127; a family stores it."""
    return torch.tensor(
        [min(MAX_INPUT, round(16 * math.asinh(i / 8))) for i in range(COMPAND_ENTRIES)],
        dtype=torch.int16,
    )


def _scale_index(log_scale_q4: Tensor) -> Tensor:
    return ((log_scale_q4 + _INDEX_OFFSET + 1) >> 1).clamp_(0, MAX_INDEX).to(torch.uint8)


def _outside(level: int, rows: int, columns: int, height: int, width: int) -> Tensor:
    """(fold^2, h, w) bool: elements of the padding, which are not coded."""
    fold, size = fold_of(level), 1 << level
    y = torch.arange(rows * GRID_PX // size) * size >= height
    x = torch.arange(columns * GRID_PX // size) * size >= width
    return _fold((y[:, None] | x[None])[None].to(torch.uint8), fold).bool()


def _fold(maps: Tensor, fold: int) -> Tensor:
    return F.pixel_unshuffle(maps, fold) if fold > 1 else maps


def _nine_times_high_pass(plane: Tensor) -> Tensor:
    """9 x - sum of the 3x3 neighbourhood, border repeated; (h, w) int32."""
    tall = torch.cat([plane[:1], plane, plane[-1:]])
    rows = tall[:-2] + tall[1:-1] + tall[2:]
    wide = torch.cat([rows[:, :1], rows, rows[:, -1:]], 1)
    return 9 * plane - (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:])


def _block_sum(plane: Tensor, fold: int) -> Tensor:
    if fold == 1:
        return plane
    return plane[::2, ::2] + plane[::2, 1::2] + plane[1::2, ::2] + plane[1::2, 1::2]


def _neighbour_mean(values: Tensor, known: Tensor, *, diagonal: bool) -> Tensor:
    """(C, h, w) int32: floor of the mean of the known among four neighbours, 0 without any."""
    shifts = (
        ((-1, -1), (-1, 1), (1, -1), (1, 1)) if diagonal else ((-1, 0), (1, 0), (0, -1), (0, 1))
    )
    height, width = known.shape
    padded, mask = F.pad(values * known, (1, 1, 1, 1)), F.pad(known, (1, 1, 1, 1))
    total, count = torch.zeros_like(values), torch.zeros_like(known)
    for dy, dx in shifts:
        window = (slice(1 + dy, 1 + dy + height), slice(1 + dx, 1 + dx + width))
        total += padded[(slice(None), *window)]
        count += mask[window]
    return torch.div(total, count.clamp(min=1), rounding_mode="floor")


def _load_layer(tensors: Mapping[str, Tensor], name: str, carrier: torch.dtype) -> IntLayer:
    weights: list[Tensor] = []
    while f"{name}.weight{len(weights)}" in tensors:
        weights.append(tensors[f"{name}.weight{len(weights)}"].to(carrier))
    bias = tensors[f"{name}.bias"].to(carrier)
    extra = tensors.get(f"{name.removesuffix('.first')}.quality_bias")
    check_bounds(name, weights, bias, carrier, 0 if extra is None else int(extra.abs().max()))
    shift = tensors[f"{name}.shift"].to(carrier)
    scale = 2.0**-shift
    scaled = [w * scale[:, None, None, None] for w in weights]
    layout = torch.channels_last
    # Half a unit where something is shifted away: floor then rounds.
    half = torch.where(shift > 0, 0.5, 0.0).to(carrier)
    return IntLayer(tuple(w.contiguous(memory_format=layout) for w in scaled), bias * scale + half)


def check_bounds(
    name: str, weights: list[Tensor], bias: Tensor, carrier: torch.dtype, extra_bias: int = 0
) -> int:
    """Prove that no partial sum of a layer can leave the carrier's exact integer range.

    Args:
        name: of the layer, for the message.
        weights: integer weights, each (O, I, k, k).
        bias: (O,) integers.
        carrier: float dtype that carries the integers.
        extra_bias: largest size of what is added to the bias.

    Returns:
        The bound: the largest size that any partial sum can have.

    Raises:
        ModelError: the bound reaches 2^24 (float32) or 2^53 (float64).
    """
    total = bias.abs().double() + extra_bias + (1 << 15)  # 2^15: more than any rounding half
    for weight in weights:
        total = total + weight.double().abs().sum((1, 2, 3)) * MAX_ACTIVATION
    bound = int(total.max())
    if bound >= EXACT_LIMIT[carrier]:
        raise ModelError(f"layer {name} of the prior can reach {bound}, beyond exact {carrier}")
    return bound
