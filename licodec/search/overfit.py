"""A picture in, the same picture coded with a latent fitted to it out: latent overfitting.

    values --quantizer, integer prior--> coded values --synthesis--> error, bits: the true cost
       ^                                      |
       +---- step towards the minima <--------+  gradient through synthesis and prior

Each round codes the picture as the file will, and moves the latent towards the minimum of the
objective around what was coded (`Objective.targets`). A stage goes on with one pace while that
finds better files; the next one starts from the best latent at half the pace. Only what the true
cost proves is kept. Nothing is random: the same number of rounds gives the same file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.latent import Latent
from licodec.codec.model import Family
from licodec.search.objective import Cost, Objective
from licodec.search.values import Values, values_of
from licodec.transform.correction import Correction
from licodec.transform.patches import padded_size
from licodec.transform.wavelet import GRID_PX

# Share of the way to the minima that a round goes. Elements see each other's rounding errors, so
# the whole way at once overshoots (docs/decisions.md).
PACES = (0.2, 0.1, 0.05)
# A stage ends after so many rounds without a better file.
_PATIENCE = 6
# The search ends once a stage saves less than this share of the cost per second and megapixel.
_MIN_GAIN = 2e-6


@dataclass(frozen=True, slots=True)
class Progress:
    """State of a search after a round; costs are true."""

    rounds: int
    pace: float
    seconds: float
    start: Cost
    present: Cost
    best: Cost

    @property
    def gain(self) -> float:
        """Share of the start's rate-distortion cost that the best file saves."""
        return 1 - self.best.rd / self.start.rd


@dataclass(frozen=True, slots=True)
class Overfitted:
    """Result of a search.

    Attributes:
        encoded: best file found; that of the start if none was better.
        values: latent that gave it.
        progress: of the last round.
        is_interrupted: ended by Ctrl-C.
    """

    encoded: Encoded
    values: Values
    progress: Progress
    is_interrupted: bool


def overfit(
    pixels: np.ndarray,
    family: Family,
    synthesis: Correction,
    quality_index: int,
    device: torch.device,
    *,
    choice: str,
    seconds: float = math.inf,
    max_rounds: int | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Overfitted:
    """Search the latent that codes this picture best; decoders notice nothing.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
        device: of the corrections.
        choice: how symbols are chosen, key of `licodec.config.CHOICES`.
        seconds: wall-clock budget; no round is begun that would go beyond.
        max_rounds: most rounds; makes results independent of the machine's speed.
        report: called after the start and after each round.

    Returns:
        The best file; never a costlier one than that of the analysis. Ctrl-C (KeyboardInterrupt)
        ends the search, which then returns what it has.
    """
    started = time.perf_counter()
    latent = Latent(pixels, family, quality_index, device)
    rows, columns = (padded_size(n, GRID_PX) // GRID_PX for n in pixels.shape[:2])
    values = values_of(latent, rows, columns)
    del latent
    first = encode_pixels(pixels, family, quality_index, device, choice=choice, values=values)
    search = _Search(pixels, family, synthesis, quality_index, device, choice, values, first)
    search.tell = report or _silent
    search.deadline = started + seconds
    search.started = started
    is_interrupted = False
    try:
        search.run(math.inf if max_rounds is None else max_rounds)
    except KeyboardInterrupt:
        is_interrupted = True
    return Overfitted(search.best, search.best_values, search.progress(), is_interrupted)


def _silent(progress: Progress) -> None:
    """Report of nobody."""


class _Search:
    """The greedy search: state of the best file and of the stage that runs."""

    def __init__(
        self,
        pixels: np.ndarray,
        family: Family,
        synthesis: Correction,
        quality_index: int,
        device: torch.device,
        choice: str,
        values: Values,
        first: Encoded,
    ) -> None:
        self.tell: Callable[[Progress], None] = _silent
        self.deadline = math.inf
        self.started = time.perf_counter()
        self.best = first
        self.best_values = values
        self._objective = Objective(pixels, family, synthesis, quality_index, device)
        self._pixels = pixels
        self._family = family
        self._quality_index = quality_index
        self._device = device
        self._choice = choice
        self._start = self._present = self._best_cost = self._objective.cost(first)
        self._rounds = 0
        self._pace = PACES[0]

    def progress(self) -> Progress:
        """Of the last round."""
        return Progress(
            self._rounds,
            self._pace,
            time.perf_counter() - self.started,
            self._start,
            self._present,
            self._best_cost,
        )

    def run(self, max_rounds: float) -> None:
        """All stages."""
        self.tell(self.progress())
        megapixels = self._pixels.shape[0] * self._pixels.shape[1] / 1e6
        for pace in PACES:
            self._pace = pace
            before, began = self._best_cost.rd, time.perf_counter()
            if not self._stage(max_rounds):
                return
            saved = (before - self._best_cost.rd) / self._start.rd
            if saved < _MIN_GAIN * (time.perf_counter() - began) / megapixels:
                return

    def _stage(self, max_rounds: float) -> bool:
        """Rounds of one pace until they bring nothing; False if a budget ends the search."""
        values, encoded = self.best_values.copy(), self.best
        fruitless, longest = 0, 0.0
        while fruitless < _PATIENCE:
            began = time.perf_counter()
            if self._rounds >= max_rounds or began + longest > self.deadline:
                return False
            targets = self._objective.targets(encoded)
            for value, target in zip(values.tensors, targets.tensors, strict=True):
                value.lerp_(target, self._pace)
            encoded = encode_pixels(
                self._pixels,
                self._family,
                self._quality_index,
                self._device,
                choice=self._choice,
                is_all_coded=self.best.is_all_coded,
                values=values,
            )
            self._present = self._objective.cost(encoded)
            fruitless += 1
            if self._present.rd < self._best_cost.rd:
                self._best_cost, self.best, self.best_values = self._present, encoded, values.copy()
                fruitless = 0
            self._rounds += 1
            longest = max(longest, time.perf_counter() - began)
            self.tell(self.progress())
        return True
