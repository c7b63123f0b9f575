"""The reference of the networks, on torch: exact means and scale indices of each step.

Every number that selects a probability is an integer: activations in 1/16 (0..255), inputs in 1/16
(-127..127), weights in 8 bits with a power-of-two scale per output channel, means in a power of two
of a step, scales as an index. The convolutions run on float carriers; `check_bounds` proves that
every partial sum is an integer below the carrier's exact range, so that the order of summation, and
with it the machine, cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.entropy.tables import NUM_SCALES
from licodec.prior.fixed_point import INDEX_OFFSET, MAX_OUTPUT, MEAN_SHIFT, mean_type
from licodec.prior.inputs import Compand, plane_inputs
from licodec.prior.layers import activate, load_layers
from licodec.prior.layout import LEVELS_OF_NET, NET_OF_LEVEL, detail_steps, fold_of, row_in_net
from licodec.prior.shapes import carries_hidden, has_magnitudes, num_blocks
from licodec.prior.strips import row_strips
from licodec.transform.grid import NUM_PLANES


class ReferenceNetwork:
    """`licodec.prior.base.Network`, which has the arguments of each method.

    Args:
        tensors: the family's tensors by name, which `check_tensors` accepts.
        carrier: torch.float32, or torch.float64 for tests.

    Raises:
        ModelError: an accumulator could leave the exact range.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], carrier: torch.dtype) -> None:
        self._carrier = carrier
        self._layers = load_layers(tensors, carrier)
        self._compand = Compand(torch.from_numpy(tensors["compand"]))
        self._reciprocal, self._mean_unit, self._log_scale = (
            tensors[k] for k in ("high_pass_reciprocal", "mean_unit_q8", "detail_log_scale")
        )
        self._quality_bias = {
            net: torch.from_numpy(tensors[f"net.{net}.quality_bias"]).to(carrier)
            * 2.0 ** -torch.from_numpy(tensors[f"net.{net}.first.shift"]).to(carrier)
            for net in LEVELS_OF_NET
        }
        self._num_blocks = {net: num_blocks(tensors, net) for net in LEVELS_OF_NET}
        self._has_magnitudes = has_magnitudes(tensors)
        self._carries_hidden = carries_hidden(tensors)

    @torch.inference_mode()
    def trunk(
        self,
        level: int,
        quality_index: int,
        low: np.ndarray,
        parents: np.ndarray | None,
        coarser: Tensor | None,
    ) -> Tensor:
        """See `Network`; (T, h, w) uint8."""
        fold, net = fold_of(level), NET_OF_LEVEL[level]
        planes = torch.from_numpy(low)
        known = [] if parents is None else [torch.from_numpy(parents)]
        reciprocal = torch.from_numpy(self._reciprocal[quality_index, level - 1])
        bias = self._quality_bias[net][quality_index, row_in_net(level)]
        first = self._layers[f"net.{net}.first"]
        blocks = [self._layers[f"net.{net}.block{n}"] for n in range(self._num_blocks[net])]
        height, width = low.shape[1] // fold, low.shape[2] // fold
        trunk = torch.empty(len(bias), height, width, dtype=torch.uint8)
        reach = 1 + len(blocks)  # rows that a row of the result depends on, up and down
        for top, bottom in row_strips(height, width):
            above, below = _even(max(top - reach, 0)), min(_even(bottom + reach + 1), height)
            maps = [plane_inputs(planes, above, below, fold, reciprocal, self._compand)]
            maps += [values[:, above:below] for values in known]
            if self._has_magnitudes:
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

    def new_hidden(self, level: int, trunk: Tensor) -> Tensor | None:
        """See `Network`; (H, h, w) uint8."""
        if not self._carries_hidden:
            return None
        width = self._layers[f"net.{NET_OF_LEVEL[level]}.head0.mix"].num_outputs
        return torch.empty(width, *trunk.shape[1:], dtype=torch.uint8)

    @torch.inference_mode()
    def head(
        self,
        level: int,
        quality_index: int,
        number: int,
        trunk: Tensor,
        known: np.ndarray,
        hidden: Tensor | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Network`."""
        name = f"net.{NET_OF_LEVEL[level]}.head{number}"
        first, mix, out = (self._layers[f"{name}.{k}"] for k in ("in", "mix", "out"))
        channels = detail_steps(level)[number].channels
        details = np.array(channels) // fold_of(level) ** 2
        units = self._mean_unit[quality_index, level - 1, details]
        offsets = self._log_scale[quality_index, level - 1, details] + np.int32(INDEX_OFFSET)
        unit, offset = (torch.from_numpy(x)[:, None, None] for x in (units, offsets))
        height, width = trunk.shape[1:]
        means: np.ndarray = np.empty((len(channels), height, width), mean_type(units))
        indices = np.empty(means.shape, np.uint8)
        for top, bottom in row_strips(height, width):
            rows = slice(None), slice(top, bottom)
            total = first.sums(trunk[rows])
            if len(known):
                above, below = max(top - 1, 0), min(bottom + 1, height)
                maps = torch.from_numpy(known[:, above:below])
                maps = torch.cat([maps, maps.abs()]) if self._has_magnitudes else maps
                total += first.sums(maps, 1)[:, top - above : bottom - above]
                if hidden is not None:
                    total += first.sums(hidden[rows], 2)
            mixed = activate(mix.sums(activate(total)))
            if hidden is not None:
                hidden[rows] = mixed
            raw, correction = out.sums(mixed).floor_().clamp_(-MAX_OUTPUT, MAX_OUTPUT).chunk(2)
            mean = raw.to(torch.int32).mul_(unit).add_(1 << MEAN_SHIFT - 1)
            means[rows] = mean.bitwise_right_shift_(MEAN_SHIFT).numpy()
            index = correction.to(torch.int32).add_(offset).bitwise_right_shift_(1)
            indices[rows] = index.clamp_(1, NUM_SCALES - 1).numpy()
        return means, indices


def _even(row: int) -> int:
    """The row, or the one above, that begins a point of the coarser level."""
    return row - row % 2
