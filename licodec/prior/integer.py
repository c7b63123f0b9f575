"""The reference of the coding prior, on torch: exact means and scale indices of each step.

The integers of `licodec.prior.float_net`. Every number that selects a probability is an integer:
activations in 1/16 (0..255), inputs in 1/16 (-127..127), weights in 8 bits with a power-of-two
scale per output channel, means in a power of two of a step, scales as an index. The convolutions
run on float carriers; `check_bounds` proves that every partial sum is an integer below the
carrier's exact range, so that the order of summation, and with it the machine, cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.coding.small_integers import SmallIntegers
from licodec.errors import ModelError
from licodec.prior.base import StepCoder
from licodec.prior.folded import clear_padding, details_of, unfolded
from licodec.prior.inputs import Compand, neighbour_sums, plane_inputs
from licodec.prior.layers import IntLayer, activate, load_layers
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_PLANES,
    OFFSET_BITS,
    VALUE_BITS,
    StepElements,
    fold_of,
    low_pass_elements,
)
from licodec.prior.reference_planes import ReferencePlaneSource
from licodec.prior.strips import row_strips
from licodec.prior.walk import Visit, walk
from licodec.transform.grid import FRACTION_BITS, GRID_PX, STEP_BITS

_MAX_OUT = 1 << 12  # mean and log-scale corrections stay within +-256
_UNIT_BITS = 4 + 8  # of an output in 1/16 times its unit in 1/256 step
# 2^-OFFSET_BITS step, in which quantizers count, in units of values.
_OFFSET_UNIT = 1 << VALUE_BITS - OFFSET_BITS
_INDEX_OFFSET = 3 * 16  # minus LOG_SCALE_MIN in 1/16
MAX_INDEX = 63


class IntegerPrior:
    """The coding prior of one latent family; reads the tensors that `licodec export` wrote.

    Attributes:
        tables: integer tensors of the family by name, without those of the layers.
        layers: by name, such as "net.fine.head0.in".
        compand: maps values in 1/8 step to inputs of the networks.
        has_magnitudes: known values are inputs without their signs, too.
        carries_hidden: each head of a level hands its hidden state to the next.

    Args:
        tensors: the family's tensors by name; integers.
        carrier: torch.float32, or torch.float64 for tests.

    Raises:
        ModelError: a tensor is missing or an accumulator could leave the exact range.
    """

    def __init__(self, tensors: Mapping[str, Tensor], carrier: torch.dtype = torch.float32) -> None:
        self.carrier = carrier
        try:
            self.tables: Mapping[str, Tensor] = {k: tensors[k] for k in TABLE_NAMES}
            self.layers: Mapping[str, IntLayer] = load_layers(tensors, self.carrier)
        except KeyError as error:
            raise ModelError(
                f"the family's weights lack tensor {error}; reinstall licodec"
            ) from error
        self.compand = Compand(self.tables["compand"])
        num_signed = NUM_PLANES * fold_of(NUM_LEVELS) ** 2
        self.has_magnitudes = self.layers["net.top.first"].num_inputs(0) > num_signed + NUM_PLANES
        self.carries_hidden = len(self.layers["net.top.head1.in"].weights) > 2

    def planes(
        self,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
    ) -> ReferencePlaneSource:
        """See `licodec.prior.base.CodingPrior`."""
        picture = _Picture(
            self,
            quality_index,
            height,
            width,
            is_grey=is_grey,
            code=code,
            last_level=last_level,
        )
        with torch.inference_mode():
            walk(picture, is_grey=is_grey, last_level=last_level)
        assert picture.planes is not None
        return picture.planes

    def visit(
        self, quality_index: int, height: int, width: int, *, is_grey: bool, code: StepCoder
    ) -> None:
        """See `CodingPrior`."""
        size = height, width
        picture = _Picture(self, quality_index, *size, is_grey=is_grey, code=code, is_kept=False)
        with torch.inference_mode():
            walk(picture, is_grey=is_grey)

    def trunk(
        self,
        level: int,
        quality_index: int,
        low: Tensor,
        parents: Tensor | None,
        coarser: Tensor | None,
    ) -> Tensor:
        """(T, h/f, w/f) uint8 activations that a level's heads share."""
        fold, net, carrier = fold_of(level), NET_OF_LEVEL[level], self.carrier
        reciprocal = self.tables["high_pass_reciprocal"][quality_index, level - 1]  # (3,) int64
        levels = [lv for lv, n in NET_OF_LEVEL.items() if n == net]
        quality_bias = self.tables[f"net.{net}.quality_bias"][quality_index, level - min(levels)]
        bias = quality_bias.to(carrier) * 2.0 ** -self.tables[f"net.{net}.first.shift"].to(carrier)
        first = self.layers[f"net.{net}.first"]
        blocks: list[IntLayer] = []
        while (block := self.layers.get(f"net.{net}.block{len(blocks)}")) is not None:
            blocks.append(block)
        height, width = low.shape[1] // fold, low.shape[2] // fold
        trunk = torch.empty(len(bias), height, width, dtype=torch.uint8)
        reach = 1 + len(blocks)  # rows that a row of the result depends on, up and down
        for top, bottom in row_strips(height, width):
            above, below = _even(max(top - reach, 0)), min(_even(bottom + reach + 1), height)
            maps = [plane_inputs(low, above, below, fold, reciprocal, self.compand)]
            if parents is not None:
                maps.append(parents[:, above:below])
            if self.has_magnitudes:
                signed = [maps[0][: NUM_PLANES * fold * fold], *maps[1:]]
                maps += [part.abs() for part in signed]
            total = first.sums(torch.cat(maps)).add_(bias[:, None, None])
            if coarser is not None:
                is_same = coarser.shape[1] == height
                rows = slice(above, below) if is_same else slice(above // 2, below // 2)
                more = first.sums(coarser[:, rows], 1)
                total += more if is_same else F.interpolate(more[None], scale_factor=2.0)[0]
            hidden = activate(total)
            for block in blocks:
                hidden = activate(hidden + block.sums(hidden))
            trunk[:, top:bottom] = hidden[:, top - above : bottom - above]
        return trunk

    def head(
        self,
        level: int,
        quality_index: int,
        number: int,
        channels: Sequence[int],
        trunk: Tensor,
        known: Sequence[Tensor],
        carried: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Means and scale indices of one step, and its hidden state for the next.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            number: of the step in its level.
            channels: C folded channels that it codes.
            trunk: (T, h, w) uint8.
            known: (K, h, w) int8 each, companded values of the level's earlier steps.
            carried: (H, h, w) uint8 hidden state of the last step; None for a level's first.

        Returns:
            (C, h, w) means, int16 if their unit allows; (C, h, w) uint8 indices; (H, h, w) uint8,
            None for a prior that carries none.
        """
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        first, mix, out = (self.layers[f"{name}.{k}"] for k in ("in", "mix", "out"))
        details, shift = details_of(channels, fold_of(level)), _UNIT_BITS - VALUE_BITS
        unit = self.tables["mean_unit_q8"][quality_index, level - 1, details]
        log_scale = self.tables["detail_log_scale"][quality_index, level - 1, details]
        is_small = _MAX_OUT * int(unit.max()) < 1 << 15 + shift  # the mean is below 2^15 then
        each = len(channels) // len(unit)
        unit, offset = (
            x.repeat_interleave(each)[:, None, None]
            for x in (unit, (log_scale + (_INDEX_OFFSET + 1)).to(self.carrier))
        )
        height, width = trunk.shape[1:]
        shape = (len(channels), height, width)
        means = torch.empty(shape, dtype=torch.int16 if is_small else torch.int32)
        indices = torch.empty(shape, dtype=torch.uint8)
        state = None
        if self.carries_hidden:
            state = torch.empty(first.num_outputs, height, width, dtype=torch.uint8)
        maps = [*known, *(k.abs() for k in known)] if self.has_magnitudes else [*known]
        for top, bottom in row_strips(height, width):
            rows = (slice(None), slice(top, bottom))
            total = first.sums(trunk[rows])
            if maps:
                above, below = max(top - 1, 0), min(bottom + 1, height)
                sums = first.sums(torch.cat([k[:, above:below] for k in maps]), 1)
                total += sums[:, top - above : bottom - above]
            if self.carries_hidden and carried is not None:
                total += first.sums(carried[rows], 2)
            hidden = activate(mix.sums(activate(total)))
            if state is not None:
                state[rows] = hidden
            raw, correction = out.sums(hidden).floor_().clamp_(-_MAX_OUT, _MAX_OUT).chunk(2)
            mean = raw.to(torch.int32).mul_(unit).add_(1 << shift - 1)
            means[rows] = mean.bitwise_right_shift_(shift)
            index = correction.add_(offset).mul_(0.5).clamp_(1, MAX_INDEX)
            # A conversion to integers drops the fraction: floor, where nothing is negative.
            indices[rows] = index.to(torch.uint8)
        return means, indices, state


class _Picture:
    """`Walker` of one picture through an integer prior; arguments as of `IntegerPrior.planes`.

    Attributes:
        planes: of the last level, once it is left; None if they are not to be kept.
    """

    def __init__(
        self,
        prior: IntegerPrior,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
        is_kept: bool = True,
    ) -> None:
        self.planes: ReferencePlaneSource | None = None
        self._prior, self._quality_index = prior, quality_index
        self._height, self._width, self._is_grey = height, width, is_grey
        self._code, self._last_level, self._is_kept = code, last_level, is_kept
        rows, columns = -(-height // GRID_PX), -(-width // GRID_PX)
        self._low = torch.zeros(NUM_PLANES, rows, columns, dtype=torch.int32)
        self._is_known = torch.zeros(rows, columns, dtype=torch.int32)
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None
        self._values: SmallIntegers | None = None  # of the level
        self._companded: Tensor | None = None  # the same, int8; none at level 1
        self._known: list[Tensor] = []  # of the level's steps so far, companded
        self._hidden: Tensor | None = None  # of the level's last step

    def visit_low_pass(self, step: int) -> None:
        """See `Walker`."""
        values = self._low
        num_planes = 1 if self._is_grey else NUM_PLANES
        log_scale = self._prior.tables["low_log_scale"][self._quality_index]  # (3, 3)
        elements = low_pass_elements(step, *values.shape[1:])
        mask = torch.from_numpy(elements)
        total, count = neighbour_sums(values, self._is_known, diagonal=step == 1)
        mean = torch.div(total, count, rounding_mode="floor")[:num_planes, mask]
        index = (log_scale[step, :num_planes, None] + (_INDEX_OFFSET + 1)) >> 1
        index = index.clamp(1, MAX_INDEX).to(torch.uint8).expand_as(mean).contiguous()
        where = StepElements(0, tuple(range(num_planes)), elements)
        added = self._coded(step, mean, index, where).to(torch.int32)
        values[:num_planes, mask] = mean.add(added, alpha=_OFFSET_UNIT)
        self._is_known += mask.int()

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        steps = self._prior.tables["low_steps_q4"][self._quality_index]
        shift = VALUE_BITS + STEP_BITS - FRACTION_BITS
        self._low = (self._low * steps[:, None, None] + (1 << shift - 1)) >> shift

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        trunk = self._prior.trunk(level, self._quality_index, self._low, self._parents, self._trunk)
        self._parents, self._trunk = None, trunk
        fold = fold_of(level)
        shape = (NUM_DETAIL_CHANNELS, fold * trunk.shape[1], fold * trunk.shape[2])
        # Chroma of grey pictures is not visited.
        self._values = SmallIntegers(*shape, is_zero=self._is_grey)
        self._companded = torch.zeros(shape if level > 1 else (0, 0, 0), dtype=torch.int8)

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        level, channels = visit.level, visit.channels
        assert self._trunk is not None
        mean, index, self._hidden = self._prior.head(
            level, self._quality_index, visit.head, channels, self._trunk, self._known, self._hidden
        )
        clear_padding(index, channels, level, self._height, self._width)
        if visit.is_last:
            self._known.clear()
            self._hidden = None
            if level == self._last_level:  # nothing else holds that memory
                self._trunk = None
        added = self._coded(visit.number, mean, index, StepElements(level, channels))
        self._keep(visit, mean, added)

    def _coded(self, step: int, mean: Tensor, index: Tensor, where: StepElements) -> Tensor:
        return torch.from_numpy(self._code(step, mean.numpy(), index.numpy(), where))

    def _keep(self, visit: Visit, mean: Tensor, added: Tensor) -> None:
        """Keep a step's values (C, h, w), which are means plus what the quantizer adds."""
        assert self._values is not None
        assert self._companded is not None
        fold, rows = fold_of(visit.level), mean.shape[1]
        is_kept = self._has_planes(visit.level)
        is_asked_for = visit.level > 1 or not visit.is_last
        companded = torch.empty_like(mean, dtype=torch.int8)
        for top, bottom in row_strips(rows, mean.shape[2]):
            value = mean[:, top:bottom].to(torch.int32)
            value.add_(added[:, top:bottom], alpha=_OFFSET_UNIT)
            if is_kept:
                for key, part in unfolded(value, visit.channels, fold, top, bottom):
                    self._values.put(key, part.numpy())
            if is_asked_for:
                eighths = value.bitwise_right_shift_(VALUE_BITS - 3)
                companded[:, top:bottom] = self._prior.compand(eighths)
        if is_asked_for and not visit.is_last:
            self._known.append(companded)
        if visit.level > 1:
            for key, part in unfolded(companded, visit.channels, fold, 0, rows):
                self._companded[key] = part

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        assert self._values is not None
        if not self._has_planes(level):
            return
        steps = self._prior.tables["detail_steps_q4"][self._quality_index, level - 1]  # (9,)
        planes = ReferencePlaneSource(self._low, torch.from_numpy(self._values.data), steps)
        self._parents, self._values, self._companded = self._companded, None, None
        if level > self._last_level:
            # Nothing of a level is needed at the next, which is four times as large.
            self._low = planes.small()
        else:
            self.planes = planes

    def _has_planes(self, level: int) -> bool:
        """Whether the level's values become planes."""
        return self._is_kept or level > self._last_level


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


def _even(row: int) -> int:
    """The row, or the one above, that begins a point of the coarser level."""
    return row - row % 2
