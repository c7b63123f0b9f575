"""Visits every step of a picture in coding order, on the native library's networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from licodec.native.network import Map, NativeNetwork
from licodec.prior.layout import (
    NUM_DETAIL_CHANNELS,
    NUM_LEVELS,
    NUM_LOW_PASS_STEPS,
    NUM_PLANES,
    DetailStep,
    detail_steps,
    fold_of,
)

_GRID_PX = 1 << NUM_LEVELS


@dataclass(frozen=True, slots=True)
class Place:
    """Which elements a step codes.

    Attributes:
        level: 6 to 1; 0 is the low-pass.
        channels: folded channels; in the low-pass planes.
        number: of the step in its level.
        num_bands: detail channels, in the low-pass planes, that the elements belong to.
    """

    level: int
    channels: tuple[int, ...]
    number: int

    @property
    def num_bands(self) -> int:
        if not self.level:
            return len(self.channels)
        return len({c // fold_of(self.level) ** 2 for c in self.channels})


# (step number, means in 2^-5 step (C, ..) int16 or int32, scale indices (C, ..) uint8, place) ->
# what the quantizer adds to the means, in 1/16 step (C, ..) int16 or int32
CodeArrays = Callable[[int, np.ndarray, np.ndarray, Place], np.ndarray]


@dataclass(frozen=True, slots=True)
class NativePlanes:
    """Planes of the linear synthesis at one level, made where they are asked for.

    Attributes:
        low: (3, h, w) int32 planes of the coarser level, 1/64 grey level.
        values: (9, h, w) int16 or int32 of this level; without them the planes lack its details.
    """

    network: NativeNetwork
    level: int
    quality_index: int
    low: np.ndarray
    values: np.ndarray | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(3, 2h, 2w)."""
        return NUM_PLANES, 2 * self.low.shape[1], 2 * self.low.shape[2]

    def window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """(3, bottom - top, right - left) int32, 1/64 grey level."""
        values = self.values
        if values is None:
            values = np.zeros((NUM_DETAIL_CHANNELS, *self.low.shape[1:]), np.int16)
        window = top, bottom, left, right
        return self.network.synthesise(self.level, self.quality_index, self.low, values, window)

    def whole(self) -> np.ndarray:
        """(3, 2h, 2w) int32."""
        return self.window(0, self.shape[1], 0, self.shape[2])


def visit(
    network: NativeNetwork,
    quality_index: int,
    height: int,
    width: int,
    *,
    is_grey: bool,
    code: CodeArrays,
    last_level: int = 1,
    is_kept: bool = True,
) -> NativePlanes:
    """Code all steps, from the low-pass to a level.

    Args:
        network: of the family.
        quality_index: 0..255.
        height, width: of the picture in pixels.
        is_grey: chroma is zero and not coded.
        code: quantises or decodes one step's elements; those of index 0 belong to the padding,
            where it must return 0.
        last_level: 1 to 6: no finer level is visited.
        is_kept: keep the last level's values.

    Returns:
        Planes of the last level, of the picture's size padded to multiples of 64 and divided by
        2^(last_level - 1).
    """
    rows, columns = -(-height // _GRID_PX), -(-width // _GRID_PX)
    low = _low_pass(network, quality_index, rows, columns, is_grey, code)
    step = NUM_LOW_PASS_STEPS
    trunk: Map | None = None
    parents: np.ndarray | None = None
    for level in range(NUM_LEVELS, last_level - 1, -1):
        trunk = network.trunk(level, quality_index, low, parents, trunk)
        is_wanted = is_kept or level > last_level
        visited = _Level(network, level, quality_index, trunk, is_kept=is_wanted)
        if level == last_level:
            trunk = None
        for number, detail_step in _steps(level, is_grey=is_grey):
            visited.code(step + number, number, detail_step, code, (height, width), is_grey)
        step += len(detail_steps(level))
        parents = visited.parents
        planes = NativePlanes(network, level, quality_index, low, visited.values)
        if level > last_level:
            low = planes.whole()
    return planes


def _steps(level: int, *, is_grey: bool) -> list[tuple[int, DetailStep]]:
    steps = enumerate(detail_steps(level))
    return [(n, s) for n, s in steps if not (is_grey and s.is_chroma)]


def _low_pass(
    network: NativeNetwork,
    quality_index: int,
    rows: int,
    columns: int,
    is_grey: bool,
    code: CodeArrays,
) -> np.ndarray:
    """(3, rows, columns) int32 planes that all levels begin with."""
    values = np.zeros((NUM_PLANES, rows, columns), np.int32)
    num_planes = 1 if is_grey else NUM_PLANES
    place = tuple(range(num_planes))
    for step in range(NUM_LOW_PASS_STEPS):
        mean = network.low_means(values, num_planes, step)
        index = network.low_indices(quality_index, step, mean.shape)
        added = code(step, mean, index, Place(0, place, step))
        network.put_low(values, mean, added, step)
    return network.low_planes(quality_index, values)


class _Level:
    """What is known of a level while its steps are coded."""

    def __init__(
        self,
        network: NativeNetwork,
        level: int,
        quality_index: int,
        trunk: Map,
        *,
        is_kept: bool,
    ) -> None:
        fold = fold_of(level)
        shape = (NUM_DETAIL_CHANNELS, fold * trunk.height, fold * trunk.width)
        # Nothing else holds the finest trunk, which is let go before the last step is coded.
        self._trunk: Map | None = trunk
        self._network, self._level, self._quality_index = network, level, quality_index
        self.values = np.zeros(shape, np.int16) if is_kept else None
        self.parents = np.zeros(shape, np.int8) if level > 1 else None
        num_known = max(len(s.known) for s in detail_steps(level))
        self._known = np.empty((num_known, trunk.height, trunk.width), np.int8)

    def code(
        self,
        step: int,
        number: int,
        detail_step: DetailStep,
        code: CodeArrays,
        size: tuple[int, int],
        is_grey: bool,
    ) -> None:
        """Code one step of the picture, number `number` of the level."""
        assert self._trunk is not None
        channels, known = detail_step.channels, self._known[: len(detail_step.known)]
        mean, index = self._network.head(
            self._level, self._quality_index, number, self._trunk, known
        )
        clear_padding(index, channels, self._level, *size)
        is_last = number == _steps(self._level, is_grey=is_grey)[-1][0]
        if is_last:
            self._trunk = None
        added = code(step, mean, index, Place(self._level, channels, number))
        first = len(detail_step.known)
        companded = None if is_last else self._known[first : first + len(channels)]
        self.values = self._network.put(
            self._level,
            channels,
            mean,
            added,
            self.values,
            companded=companded,
            parents=self.parents,
        )


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
