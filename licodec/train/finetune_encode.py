"""Encodes pictures for the cache of a finetuning, in several processes at once."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from licodec.codec.model import read_family
from licodec.train.cache_folder import CacheFolder
from licodec.train.finetune_cache import LatentCache, bytes_of

_caches: list[LatentCache] = []  # of a worker process, one


class Encoders:
    """Worker processes of one core each that fill a cache."""

    def __init__(self, pool: ProcessPoolExecutor, num_jobs: int) -> None:
        self._pool, self.num_jobs = pool, num_jobs

    def make(self, cache: LatentCache, wanted: Sequence[tuple[np.ndarray, int]]) -> None:
        """Encode what is missing and fits.

        Args:
            cache: that the processes fill.
            wanted: pictures (H, W, 3) uint8, and quality indices 0..255.
        """
        missing, num_bytes = [], 0
        for rgb, index in wanted:
            with_it = num_bytes + bytes_of(rgb)
            if not cache.path_of(rgb, index).exists() and cache.folder.has_room(with_it):
                num_bytes = with_it
                missing.append((np.ascontiguousarray(rgb), index))
        for made, added in self._pool.map(_encode, missing):
            cache.num_made += made
            cache.folder.num_bytes += added


@contextmanager
def encoders(
    num_jobs: int, family_path: Path, folder: Path, quantizer: str
) -> Iterator[Encoders | None]:
    """Start worker processes; none for a single job, which needs none.

    Args:
        num_jobs: at least 1.
        family_path: released family.safetensors.
        folder: of the cache.
        quantizer: `choice` of `encode_pixels`.
    """
    if num_jobs == 1:
        yield None
        return
    with ProcessPoolExecutor(
        num_jobs,
        multiprocessing.get_context("spawn"),  # forks break CUDA and torch's threads
        _start,
        (family_path, folder, quantizer),
    ) as pool:
        yield Encoders(pool, num_jobs)


def _start(family_path: Path, folder: Path, quantizer: str) -> None:
    torch.set_num_threads(1)
    family = read_family(family_path)
    _caches.append(LatentCache(CacheFolder(folder, math.inf), family, quantizer, "cpu"))


def _encode(wanted: tuple[np.ndarray, int]) -> tuple[int, int]:
    """Encodes made, bytes added."""
    (cache,) = _caches
    made, num_bytes = cache.num_made, cache.folder.num_bytes
    cache.pair(*wanted, 1.0, may_make=True)
    return cache.num_made - made, cache.folder.num_bytes - num_bytes
