"""Levels, steps and networks: the order in which elements are coded.

Coarse to fine: three steps for the coarsest low-pass, two for the details of level 6, then four for
each of the levels 5 to 1. The number of steps is the same for every picture size.

Levels 5 to 1 work on a *folded* grid: the 2x2 neighbours of a band become channels, so that one
colour of the checkerboard is a set of channels and every output of a network is used. The folded
grid of level l is also the grid of level l + 1, whose values ("parents") join as channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from licodec.transform.grid import NUM_LEVELS

NUM_DETAIL_CHANNELS = 9  # (plane, band), plane-major: luma 0..2, chroma 3..8
LUMA_CHANNELS = tuple(range(3))
CHROMA_CHANNELS = tuple(range(3, 9))

# Positions in a folded 2x2 block: 0 top left, 1 top right, 2 bottom left, 3 bottom right.
_FIRST_COLOUR = (0, 3)
_SECOND_COLOUR = (1, 2)


@dataclass(frozen=True, slots=True)
class DetailStep:
    """One step of a level: the elements coded together and the elements known before."""

    channels: tuple[int, ...]  # folded channels (detail channel * fold^2 + position) coded now
    known: tuple[int, ...]  # folded channels coded in earlier steps of this level
    is_chroma: bool


def fold_of(level: int) -> int:
    """Side of the block that is folded into channels at a level."""
    return 1 if level == NUM_LEVELS else 2


def detail_steps(level: int) -> tuple[DetailStep, ...]:
    """Steps of one level in coding order."""
    fold = fold_of(level)
    colours = ((0,),) if fold == 1 else (_FIRST_COLOUR, _SECOND_COLOUR)
    steps: list[DetailStep] = []
    known: tuple[int, ...] = ()
    for planes in (LUMA_CHANNELS, CHROMA_CHANNELS):
        for colour in colours:
            channels = tuple(c * fold * fold + p for c in planes for p in colour)
            steps.append(DetailStep(channels, known, planes is CHROMA_CHANNELS))
            known += channels
    return tuple(steps)


# First row and column of the lattices of every second element that a step of the low-pass codes.
LOW_PASS_LATTICES = (((0, 0),), ((1, 1),), ((0, 1), (1, 0)))
NUM_LOW_PASS_STEPS = len(LOW_PASS_LATTICES)

# Which network serves a level; the three coarse folded levels look alike and share one.
NET_OF_LEVEL = {1: "fine", 2: "middle", 3: "coarse", 4: "coarse", 5: "coarse", 6: "top"}
LEVELS_OF_NET = {
    net: tuple(lv for lv, name in NET_OF_LEVEL.items() if name == net)
    for net in dict.fromkeys(NET_OF_LEVEL.values())
}


def row_in_net(level: int) -> int:
    """Number of a level among those that its network serves, the finest being 0."""
    return LEVELS_OF_NET[NET_OF_LEVEL[level]].index(level)


@dataclass(frozen=True, slots=True)
class StepElements:
    """Which elements a step codes: (level, folded channels), or the low-pass elements of a mask."""

    level: int  # 0: the low-pass
    channels: tuple[int, ...]
    mask: np.ndarray | None = None  # (h, w) bool, low-pass only

    @property
    def num_bands(self) -> int:
        """Detail channels, in the low-pass planes, that the elements belong to."""
        if self.mask is not None:
            return len(self.channels)
        return len({c // fold_of(self.level) ** 2 for c in self.channels})


def low_pass_elements(step: int, rows: int, columns: int) -> np.ndarray:
    """(rows, columns) bool: what a low-pass step codes."""
    elements = np.zeros((rows, columns), bool)
    for row, column in LOW_PASS_LATTICES[step]:
        elements[row::2, column::2] = True
    return elements
