"""Frequency tables for tests: of given halves, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from licodec.entropy.tables import Tables, fit_halves, load_tables


def halves_of(*halves: Sequence[int]) -> np.ndarray:
    """Halves one after the other, as a family stores them."""
    return np.concatenate([np.array(half, dtype=np.int64) for half in halves])


def random_halves(seed: int, reaches: Sequence[int]) -> np.ndarray:
    """Fitted to random counts of very different sizes."""
    rng = np.random.default_rng(seed)
    parts = []
    for reach in reaches:
        counts = np.floor(rng.random(reach + 2) ** 6 * 10**6)
        parts.append(fit_halves(counts, np.full(reach + 2, 1 / (reach + 2)), 10.0))
    return halves_of(*parts)


def random_tables(seed: int, reaches: Sequence[int]) -> Tables:
    """Tables of random halves; no index above 0 is skipped."""
    return load_tables(random_halves(seed, reaches), np.array(reaches), 1)
