"""Leads a batch of pictures through the float network: in training, and in a latent search.

                 low-pass of level l (known)      details of level l + 1 (known, "parents")
                          |                                   |
              local high-pass, companded                 companded         trunk of level l + 1
                          |                                   |                    |
                          +--------------- trunk: 3x3 convolutions ----------------+
                                                |
     luma, first colour -> luma, second colour -> chroma, first colour -> chroma, second colour
       (each head sees the trunk and all symbols that this level has coded; gives mean and scale)

What `licodec.prior.coding_prior` does for one picture in integers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.prior.batch import CropCoder, Qualities, low_pass_places
from licodec.prior.decision import Quantize
from licodec.prior.float_net import Prior
from licodec.prior.layout import NUM_DETAIL_CHANNELS, StepElements, fold_of, low_pass_elements
from licodec.prior.low_pass import neighbour_sums
from licodec.prior.walk import Visit, coded_steps, walk
from licodec.transform.grid import NUM_BANDS, NUM_PLANES
from licodec.transform.wavelet import synthesise_level

# (means in steps (N, C, ..), log scales (N, C, ..), where, places of the elements in the flat
# low-pass (n,) int64, else None) -> values in steps (N, C, ..)
Code = Callable[[Tensor, Tensor, StepElements, Tensor | None], Tensor]


def code_batch(
    prior: Prior, low: Tensor, details: list[Tensor], qualities: Qualities, quantize: Quantize
) -> tuple[Tensor, Tensor]:
    """Bits and decoded planes of a batch of pictures.

    Args:
        prior: the network.
        low: (N, 3, H/64, W/64) float low-pass in grey levels.
        details: per level 1..6, (N, 3, 3, h, w) float details, planes then bands.
        qualities: of the pictures.
        quantize: how symbols are chosen.

    Returns:
        bits (N,) of each picture, planes (N, 3, H, W) float of the linear synthesis.
    """
    coder = CropCoder(low, details, qualities, quantize)
    rows, columns = low.shape[2:]
    walker = FloatWalk(prior, qualities, rows, columns, coder)
    walk(walker)
    return coder.bits, walker.low


class FloatWalk:
    """`Walker` of a batch of pictures, or of windows of them.

    Attributes:
        low: (N, 3, h, w) float planes so far in grey levels; in steps until the low-pass is left.
        inputs: of the level's trunk, without magnitudes.
        coded: (N, C, h, w) values of each of the level's steps so far.

    Args:
        prior: the network.
        qualities: of the pictures.
        rows, columns: of the low-pass of level 6.
        code: gives the values of a step's elements.
        is_grey: chroma is zero and not coded.
        is_followed: gradients pass through what the networks see. Training stops them there: they
            would turn the transforms into what is easy to predict.
    """

    def __init__(
        self,
        prior: Prior,
        qualities: Qualities,
        rows: int,
        columns: int,
        code: Code,
        *,
        is_grey: bool = False,
        is_followed: bool = False,
    ) -> None:
        self._prior, self._at, self._code = prior, qualities, code
        self._is_grey, self._is_followed = is_grey, is_followed
        steps_px = qualities.low_steps_px
        num_planes = 1 if is_grey else NUM_PLANES
        self.low = steps_px.new_zeros(len(steps_px), num_planes, rows, columns)
        self._is_known = steps_px.new_zeros(rows, columns)
        self._trunk: Tensor | None = None
        self._parents: Tensor | None = None  # of the level, companded
        self.inputs = self.low
        self.coded: list[Tensor] = []
        self._known: list[Tensor] = []  # the same, companded
        self._order: list[int] = []  # folded channels that they are of
        self._starts: tuple[Tensor, ...] = ()  # what the trunk gives to each head
        self._hidden: Tensor | None = None  # of the last head
        self._log_scales = self._units = self.low  # (N, 9 fold^2) of the level

    def visit_low_pass(self, step: int) -> None:
        """See `Walker`."""
        num_planes, rows, columns = self.low.shape[1:]
        where = StepElements(0, tuple(range(num_planes)), low_pass_elements(step, rows, columns))
        places = low_pass_places(step, rows, columns, self.low.device)
        total, count = neighbour_sums(self.low, self._is_known, diagonal=step == 1)
        mean = (total / count).flatten(2).index_select(2, places)
        log_scale = self._prior.low_log_scales(step, self._at.weights)[:, :num_planes, None]
        mean = self._prior.round_low_mean(mean)  # (N, C, n)
        values = self._code(mean, log_scale.expand_as(mean), where, places)
        self.low = self.low.flatten(2).index_copy(2, places, values).view_as(self.low)
        is_known = self._is_known.flatten().index_fill(0, places, 1.0)
        self._is_known = is_known.view_as(self._is_known)

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        num_planes = self.low.shape[1]
        low = self.low * self._at.low_steps_px[:, :num_planes, None, None]
        self.low = F.pad(low, (0, 0, 0, 0, 0, NUM_PLANES - num_planes))

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        prior, weights = self._prior, self._at.weights
        net = prior.net(level)
        steps_px = self._at.detail_steps_px[:, level - 1]
        self.inputs = net.inputs(self._seen(self.low), self._parents, steps_px)
        self._trunk = net.trunk(self.inputs, self._trunk, prior.bias(level, weights))
        self._starts = net.starts(self._trunk, len(coded_steps(level, is_grey=self._is_grey)))
        self.coded, self._known, self._order, self._hidden = [], [], [], None
        self._log_scales = prior.log_scales(level, weights)
        self._units = prior.mean_units(level, self._log_scales)

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        net, channels = self._prior.net(visit.level), list(visit.channels)
        known = torch.cat(self._known, 1) if self._known else None
        out, self._hidden = net.head(visit.head, self._starts[visit.head], known, self._hidden)
        mean, correction = out.chunk(2, 1)
        mean = net.round_mean(mean * self._units[:, channels, None, None])
        log_scale = correction + self._log_scales[:, channels, None, None]
        values = self._code(mean, log_scale, StepElements(visit.level, visit.channels), None)
        self.coded.append(values)
        self._order += channels
        if visit.level > 1 or not visit.is_last:
            self._known.append(net.compand(self._seen(values)))

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        values = self._unfolded(self.coded, level)
        self._parents = self._unfolded(self._known, level) if level > 1 else None
        details = values * self._at.detail_steps_px[:, level - 1, :, None, None]
        details = details.view(len(values), NUM_PLANES, NUM_BANDS, *values.shape[2:])
        self.low = synthesise_level(self.low, details)

    def _seen(self, x: Tensor) -> Tensor:
        return x if self._is_followed else x.detach()

    def _unfolded(self, parts: list[Tensor], level: int) -> Tensor:
        """(N, 9, h, w) of a level from its steps; zeros in those that are not coded."""
        fold, order = fold_of(level), self._order
        num_missing = NUM_DETAIL_CHANNELS * fold**2 - len(order)
        if num_missing:  # chroma, the last channels
            first = parts[0]
            parts = [*parts, first.new_zeros(len(first), num_missing, *first.shape[2:])]
            order = [*order, *range(len(order), len(order) + num_missing)]
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return F.pixel_shuffle(torch.cat(parts, 1)[:, inverse], fold)
