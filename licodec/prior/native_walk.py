"""The native library's networks on their way through a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from licodec.native.binding import Library
from licodec.prior.base import StepCoder
from licodec.prior.layout import (
    NUM_DETAIL_CHANNELS,
    NUM_PLANES,
    StepElements,
    detail_steps,
    fold_of,
    low_pass_elements,
)
from licodec.prior.native_elements import NativeElements
from licodec.prior.native_network import Map, NativeNetwork
from licodec.prior.walk import Visit, walk
from licodec.transform.grid import GRID_PX


@dataclass(frozen=True, slots=True)
class NativePlaneSource:
    """Planes of the linear synthesis at one level, made where they are asked for.

    Attributes:
        low: (3, h, w) int32 planes of the coarser level, 1/64 grey level.
        values: (9, h, w) int16 or int32 of this level.
        elements: makes the planes of them.
    """

    elements: NativeElements
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


class NativePrior:
    """`licodec.prior.base.CodingPrior` on the native library.

    Args:
        tensors: the family's tensors by name; integers.
        library: that codes with them.

    Raises:
        KeyError: a tensor is missing; it is named.
        ModelError: weights or tables that the library cannot take; the torch path may.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], library: Library) -> None:
        self.network = NativeNetwork(tensors, library)
        self.elements = NativeElements(tensors, library)

    def planes(
        self,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
    ) -> NativePlaneSource:
        """See `CodingPrior`."""
        picture = _Picture(
            self,
            quality_index,
            height,
            width,
            is_grey=is_grey,
            code=code,
            last_level=last_level,
        )
        walk(picture, is_grey=is_grey, last_level=last_level)
        assert picture.planes is not None
        return picture.planes

    def visit(
        self, quality_index: int, height: int, width: int, *, is_grey: bool, code: StepCoder
    ) -> None:
        """See `CodingPrior`."""
        size = height, width
        picture = _Picture(self, quality_index, *size, is_grey=is_grey, code=code, is_kept=False)
        walk(picture, is_grey=is_grey)


class _Picture:
    """`Walker` of one picture through the native networks; arguments as of `NativePrior.planes`.

    Attributes:
        planes: of the last level, once it is left; None if they are not to be kept.
    """

    def __init__(
        self,
        prior: NativePrior,
        quality_index: int,
        height: int,
        width: int,
        *,
        is_grey: bool,
        code: StepCoder,
        last_level: int = 1,
        is_kept: bool = True,
    ) -> None:
        self.planes: NativePlaneSource | None = None
        self._network, self._elements = prior.network, prior.elements
        self._quality_index = quality_index
        self._height, self._width, self._is_grey = height, width, is_grey
        self._code, self._last_level, self._is_kept = code, last_level, is_kept
        rows, columns = -(-height // GRID_PX), -(-width // GRID_PX)
        self._low = np.zeros((NUM_PLANES, rows, columns), np.int32)
        self._trunk: Map | None = None
        self._parents: np.ndarray | None = None  # of the coarser level
        self._values: np.ndarray | None = None  # of the level
        self._companded: np.ndarray | None = None  # the same, int8; none at level 1
        self._known = np.empty((0, 0, 0), np.int8)  # of the level's steps, companded
        self._num_known = 0  # channels of it that are filled
        self._hidden: Map | None = None  # what the level's heads hand on

    def visit_low_pass(self, step: int) -> None:
        """See `Walker`."""
        num_planes = 1 if self._is_grey else NUM_PLANES
        mean = self._elements.low_means(self._low, num_planes, step)
        index = self._elements.low_indices(self._quality_index, step, mean.shape)
        mask = low_pass_elements(step, *self._low.shape[1:])
        added = self._code(step, mean, index, StepElements(0, tuple(range(num_planes)), mask))
        self._elements.put_low(self._low, mean, added, step)

    def leave_low_pass(self) -> None:
        """See `Walker`."""
        self._low = self._elements.low_planes(self._quality_index, self._low)

    def enter_level(self, level: int) -> None:
        """See `Walker`."""
        trunk = self._network.trunk(
            level, self._quality_index, self._low, self._parents, self._trunk
        )
        self._parents, self._trunk = None, trunk
        fold = fold_of(level)
        shape = (NUM_DETAIL_CHANNELS, fold * trunk.height, fold * trunk.width)
        if self._has_planes(level):
            self._values = np.zeros(shape, np.int16)
        else:
            self._low = np.empty((NUM_PLANES, 0, 0), np.int32)
        self._companded = np.zeros(shape, np.int8) if level > 1 else None
        num_known = max(len(s.known) for s in detail_steps(level))
        self._known = np.empty((num_known, trunk.height, trunk.width), np.int8)
        self._num_known = 0
        self._hidden = self._network.hidden(level, trunk)

    def visit(self, visit: Visit) -> None:
        """See `Walker`."""
        level, channels, first = visit.level, visit.channels, self._num_known
        assert self._trunk is not None
        mean, index = self._network.head(
            level, self._quality_index, visit.head, self._trunk, self._known[:first], self._hidden
        )
        clear_padding(index, channels, level, self._height, self._width)
        last = first + len(channels)
        if visit.is_last:
            self._known = np.empty((0, 0, 0), np.int8)
            self._hidden = None
            if level == self._last_level:  # nothing else holds that memory
                self._trunk = None
        added = self._code(visit.number, mean, index, StepElements(level, channels))
        if visit.is_last and not self._has_planes(level):
            return
        self._values = self._elements.put(
            level,
            channels,
            mean,
            added,
            self._values,
            companded=None if visit.is_last else self._known[first:last],
            parents=self._companded,
        )
        self._num_known = last

    def leave_level(self, level: int) -> None:
        """See `Walker`."""
        if self._values is None:
            return
        planes = NativePlaneSource(
            self._elements, level, self._quality_index, self._low, self._values
        )
        self._parents, self._values, self._companded = self._companded, None, None
        if level > self._last_level:
            self._low = planes.whole()
        else:
            self.planes = planes

    def _has_planes(self, level: int) -> bool:
        """Whether the level's values become planes."""
        return self._is_kept or level > self._last_level


def clear_padding(
    index: np.ndarray, channels: tuple[int, ...], level: int, height: int, width: int
) -> None:
    """Set the scale index (C, h, w) of elements of the padding, which are not coded, to 0."""
    fold = fold_of(level)
    num_rows, num_columns = -(-height >> level), -(-width >> level)
    for part, channel in zip(index, channels, strict=True):
        down, right = divmod(channel % (fold * fold), fold)
        part[-(-(num_rows - down) // fold) :] = 0
        part[:, -(-(num_columns - right) // fold) :] = 0
