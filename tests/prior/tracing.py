"""Code steps for `CodingPrior.planes`: symbols by a seed, and their inputs are kept."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor

from licodec.codec.latent import Latent
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.layout import StepElements


class RandomSymbols:
    """Small random symbols that depend on seed and step alone; keeps a checksum of every step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.checksums: list[int] = []

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        random = np.random.default_rng(1000 * self.seed + len(self.checksums))
        size = random.integers(0, 40, mean.shape, np.int32)
        sign = random.integers(0, 2, mean.shape, np.int32) * 2 - 1
        self.checksums.append(zlib.crc32(mean.astype(np.int32).tobytes() + index.tobytes()))
        return 16 * sign * (size - 34).clip(0) * (index > 0)


class ZeroSymbols:
    """Always zero; keeps the number of steps, where each was and what the prior said."""

    def __init__(self) -> None:
        self.places: list[StepElements] = []
        self.means: list[np.ndarray] = []
        self.indices: list[np.ndarray] = []

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        assert mean.shape == index.shape
        self.places.append(where)
        self.means.append(mean.copy())
        self.indices.append(index.copy())
        return np.zeros(mean.shape, np.int32)


class RoundedSymbols:
    """Those of a latent; keeps what the prior said and the values that came out, in steps."""

    def __init__(self, latent: Latent) -> None:
        self.means: list[Tensor] = []
        self.indices: list[Tensor] = []
        self.values: list[Tensor] = []
        self._latent = latent

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        steps = torch.from_numpy(mean).float() / (1 << VALUE_BITS)
        symbols = (torch.from_numpy(self._latent.at(where)) - steps).round()
        self.means.append(steps)
        self.indices.append(torch.from_numpy(index).int())
        self.values.append(steps + symbols)
        return (16 * symbols).to(torch.int32).numpy()
