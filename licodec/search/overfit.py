"""Latent overfitting: codes a picture again and again with a latent that is fitted to it.

    values --quantizer, integer prior--> coded values --synthesis--> error, bits: the true cost
       ^                                      |
       +---- step towards the minima <--------+  gradient through synthesis and prior

Each round codes the picture as the file will, and moves the latent towards the minimum of the
objective around what was coded (`Objective.targets`), by a pace that falls within a stage. In
longer searches some stages begin with an annealing (`annealing.py`), which codes nothing and finds
what such rounds do not, at low rates most. Each stage starts from the best latent so far, and only
what the true cost proves is kept. Draws have fixed seeds: the same number of rounds gives the same
file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.fitted import fitted_latent
from licodec.codec.latent import analysed_latent
from licodec.codec.model import Family
from licodec.search.annealing import Annealing
from licodec.search.objective import Cost, Objective
from licodec.search.values import Values, values_of
from licodec.transform.grid import GRID_PX, padded_size
from licodec.transform.integer import IntegerSynthesis


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps of an annealing, then rounds towards the minima whose pace falls geometrically.

    Where the budget is shorter, both are fewer and temperature and pace fall faster.

    Attributes:
        num_annealed: steps of the annealing.
        num_rounds: most rounds after it.
        first_pace, last_pace: share of the way to the minima that a round goes. Elements see each
            other's rounding errors, so the whole way at once overshoots (docs/decisions).
    """

    num_annealed: int
    num_rounds: int
    first_pace: float
    last_pace: float = 0.03

    def pace(self, share: float) -> float:
        """Pace after a share of the rounds, 0 to 1."""
        fall: float = (self.last_pace / self.first_pace) ** share
        return self.first_pace * fall


FIRST = Stage(0, 32, 0.3)
# Where only small errors are left, what is seen bends more than a parabola says: between these
# quality indices the first pace for the eye falls to that share of itself (docs/decisions/eye.md).
_BENT_FROM, _BENT_TO, _LEAST_SHARE = 100, 200, 0.5
# What is tried after it, in this order at first. An annealing that pays is made twice as slow.
NEXT = (Stage(0, 16, 0.15), Stage(48, 16, 0.15))
# A search for the squared error that has so many times as long as its start took begins at the
# analysis instead of what is back-projected: rounds from there find more, once there are five, and
# for the eye fewer (docs/decisions).
_LONG_SEARCH = 12
# Share of the time left that an annealing may take; the rounds after it need the rest.
_ANNEALED_SHARE = 0.7
# A stage ends after so many rounds without a better file.
_PATIENCE = 8
# A kind of stage is given up once it saves less than this share of the cost per round.
_MIN_GAIN = 1e-5


def first_stage(tune: str, quality_index: int) -> Stage:
    """What a search begins with, for a family's tune and a quality, 0..255."""
    if tune != "visual":
        return FIRST
    share = np.interp(quality_index, (_BENT_FROM, _BENT_TO), (1.0, _LEAST_SHARE))
    return replace(FIRST, first_pace=FIRST.first_pace * float(share))


@dataclass(frozen=True, slots=True)
class Progress:
    """State of a search after a round; costs are true."""

    rounds: int
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
    """

    encoded: Encoded
    values: Values
    progress: Progress


def overfit(
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    quality_index: int,
    device: str,
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
        The best file; never a costlier one than that of `encode_fitted`. Ctrl-C (KeyboardInterrupt)
        ends the search, which then returns what it has.
    """
    started = time.perf_counter()

    def code(values: Values, is_all_coded: bool | None) -> Encoded:
        return encode_pixels(
            pixels,
            family,
            quality_index,
            device,
            choice=choice,
            is_all_coded=is_all_coded,
            values=values,
        )

    rows, columns = (padded_size(n, GRID_PX) // GRID_PX for n in pixels.shape[:2])
    objective = Objective(pixels, family, synthesis, quality_index, device)
    before_start = time.perf_counter()
    latent = fitted_latent(pixels, family, synthesis, quality_index, device)
    search = _Search(
        objective,
        code,
        values_of(latent, rows, columns),
        first=first_stage(family.tune, quality_index),
        report=report or (lambda progress: None),
        started=started,
        deadline=started + seconds,
        max_rounds=math.inf if max_rounds is None else max_rounds,
    )
    del latent
    start_s = time.perf_counter() - before_start
    with suppress(KeyboardInterrupt):
        if family.tune != "visual" and seconds > _LONG_SEARCH * start_s:
            latent = analysed_latent(pixels, family, quality_index, device)
            search.begin_at(values_of(latent, rows, columns))
            del latent
        search.run()
    return Overfitted(search.best, search.best_values, search.progress())


class _Search:
    """The greedy search: state of the best file and of the stage that runs.

    Args:
        objective: of the picture.
        code: encodes values; None lets it choose whether all elements are coded.
        values: to start from.
        first: stage that the search begins with.
        report: called after the start and after each round.
        started, deadline: of the whole search, as of `time.perf_counter`.
        max_rounds: most rounds.
    """

    def __init__(
        self,
        objective: Objective,
        code: Callable[[Values, bool | None], Encoded],
        values: Values,
        *,
        first: Stage,
        report: Callable[[Progress], None],
        started: float,
        deadline: float,
        max_rounds: float,
    ) -> None:
        self.best = self._first = code(values, None)
        self.best_values = self._first_values = values
        self._objective = objective
        self._encode = code
        self._first_stage = first
        self._report = report
        self._started = started
        self._deadline = deadline
        self._max_rounds = max_rounds
        self._best_cost = objective.cost(self.best)
        self._start = self._present = self._best_cost
        self._rounds = 0
        self._longest_s = 0.0  # of the rounds

    def progress(self) -> Progress:
        """Of the last round."""
        return Progress(
            self._rounds,
            time.perf_counter() - self._started,
            self._start,
            self._present,
            self._best_cost,
        )

    def begin_at(self, values: Values) -> None:
        """Begin the rounds at other values; the start's file is kept while it is the best."""
        self._first_values, self._first = values, self._encode(values, None)
        cost = self._objective.cost(self._first)
        if cost.rd < self._best_cost.rd:
            self._best_cost, self.best, self.best_values = cost, self._first, values
        self._start = self._present = self._best_cost

    def run(self) -> None:
        """All stages: after the first, always the kind that last saved most per round."""
        self._report(self.progress())
        values, encoded = self._first_values, self._first
        del self._first_values, self._first
        if self._saved_per_round(self._first_stage, values, encoded) is None:
            return
        last_saved = dict.fromkeys(NEXT, math.inf)  # so that each is tried once
        while last_saved:
            stage = max(last_saved, key=last_saved.__getitem__)
            saved = self._saved_per_round(stage, self.best_values, self.best)
            if saved is None:
                return
            del last_saved[stage]
            if saved >= _MIN_GAIN:
                last_saved[replace(stage, num_annealed=2 * stage.num_annealed)] = saved

    def _saved_per_round(self, stage: Stage, values: Values, coded: Encoded) -> float | None:
        """Run a stage from values and what was coded of them.

        Returns:
            The share of the start's cost that it saves, None if a budget ended it.
        """
        before, first_round = self._best_cost.rd, self._rounds
        values = values.copy()
        encoded = self._annealed(stage, values) if stage.num_annealed else coded
        if encoded is None or not self._refine(stage, values, encoded):
            return None
        return (before - self._best_cost.rd) / self._start.rd / (self._rounds - first_round)

    def _annealed(self, stage: Stage, values: Values) -> Encoded | None:
        """Anneal values in place and code them; None if a budget ends the search."""
        annealing = Annealing(self._objective, values, self.best, seed=stage.num_annealed)
        budget = _Budget(
            stage.num_annealed,
            _ANNEALED_SHARE * (self._max_rounds - self._rounds),
            _ANNEALED_SHARE * (self._deadline - time.perf_counter()),
            self._longest_s,
        )
        while (share := budget.share()) is not None:
            annealing.step(share)
            self._rounds += 1
            self._report(self.progress())
        self._longest_s = budget.longest_s
        if self._rounds >= self._max_rounds or time.perf_counter() > self._deadline:
            return None
        encoded = self._code(values)
        self._report(self.progress())
        return encoded

    def _refine(self, stage: Stage, values: Values, encoded: Encoded) -> bool:
        """Rounds towards the minima until they bring nothing; False if a budget ends the search."""
        fruitless = 0
        budget = _Budget(
            stage.num_rounds,
            self._max_rounds - self._rounds,
            self._deadline - time.perf_counter(),
            self._longest_s,
        )
        while fruitless < _PATIENCE and (share := budget.share()) is not None:
            targets = self._objective.targets(encoded)
            for value, target in zip(values.tensors, targets.tensors, strict=True):
                value.lerp_(target, stage.pace(share))
            encoded = self._code(values)
            fruitless = 0 if self.best is encoded else fruitless + 1
            self._report(self.progress())
        self._longest_s = budget.longest_s
        return fruitless == _PATIENCE or budget.is_done

    def _code(self, values: Values) -> Encoded:
        """Code the picture and keep the file if it is the best."""
        encoded = self._encode(values, self.best.is_all_coded)
        self._present = self._objective.cost(encoded)
        self._rounds += 1
        if self._present.rd < self._best_cost.rd:
            self._best_cost, self.best, self.best_values = self._present, encoded, values.copy()
        return encoded


class _Budget:
    """Steps of a part of the search, within what is left of rounds and time."""

    def __init__(
        self, num_steps: int, rounds_left: float, seconds_left: float, longest_s: float
    ) -> None:
        self._num_wanted = num_steps
        self._num_steps = min(num_steps, rounds_left)
        self._num_done = 0
        self._seconds = seconds_left
        self._began = self._before = time.perf_counter()
        self.longest_s = longest_s

    @property
    def is_done(self) -> bool:
        """All steps that were wanted were taken."""
        return self._num_done == self._num_wanted

    def share(self) -> float | None:
        """To be asked before each step: the share that is spent, None if there is no room."""
        now = time.perf_counter()
        if self._num_done:
            self.longest_s = max(self.longest_s, now - self._before)
        self._before = now
        spent = now - self._began
        if self._num_done >= self._num_steps or spent + self.longest_s > self._seconds:
            return None
        share = max(self._num_done / self._num_steps, spent / self._seconds)
        self._num_done += 1
        return share
