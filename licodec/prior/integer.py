"""Symbols so far in, exact means and scale indices of the next step out: the prior as it codes.

Integer twin of `licodec.prior.msp`. Every number that selects a probability is an integer:
activations in 1/16 (0..255), inputs in 1/16 (-127..127), weights in 8 bits with a power-of-two
scale per output channel, means in a power of two of a step, scales as an index. The convolutions
run on float carriers; `check_bounds` proves that every partial sum is an integer below the
carrier's exact range, so that the order of summation, and with it the machine, cannot matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from licodec.coding.small_integers import SmallIntegers
from licodec.errors import ModelError
from licodec.prior.byte_layers import load_byte_layers
from licodec.prior.folded import clear_padding, details_of, unfolded
from licodec.prior.inputs import (
    Compand,
    low_pass_elements,
    neighbour_mean,
    plane_inputs,
)
from licodec.prior.layers import Block, IntLayer, Layer, load_layers
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    OFFSET_BITS,
    VALUE_BITS,
    detail_steps,
    fold_of,
)
from licodec.prior.planes import Planes
from licodec.prior.strips import row_strips
from licodec.transform.wavelet import FRACTION_BITS, GRID_PX, STEP_BITS

_MAX_OUT = 1 << 12  # mean and log-scale corrections stay within +-256
# Smaller maps are faster on float carriers: the operators for bytes cost more per call.
_BYTES_FROM = 256
_UNIT_BITS = 4 + 8  # of an output in 1/16 times its unit in 1/256 step
# 2^-OFFSET_BITS step, in which quantizers count, in units of values.
_OFFSET_UNIT = 1 << VALUE_BITS - OFFSET_BITS
_INDEX_OFFSET = 3 * 16  # minus LOG_SCALE_MIN in 1/16
MAX_INDEX = 63

# (step number, means in 2^-VALUE_BITS step (C, ..), scale indices (C, ..) uint8, where)
# -> what the quantizer adds to the means, in 1/16 step (C, ..) int32
CodeStep = Callable[[int, Tensor, Tensor, "Where"], Tensor]


@dataclass(frozen=True, slots=True)
class Where:
    """Which elements a step codes: (level, folded channels), or the low-pass elements of a mask."""

    level: int  # 0: the low-pass
    channels: tuple[int, ...]
    mask: Tensor | None = None  # (h, w) bool, low-pass only

    @property
    def num_bands(self) -> int:
        """Detail channels, in the low-pass planes, that the elements belong to."""
        if self.mask is not None:
            return len(self.channels)
        return len({c // fold_of(self.level) ** 2 for c in self.channels})


class IntegerPrior:
    """The coding prior of one latent family; reads the tensors that `licodec export` wrote.

    Attributes:
        tables: integer tensors of the family by name, without those of the layers.
        layers: by name, such as "net.fine.head0.in".

    Args:
        tensors: the family's tensors by name; integers.
        carrier: torch.float32, torch.float64 (slower, for tests), or None: bytes where this
            machine multiplies them exactly, else float32.

    Raises:
        ModelError: a tensor is missing or an accumulator could leave the exact range.
    """

    def __init__(self, tensors: Mapping[str, Tensor], carrier: torch.dtype | None = None) -> None:
        self.carrier = carrier or torch.float32
        try:
            self.tables: Mapping[str, Tensor] = {k: tensors[k] for k in TABLE_NAMES}
            self.layers: Mapping[str, IntLayer] = load_layers(tensors, self.carrier)
            self._byte_layers = load_byte_layers(tensors) if carrier is None else None
        except KeyError as error:
            raise ModelError(
                f"the family's weights lack tensor {error}; reinstall licodec"
            ) from error
        self._compand = Compand(self.tables["compand"])

    def first_layer(self, level: int, quality_index: int) -> IntLayer:
        """First layer of a level's trunk, the quality's share in its bias."""
        first = self.layers[f"net.{NET_OF_LEVEL[level]}.first"]
        return first.with_bias(self._quality_bias(level, quality_index))

    def _quality_bias(self, level: int, quality_index: int) -> Tensor:
        net = NET_OF_LEVEL[level]
        levels = [lv for lv, n in NET_OF_LEVEL.items() if n == net]
        quality_bias = self.tables[f"net.{net}.quality_bias"][quality_index, level - min(levels)]
        shift = self.tables[f"net.{net}.first.shift"].to(self.carrier)
        return quality_bias.to(self.carrier) * 2.0**-shift

    def _layers_for(self, positions: int) -> Mapping[str, Layer]:
        """What is fastest on a map of so many positions; the results are the same."""
        if self._byte_layers is None or positions < _BYTES_FROM:
            return self.layers
        return self._byte_layers

    def planes(
        self,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: CodeStep,
        last_level: int = 1,
        is_kept: bool = True,
    ) -> Planes:
        """Visit every step in coding order.

        Args:
            quality_index: 0..255.
            height, width: of the picture in pixels.
            is_grey: chroma is zero and not coded.
            code: quantises or decodes one step's elements; those of index 0 belong to the
                padding, where it must return 0.
            last_level: 1 to 6: no finer level is visited. The planes, of the padded size divided by
                2^(last_level - 1), are then a smaller picture in themselves.
            is_kept: keep the last level's values; without them the planes lack its details, and
                less memory is needed.

        Returns:
            Planes (3, H, W) of the linear synthesis, H and W the picture's size padded to multiples
            of 64, made where they are asked for.
        """
        rows, columns = -(-height // GRID_PX), -(-width // GRID_PX)
        low, step = self._low_pass(quality_index, rows, columns, is_grey, code)
        trunk: Tensor | None = None
        parents: Tensor | None = None
        for level in range(NUM_LEVELS, last_level - 1, -1):
            trunk = self._trunk(level, quality_index, low, parents, trunk)
            parents = None
            trunks = [trunk]
            if level == last_level:
                trunk = None
            values, parents = self._level(
                level,
                quality_index,
                trunks,
                height,
                width,
                is_grey,
                code,
                step,
                is_kept=is_kept or level > last_level,
            )
            step += len(detail_steps(level))
            steps = self.tables["detail_steps_q4"][quality_index, level - 1]  # (9,)
            planes = Planes(low, values, steps)
            if level > last_level:
                # Nothing of a level is needed at the next, which is four times as large.
                low = planes.small()
                del planes, values
        return planes

    def _low_pass(
        self, quality_index: int, rows: int, columns: int, is_grey: bool, code: CodeStep
    ) -> tuple[Tensor, int]:
        values = torch.zeros(NUM_PLANES, rows, columns, dtype=torch.int32)
        known = torch.zeros(rows, columns, dtype=torch.int32)
        num_planes = 1 if is_grey else NUM_PLANES
        log_scale = self.tables["low_log_scale"][quality_index]  # (3, 3)
        for step in range(NUM_LOW_PASS_STEPS):
            mask = low_pass_elements(step, rows, columns)
            mean = neighbour_mean(values, known, diagonal=step == 1)[:num_planes, mask]
            index = (log_scale[step, :num_planes, None] + (_INDEX_OFFSET + 1)) >> 1
            index = index.clamp(1, MAX_INDEX).to(torch.uint8).expand_as(mean).contiguous()
            where = Where(0, tuple(range(num_planes)), mask)
            added = code(step, mean, index, where).to(torch.int32)
            values[:num_planes, mask] = mean.add(added, alpha=_OFFSET_UNIT)
            known += mask.int()
        steps = self.tables["low_steps_q4"][quality_index]
        shift = VALUE_BITS + STEP_BITS - FRACTION_BITS
        low = (values * steps[:, None, None] + (1 << shift - 1)) >> shift
        return low, NUM_LOW_PASS_STEPS

    def _level(
        self,
        level: int,
        quality_index: int,
        trunks: list[Tensor],
        height: int,
        width: int,
        is_grey: bool,
        code: CodeStep,
        step: int,
        *,
        is_kept: bool,
    ) -> tuple[Tensor, Tensor]:
        """Code a level's steps, the first of them number `step`.

        Args:
            trunks: the level's trunk alone; emptied before the last step is coded, since at the
                finest level nothing else holds that memory.

        Returns:
            values (9, h, w) int16 or int32, and the same companded, int8 (none at
            level 1, which has no finer one).
        """
        fold = fold_of(level)
        rows, columns = trunks[0].shape[:2]
        shape = (NUM_DETAIL_CHANNELS, fold * rows, fold * columns)
        values = SmallIntegers(*shape, is_zero=is_grey)  # chroma of grey pictures is not visited
        parents = torch.zeros(shape if level > 1 else (0, 0, 0), dtype=torch.int8)
        known: list[Tensor] = []
        coded_steps = [s for s in detail_steps(level) if not (is_grey and s.is_chroma)]
        for number, detail_step in enumerate(coded_steps):
            channels = detail_step.channels
            mean, index = self._head(level, quality_index, number, channels, trunks[0], known)
            clear_padding(index, channels, level, height, width)
            is_last = number + 1 == len(coded_steps)
            if is_last:
                trunks.clear()
                known.clear()
            added = code(step + number, mean, index, Where(level, channels))
            is_asked_for = level > 1 or not is_last
            companded = torch.empty_like(mean, dtype=torch.int8)
            for top, bottom in row_strips(rows, columns):
                value = mean[:, top:bottom].to(torch.int32)
                value.add_(added[:, top:bottom], alpha=_OFFSET_UNIT)
                if is_kept:
                    for key, part in unfolded(value, channels, fold, top, bottom):
                        values.put(key, part)
                if is_asked_for:
                    eighths = value.bitwise_right_shift_(VALUE_BITS - 3)
                    companded[:, top:bottom] = self._compand(eighths)
            if is_asked_for:
                known.append(companded)
            if level > 1:
                for key, part in unfolded(companded, channels, fold, 0, rows):
                    parents[key] = part
        return values.data, parents

    def _trunk(
        self,
        level: int,
        quality_index: int,
        low: Tensor,
        parents: Tensor | None,
        coarser: Tensor | None,
    ) -> Tensor:
        """(h/f, w/f, T) uint8 activations that a level's heads share."""
        fold, net = fold_of(level), NET_OF_LEVEL[level]
        reciprocal = self.tables["high_pass_reciprocal"][quality_index, level - 1]  # (3,) int64
        height, width = low.shape[1] // fold, low.shape[2] // fold
        layers = self._layers_for(height * width)
        first = layers[f"net.{net}.first"].with_bias(self._quality_bias(level, quality_index))
        blocks: list[Block] = []
        while f"net.{net}.block{len(blocks)}" in layers:
            blocks.append(Block(layers[f"net.{net}.block{len(blocks)}"]))
        trunk: Tensor | None = None
        done = 0
        for top, bottom in row_strips(height, width, min_rows=len(blocks) + 2):
            above, below = max(top - 1, 0), min(bottom + 1, height)
            maps = [plane_inputs(low, above, below, fold, reciprocal, self._compand)]
            if parents is not None:
                maps.append(parents[:, above:below])
            total = first.sums(first.inputs(maps), is_first=above == top, is_last=below == bottom)
            if coarser is not None:
                _add_coarser(total, coarser, top, bottom, height, first)
            hidden = first.active(total)
            for block in blocks:
                hidden = block(hidden, is_last=bottom == height)
            if trunk is None:
                trunk = torch.empty(height, width, hidden.shape[2], dtype=torch.uint8)
            trunk[done : done + len(hidden)] = hidden.to(torch.int16)  # the fast way to uint8
            done += len(hidden)
        assert trunk is not None
        return trunk

    def _head(
        self,
        level: int,
        quality_index: int,
        number: int,
        channels: Sequence[int],
        trunk: Tensor,
        known: Sequence[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """(C, h, w) means and scale indices uint8 of one step; means int16 if their unit allows."""
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        layers = self._layers_for(trunk.shape[0] * trunk.shape[1])
        first, mix, out = (layers[f"{name}.{k}"] for k in ("in", "mix", "out"))
        details = details_of(channels, fold_of(level))
        unit = self.tables["mean_unit_q8"][quality_index, level - 1, details, None, None]
        log_scale = self.tables["detail_log_scale"][quality_index, level - 1, details, None, None]
        offset = (log_scale + (_INDEX_OFFSET + 1)).to(self.carrier)
        height, width = trunk.shape[:2]
        shape = (len(unit), len(channels) // len(unit), height * width)
        shift = _UNIT_BITS - VALUE_BITS
        is_small = _MAX_OUT * int(unit.max()) < 1 << 15 + shift  # the mean is below 2^15 then
        means = torch.empty(shape, dtype=torch.int16 if is_small else torch.int32)
        indices = torch.empty(shape, dtype=torch.uint8)
        for top, bottom in row_strips(height, width):
            hidden = first.activations(trunk[top:bottom])
            if known:
                above, below = max(top - 1, 0), min(bottom + 1, height)
                total = first.sums(
                    first.inputs([k[:, above:below] for k in known]),
                    1,
                    is_first=above == top,
                    is_last=below == bottom,
                )
                hidden = first.active(first.sums(hidden, onto=total))
            else:
                hidden = first.active_sums(hidden)
            # With positions innermost, as steps are coded.
            result = out.sums(mix.active_sums(hidden)).flatten(0, 1).t().contiguous()
            result = result.floor_().clamp_(-_MAX_OUT, _MAX_OUT).view(2, *shape[:2], -1)
            part = slice(top * width, bottom * width)
            mean = result[0].to(torch.int32).mul_(unit).add_(1 << shift - 1)
            means[:, :, part] = mean.bitwise_right_shift_(shift)
            index = result[1].add_(offset).mul_(0.5).clamp_(1, MAX_INDEX)
            # A conversion to integers drops the fraction: floor, where nothing is negative.
            indices[:, :, part] = index.to(torch.int8)
        shape = (len(channels), height, width)
        return means.view(shape), indices.view(shape)


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


def _add_coarser(
    total: Tensor, coarser: Tensor, top: int, bottom: int, height: int, layer: Layer
) -> None:
    """Add the 1x1 convolution of the coarser trunk, each of its points to a block of 2x2."""
    is_same = len(coarser) == height
    part = coarser[top:bottom] if is_same else coarser[top // 2 : bottom // 2]
    more = layer.sums(layer.activations(part), 1)
    if not is_same:
        more = more[:, :, None].expand(-1, -1, 2, -1).reshape(len(more), 1, -1)
        total = total.view(len(more), 2, -1)
    total.add_(more)
