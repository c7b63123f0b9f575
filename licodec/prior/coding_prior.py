"""The prior that codes: a picture's way through the networks of a family in integers.

Who computes the networks and the elements is exchangeable (`licodec.prior.base`): the native
library, or the reference on torch, which defines what either gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from licodec.prior.base import Activations, Elements, Network, StepCoder
from licodec.prior.fixed_point import COEFFICIENT_SHIFT, OFFSET_SHIFT
from licodec.prior.folded import clear_padding
from licodec.prior.layout import (
    NUM_DETAIL_CHANNELS,
    StepElements,
    detail_steps,
    fold_of,
    low_pass_elements,
)
from licodec.prior.low_pass import low_pass_indices, low_pass_means
from licodec.prior.walk import Visit, walk
from licodec.transform.grid import GRID_PX, NUM_PLANES


@dataclass(frozen=True, slots=True)
class LevelPlanes:
    """`PlaneSource` of a level: the inverse wavelet, computed where it is asked for.

    Attributes:
        elements: compute it.
        level: 6 to 1.
        quality_index: 0..255.
        low: (3, h, w) int32 planes of the coarser level, 1/64 grey level.
        values: (9, h, w) int16 or int32 of this level.
    """

    elements: Elements
    level: int
    quality_index: int
    low: np.ndarray
    values: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(3, 2h, 2w)."""
        return NUM_PLANES, 2 * self.low.shape[1], 2 * self.low.shape[2]

    def window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """(3, bottom - top, right - left) int32, 1/64 grey level."""
        window = top, bottom, left, right
        return self.elements.synthesise(
            self.level, self.quality_index, self.low, self.values, window
        )

    def whole(self) -> np.ndarray:
        """(3, 2h, 2w) int32."""
        return self.window(0, self.shape[1], 0, self.shape[2])


class CodingPrior:
    """The prior of one latent family.

    Args:
        tensors: the family's tensors by name; integers.
        network: of the family.
        elements: of the family.
    """

    def __init__(
        self, tensors: Mapping[str, np.ndarray], network: Network, elements: Elements
    ) -> None:
        self.network, self.elements = network, elements
        self.low_log_scale = tensors["low_log_scale"]  # (256, 3, 3) int32
        self.low_steps_q4 = tensors["low_steps_q4"]  # (256, 3) int32

    def planes(
        self,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
    ) -> LevelPlanes:
        """Visit every step in coding order.

        Args:
            quality_index: 0..255.
            height, width: of the picture in pixels.
            is_grey: chroma is zero and not coded.
            code: quantises or decodes one step's elements; those of index 0 belong to the
                padding, where it must return 0.
            last_level: 1 to 6: no finer level is visited. The planes, of the padded size divided by
                2^(last_level - 1), are then a smaller picture in themselves.

        Returns:
            Planes (3, H, W) of the linear synthesis, H and W the picture's size padded to multiples
            of 64, made where they are asked for.
        """
        picture = _Picture(self, quality_index, height, width, is_grey, code, last_level)
        walk(picture, is_grey=is_grey, last_level=last_level)
        assert picture.planes is not None
        return picture.planes

    def visit(
        self, quality_index: int, height: int, width: int, *, is_grey: bool, code: StepCoder
    ) -> None:
        """As `planes`, for `code` alone: without planes, which need more memory."""
        walk(_Picture(self, quality_index, height, width, is_grey, code, None), is_grey=is_grey)


class _Picture:
    """`Walker` of one picture; arguments as of `CodingPrior.planes`.

    Attributes:
        planes: of the last level, once it is left.

    Args:
        planes_level: the level whose planes are kept, which is the last; None: none are.
    """

    def __init__(
        self,
        prior: CodingPrior,
        quality_index: int,
        height: int,
        width: int,
        is_grey: bool,
        code: StepCoder,
        planes_level: int | None,
    ) -> None:
        self.planes: LevelPlanes | None = None
        self._prior, self._network, self._elements = prior, prior.network, prior.elements
        self._quality_index, self._height, self._width = quality_index, height, width
        self._num_coded_planes = 1 if is_grey else NUM_PLANES
        self._code, self._planes_level = code, planes_level
        self._last_level = planes_level or 1
        # The low-pass' values, then the planes that the coarser level left.
        self._low = np.zeros((NUM_PLANES, -(-height // GRID_PX), -(-width // GRID_PX)), np.int32)
        self._trunk: Activations | None = None
        self._hidden: Activations | None = None  # what the level's heads hand on
        self._parents: np.ndarray | None = None  # companded values of the coarser level
        self._values: np.ndarray | None = None  # of the level, where they become planes
        self._companded: np.ndarray | None = None  # of the level, for the next one
        self._known = np.empty((0, 0, 0), np.int8)  # of the level's steps
        self._num_known = 0  # channels of it that are filled

    def visit_low_pass(self, step: int) -> None:
        """See `Walker`."""
        coded = self._low[: self._num_coded_planes]
        elements = low_pass_elements(step, *coded.shape[1:])
        mean = low_pass_means(coded, step)
        log_scale = self._prior.low_log_scale[self._quality_index, step, : len(coded)]
        index = low_pass_indices(log_scale, mean.shape[1])
        where = StepElements(0, tuple(range(len(coded))), elements)
        offsets = self._code(mean, index, where)
        coded[:, elements] = mean + (offsets.astype(np.int32) << OFFSET_SHIFT)

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        steps = self._prior.low_steps_q4[self._quality_index][:, None, None]
        half = np.int32(1 << COEFFICIENT_SHIFT - 1)
        self._low = (self._low * steps + half) >> COEFFICIENT_SHIFT

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        self._trunk = self._network.trunk(
            level, self._quality_index, self._low, self._parents, self._trunk
        )
        self._hidden = self._network.new_hidden(level, self._trunk)
        self._parents = None
        size, fold = self._low.shape[1:], fold_of(level)
        if self._has_planes(level):
            self._values = np.zeros((NUM_DETAIL_CHANNELS, *size), np.int16)
        else:
            self._low = np.empty((NUM_PLANES, 0, 0), np.int32)
        if level > 1:
            self._companded = np.zeros((NUM_DETAIL_CHANNELS, *size), np.int8)
        num_known = max(len(s.known) for s in detail_steps(level))
        self._known = np.empty((num_known, size[0] // fold, size[1] // fold), np.int8)
        self._num_known = 0

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        level, channels, first = visit.level, visit.channels, self._num_known
        last = first + len(channels)
        mean, index = self._network.head(
            level, self._quality_index, visit.head, self._trunk, self._known[:first], self._hidden
        )
        clear_padding(mean, index, channels, level, self._height, self._width)
        if visit.is_last:  # nothing else holds that memory
            self._known, self._hidden = np.empty((0, 0, 0), np.int8), None
            if level == self._last_level:
                self._trunk = None
        offsets = self._code(mean, index, StepElements(level, channels))
        if visit.is_last and not self._has_planes(level):
            return
        self._values = self._elements.put(
            level,
            channels,
            mean,
            offsets,
            self._values,
            companded=None if visit.is_last else self._known[first:last],
            parents=self._companded,
        )
        self._num_known = last

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        if self._values is None:
            return
        planes = LevelPlanes(self._elements, level, self._quality_index, self._low, self._values)
        self._parents, self._values, self._companded = self._companded, None, None
        if level > self._last_level:
            self._low = planes.whole()
        else:
            self.planes = planes

    def _has_planes(self, level: int) -> bool:
        """Whether the level's values become planes."""
        return level > self._last_level or level == self._planes_level
