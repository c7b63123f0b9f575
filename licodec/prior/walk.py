"""The order in which a prior visits the steps of a picture: the only traversal there is.

    low-pass, three steps -> level 6, two steps -> levels 5 to 1, four steps each

Two networks go this way: the integer one that codes (`licodec.prior.coding_prior`), and the float
one (`licodec.prior.float_walk`) in training and, with the numbers of the integers, in the search of
a latent. The number of steps does not depend on the picture's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from licodec.prior.layout import NUM_LOW_PASS_STEPS, DetailStep, detail_steps
from licodec.transform.grid import NUM_LEVELS


@dataclass(frozen=True, slots=True)
class Visit:
    """One step of a level.

    Attributes:
        level: 1 to 6.
        head: number of the step in its level.
        channels: folded channels that it codes.
        is_last: of the level.
    """

    level: int
    head: int
    channels: tuple[int, ...]
    is_last: bool


class Walker(Protocol):
    """A network on its way through a picture; keeps what later steps need of earlier ones."""

    def visit_low_pass(self, step: int) -> None:
        """Predict and code the elements of low-pass step 0, 1 or 2."""

    def leave_low_pass(self) -> None:
        """Turn the low-pass' values into planes."""

    def enter_level(self, level: int) -> None:
        """Compute the trunk from the planes that are known."""

    def visit(self, visit: Visit) -> None:
        """Predict and code the elements of a step."""

    def leave_level(self, level: int) -> None:
        """Turn the level's values into the planes of the next finer one."""


def walk(walker: Walker, *, is_grey: bool = False, last_level: int = 1) -> None:
    """Visit every step in coding order.

    Args:
        walker: what works at each of them.
        is_grey: leave the steps of chroma out.
        last_level: 1 to 6: no finer level is visited.
    """
    for number in range(NUM_LOW_PASS_STEPS):
        walker.visit_low_pass(number)
    walker.leave_low_pass()
    for level in range(NUM_LEVELS, last_level - 1, -1):
        walker.enter_level(level)
        steps = coded_steps(level, is_grey=is_grey)
        for head, step in enumerate(steps):
            walker.visit(Visit(level, head, step.channels, is_last=head + 1 == len(steps)))
        walker.leave_level(level)


def coded_steps(level: int, *, is_grey: bool) -> tuple[DetailStep, ...]:
    """Steps of a level that a picture has."""
    return tuple(s for s in detail_steps(level) if not (is_grey and s.is_chroma))
