"""Code steps for `IntegerPrior.planes`: symbols by a seed, and what they were told is kept."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

from licodec.prior.integer import Where


class RandomSymbols:
    """Small random symbols that depend on seed and step alone; keeps a checksum of every step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.checksums: list[int] = []

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        generator = torch.Generator().manual_seed(1000 * self.seed + step)
        size = torch.randint(0, 40, mean.shape, generator=generator, dtype=torch.int32)
        sign = torch.randint(0, 2, mean.shape, generator=generator, dtype=torch.int32) * 2 - 1
        told = mean.to(torch.int32).numpy().tobytes() + index.numpy().tobytes()
        self.checksums.append(zlib.crc32(told))
        return 16 * sign * (size - 34).clamp_(min=0) * (index > 0)


class ZeroSymbols:
    """Always zero; keeps the number of steps and where each was."""

    def __init__(self) -> None:
        self.places: list[Where] = []
        self.indices: list[Tensor] = []

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        assert step == len(self.places) or where.level
        assert mean.shape == index.shape
        self.places.append(where)
        self.indices.append(index)
        return torch.zeros(mean.shape, dtype=torch.int32)
