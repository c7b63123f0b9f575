"""What the coding prior is made of: who computes its networks and elements, and who codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from licodec.prior.layout import StepElements

# (means in 2^-VALUE_BITS step (C, ..) int16 or int32, scale indices (C, ..) uint8, where) -> what
# the quantizer adds to the means, in 1/16 step (C, ..) int16 or int32. May change the indices.
StepCoder = Callable[[np.ndarray, np.ndarray, StepElements], np.ndarray]

# Activations (T, h, w) uint8 of a level, as a network keeps them.
Activations = Any


class Network(Protocol):
    """The trunks and heads of one latent family; every implementation gives the same integers."""

    def trunk(
        self,
        level: int,
        quality_index: int,
        low: np.ndarray,
        parents: np.ndarray | None,
        coarser: Activations | None,
    ) -> Activations:
        """Activations that a level's heads share.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            low: (3, fold h, fold w) int32 planes that the coarser level left, 1/64 grey level.
            parents: (9, h, w) int8 companded values of level + 1; None at level 6.
            coarser: trunk of level + 1; None at level 6.
        """
        ...

    def new_hidden(self, level: int, trunk: Activations) -> Activations | None:
        """Room for the hidden state that a level's heads hand on; None if they hand none on."""
        ...

    def head(
        self,
        level: int,
        quality_index: int,
        number: int,
        trunk: Activations,
        known: np.ndarray,
        hidden: Activations | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and scale indices of a step, those of the padding included.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            number: of the step in its level.
            trunk: of the level.
            known: (K, h, w) int8, companded values of the level's earlier steps, one after another.
            hidden: of the level, with the last step's hidden state; takes this one's.

        Returns:
            (C, h, w) means in 2^-VALUE_BITS step, int16 if their unit allows, else int32; (C, h, w)
            uint8 indices, 1 to 63.
        """
        ...


class Elements(Protocol):
    """The values of one latent family's elements, and their wavelet."""

    def put(
        self,
        level: int,
        channels: tuple[int, ...],
        mean: np.ndarray,
        offsets: np.ndarray,
        values: np.ndarray | None,
        *,
        companded: np.ndarray | None,
        parents: np.ndarray | None,
    ) -> np.ndarray | None:
        """Add what a quantizer adds to a step's means.

        Args:
            level: 6 to 1.
            channels: the step's folded channels.
            mean: (C, h, w) int16 or int32.
            offsets: (C, h, w) int16 or int32, 1/16 step.
            values: (9, fold h, fold w) int16 or int32 of the level, takes the step's; None where
                they are not wanted.
            companded: (C, h, w) int8, takes them for the level's later steps.
            parents: (9, fold h, fold w) int8, takes them for the next level.

        Returns:
            The level's values: the array given, or one of int32 where a value needs it.
        """
        ...

    def synthesise(
        self,
        level: int,
        quality_index: int,
        low: np.ndarray,
        values: np.ndarray,
        window: tuple[int, int, int, int],
    ) -> np.ndarray:
        """Planes that a level's values and the planes of the coarser level give.

        Args:
            level: 6 to 1.
            quality_index: 0..255.
            low: (3, h, w) int32, 1/64 grey level.
            values: (9, h, w) int16 or int32.
            window: top, bottom, left, right of the part that is wanted.

        Returns:
            (3, bottom - top, right - left) int32, 1/64 grey level, the same whatever the window.
        """
        ...
