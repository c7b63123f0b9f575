"""Coefficients in, gradients of their rate out: the integer prior, differentiable.

The forward pass computes what `licodec.prior.integer` computes, but for sums that the wavelet
rounds differently; roundings pass gradients unchanged (straight-through). Values are in
quantization steps, planes in 1/64 grey level, activations in 1/16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.integer import IntegerPrior
from licodec.prior.layers import MAX_ACTIVATION, MAX_INPUT, IntLayer
from licodec.prior.layout import (
    NET_OF_LEVEL,
    NUM_DETAIL_CHANNELS,
    NUM_PLANES,
    VALUE_BITS,
    Where,
    detail_steps,
    fold_of,
    low_pass_elements,
)
from licodec.prior.msp import box_mean, neighbour_mean
from licodec.prior.walk import Visit, walk
from licodec.search.gradients import compand, floor, synthesise_level
from licodec.transform.grid import NUM_BANDS

_MAX_OUT = 4096.0
_RECIPROCAL_UNIT = 2.0**-20
_VALUE_UNIT = 1 << VALUE_BITS

# (mean in steps (C, ..), log scale (C, ..), where) -> values in steps (C, ..)
Choose = Callable[[Tensor, Tensor, Where], Tensor]


@dataclass(frozen=True)
class _Net:
    first: IntLayer
    blocks: tuple[IntLayer, ...]
    heads: tuple[tuple[IntLayer, IntLayer, IntLayer], ...]


class FloatTwin:
    """The prior at one quality index, as a function that gradients pass through.

    Args:
        prior: of the latent family.
        quality_index: 0..255.
        dtype: of the convolutions, torch.float32 or torch.bfloat16.
    """

    def __init__(self, prior: IntegerPrior, quality_index: int, dtype: torch.dtype) -> None:
        tables = prior.tables
        self.dtype = dtype
        self.low_steps = tables["low_steps_q4"][quality_index].float() / 16  # 1/64 grey level
        self.detail_steps = tables["detail_steps_q4"][quality_index].float() / 16
        self.low_log_scale = tables["low_log_scale"][quality_index].float()
        self._log_scale = tables["detail_log_scale"][quality_index].float()
        self._unit = tables["mean_unit_q8"][quality_index].float()
        self._reciprocal = tables["high_pass_reciprocal"][quality_index].float()
        self._has_magnitudes = prior.has_magnitudes
        self._nets = {lv: self._net(prior, lv, quality_index) for lv in NET_OF_LEVEL}

    def _net(self, prior: IntegerPrior, level: int, quality_index: int) -> _Net:
        name = NET_OF_LEVEL[level]
        num_blocks = 0
        while f"net.{name}.block{num_blocks}" in prior.layers:
            num_blocks += 1

        def short(layer: IntLayer) -> IntLayer:
            return IntLayer(
                tuple(w.to(self.dtype) for w in layer.weights), layer.bias.to(self.dtype)
            )

        return _Net(
            short(prior.first_layer(level, quality_index)),
            tuple(short(prior.layers[f"net.{name}.block{i}"]) for i in range(num_blocks)),
            tuple(
                (
                    short(prior.layers[f"net.{name}.head{i}.in"]),
                    short(prior.layers[f"net.{name}.head{i}.mix"]),
                    short(prior.layers[f"net.{name}.head{i}.out"]),
                )
                for i in range(len(detail_steps(level)))
            ),
        )

    def walk(self, rows: int, columns: int, *, is_grey: bool, choose: Choose) -> Tensor:
        """Visit every step in coding order.

        Args:
            rows, columns: of the low-pass of level 6.
            is_grey: chroma is zero and not chosen.
            choose: gives the values of one step's elements.

        Returns:
            (3, 64 rows, 64 columns) float planes of the linear synthesis in 1/64 grey level.
        """
        picture = _Picture(self, rows, columns, is_grey=is_grey, choose=choose)
        walk(picture, is_grey=is_grey)
        return picture.low

    def trunk(
        self, level: int, low: Tensor, parents: Tensor | None, coarser: Tensor | None
    ) -> Tensor:
        """(1, T, h/f, w/f) activations that a level's heads share."""
        net = self._nets[level]
        trunk = _active(self._sum(net.first, self._inputs(level, low, parents), coarser))
        for block in net.blocks:
            trunk = _active(self._sum(block, trunk) + trunk)
        return trunk

    def head(
        self, visit: Visit, trunk: Tensor, known: list[Tensor], carried: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Means in steps, logarithms of scales (C, h/f, w/f) of a step, and its hidden state."""
        level, channels = visit.level, visit.channels
        into, mix, last = self._nets[level].heads[visit.head]
        planes = [c // fold_of(level) ** 2 for c in channels]
        more = []
        if known:
            seen = torch.cat([*known, *(k.abs() for k in known if self._has_magnitudes)])
            more = [seen[None], *([carried] if len(into.weights) > 2 else [])]
        hidden = _active(self._sum(into, trunk, *more))
        hidden = _active(self._sum(mix, hidden))
        out = floor(self._sum(last, hidden).float())[0].clamp(-_MAX_OUT, _MAX_OUT)
        unit = self._unit[level - 1, planes][:, None, None]
        mean = floor(out[: len(channels)] * unit * (_VALUE_UNIT / 4096) + 0.5) / _VALUE_UNIT
        base = self._log_scale[level - 1, planes][:, None, None] + 0.5
        return mean, (out[len(channels) :] + base) / 16, hidden

    def _inputs(self, level: int, low: Tensor, parents: Tensor | None) -> Tensor:
        """(1, I, h/f, w/f) companded inputs of a level's trunk."""
        fold = fold_of(level)
        scale = 9 * self._reciprocal[level - 1] * _RECIPROCAL_UNIT
        high_pass = (low - box_mean(low[None])[0]) * scale[:, None, None]
        high_pass = compand(floor(high_pass))
        if fold > 1:
            high_pass = F.pixel_unshuffle(high_pass, fold)
        brightness = F.avg_pool2d(low[None], fold)[0] / 128
        parts = [high_pass, floor(brightness).clamp(-MAX_INPUT, MAX_INPUT)]
        if parents is not None:
            parts.append(parents)
        if self._has_magnitudes:
            parts += [high_pass.abs(), *(part.abs() for part in parts[2:])]
        return torch.cat(parts)[None]

    def _sum(self, layer: IntLayer, x: Tensor, *others: Tensor | None) -> Tensor:
        """Convolutions of a layer; the half that makes floor round is in its bias."""
        weight = layer.weights[0]
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        total = F.conv2d(x, weight, layer.bias, padding=weight.shape[2] // 2)
        for kernel, other in zip(layer.weights[1:], others, strict=False):
            if other is None:
                continue
            map_ = other.to(self.dtype).contiguous(memory_format=torch.channels_last)
            added = F.conv2d(map_, kernel, padding=kernel.shape[2] // 2)
            if added.shape[2] != total.shape[2]:
                added = F.interpolate(added, scale_factor=2.0, mode="nearest")
            total = total + added
        return total


class _Picture:
    """`Walker` of one picture, or a window of it; arguments as of `FloatTwin.walk`.

    Attributes:
        low: (3, h, w) planes so far, once the low-pass is left.
    """

    def __init__(
        self, twin: FloatTwin, rows: int, columns: int, *, is_grey: bool, choose: Choose
    ) -> None:
        num_planes = 1 if is_grey else NUM_PLANES
        self.low = torch.empty(0)
        self._low_values = torch.zeros((1, num_planes, rows, columns), dtype=torch.float32)
        self._mask = torch.zeros((1, 1, rows, columns), dtype=torch.float32)
        self._twin, self._choose = twin, choose
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None
        self._known: list[Tensor] = []  # of the level's steps so far, companded
        self._hidden: Tensor | None = None  # of the level's last step
        self._coded: list[Tensor] = []  # values of the level's steps so far
        self._order: list[int] = []  # folded channels that they are of

    def visit_low_pass(self, step: int) -> None:
        """See `Walker`."""
        values = self._low_values
        num_planes, rows, columns = values.shape[1:]
        mask = low_pass_elements(step, rows, columns)
        elements = torch.from_numpy(mask)
        mean = neighbour_mean(values, self._mask, diagonal=step == 1)[0][:, elements]
        mean = floor(_VALUE_UNIT * mean) / _VALUE_UNIT
        log_scale = (self._twin.low_log_scale[step, :num_planes, None] + 0.5) / 16
        where = Where(0, tuple(range(num_planes)), mask)
        chosen = self._choose(mean, log_scale.expand_as(mean), where)
        spread = torch.zeros_like(values[0]).masked_scatter(
            elements.expand(num_planes, -1, -1), chosen
        )
        self._low_values = values + spread
        self._mask = self._mask + elements

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        num_planes = self._low_values.shape[1]
        low = self._low_values[0] * self._twin.low_steps[:num_planes, None, None]
        self.low = F.pad(low, (0, 0, 0, 0, 0, NUM_PLANES - num_planes))

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        self._trunk = self._twin.trunk(level, self.low, self._parents, self._trunk)
        self._known, self._coded, self._order, self._hidden = [], [], [], None

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        assert self._trunk is not None
        mean, log_scale, self._hidden = self._twin.head(
            visit, self._trunk, self._known, self._hidden
        )
        values = self._choose(mean, log_scale, Where(visit.level, visit.channels))
        self._known.append(compand(floor(8 * values)))
        self._coded.append(values)
        self._order += visit.channels

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        fold = fold_of(level)
        missing = [c for c in range(NUM_DETAIL_CHANNELS * fold * fold) if c not in self._order]
        if missing:
            self._coded.append(self._coded[0].new_zeros(len(missing), *self._coded[0].shape[1:]))
            self._order += missing
        inverse = sorted(range(len(self._order)), key=self._order.__getitem__)
        folded = torch.cat(self._coded)[inverse]
        values = F.pixel_shuffle(folded, fold) if fold > 1 else folded
        details = values * self._twin.detail_steps[level - 1][:, None, None]
        details = details.view(NUM_PLANES, NUM_BANDS, *details.shape[1:])
        self.low = synthesise_level(self.low, details)
        self._parents = compand(floor(8 * values))


def _active(x: Tensor) -> Tensor:
    return F.hardtanh(floor(x), 0.0, float(MAX_ACTIVATION))
