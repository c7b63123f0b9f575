"""The losses of a synthesis on cached pairs of decoded planes and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from licodec.config import MAX_QUALITY_INDEX
from licodec.errors import TrainingError
from licodec.metrics.distortion import DISTORTIONS, FINETUNED_DISTORTIONS, TrainedDistortion
from licodec.train.data import Pictures, drawing_chances, validation_crops
from licodec.train.finetune_cache import NUM_QUALITIES, LatentCache, Pair, variant
from licodec.train.finetune_encode import Encoders
from licodec.train.flat_store import Draw, FlatStore, fits
from licodec.train.loop import (
    VALIDATION_PICTURES,
    VALIDATION_POSITIONS,
    VALIDATION_PX,
    BatchLoss,
    RunOptions,
)
from licodec.train.network import CodecNetwork
from licodec.train.precision import training_autocast
from licodec.train.processes import num_processes, process_rank
from licodec.transform.colour import planes_to_rgb
from licodec.transform.grid import FRACTION_BITS, PATCH_PX
from licodec.transform.quality import knot_weights


@dataclass(frozen=True, slots=True)
class CacheProgress:
    """How far a cache is filled."""

    num_pairs: int  # or crops, of a prior alone
    num_made: int  # the others were found
    num_bytes: int
    elapsed_s: float


class PairSampler:
    """Random crops of pairs; the same sequence for the same seed.

    Args:
        pairs: to draw from.
        crop_px: side of a crop, a multiple of 8; no picture is smaller.
        batch_size: crops per batch.
        seed: of the sequence.
        device: where the pairs are kept and cut if they fit, see `flat_store.fits`.
    """

    def __init__(
        self,
        pairs: list[Pair],
        crop_px: int,
        batch_size: int,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        self._pairs, self._crop, self._batch = pairs, crop_px, batch_size
        self._sizes = np.array([p.rgb.shape[:2] for p in pairs])  # (n, 2)
        self._random = np.random.default_rng(seed)
        self._chances = drawing_chances([p.rgb for p in pairs], [p.weight for p in pairs])
        self._stores: tuple[FlatStore, FlatStore] | None = None
        if device is not None and fits(sum(p.planes.nbytes + p.rgb.nbytes for p in pairs), device):
            planar = [torch.from_numpy(np.array(p.rgb)).permute(2, 0, 1) for p in pairs]
            self._stores = FlatStore([p.planes for p in pairs], device), FlatStore(planar, device)

    def batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Planes (N, 3, crop, crop) int16, RGB (same) uint8, positions (N,) and bpp (N,) float.

        Crops begin at multiples of the patch: the synthesis never sees another phase of the
        wavelet. Planes and RGB are on the device where the pairs are.
        """
        picture = self._random.choice(len(self._pairs), self._batch, p=self._chances)
        top, left = (
            PATCH_PX * self._random.integers(0, (n - self._crop) // PATCH_PX + 1)
            for n in self._sizes[picture].T
        )
        drawn = [self._pairs[i] for i in picture]
        position = torch.tensor([p.quality_index / MAX_QUALITY_INDEX for p in drawn])
        bpp = torch.tensor([p.bpp for p in drawn])
        if self._stores is not None:
            draw = Draw(picture, top, left, np.zeros((self._batch, 3), np.bool_))
            planes, rgb = (store.crops(draw, self._crop) for store in self._stores)
            return planes, rgb, position, bpp
        crops = [self._crop_of(*where) for where in zip(drawn, top, left, strict=True)]
        return torch.stack([c[0] for c in crops]), torch.stack([c[1] for c in crops]), position, bpp

    def _crop_of(self, pair: Pair, y: int, x: int) -> tuple[Tensor, Tensor]:
        size = self._crop
        rgb = np.ascontiguousarray(pair.rgb[y : y + size, x : x + size])
        return pair.planes[:, y : y + size, x : x + size], torch.from_numpy(rgb).permute(2, 0, 1)


class SynthesisOnLatents:
    """`Task` that trains the synthesis on what real encodes of whole pictures hand to it.

    Nothing that is trained changes a symbol, so the pairs are made once.

    Args:
        network: whose synthesis is trained.
        options: of the run.
        train: pictures to train on.
        valid: pictures held back.
        cache: of the family that the network belongs to.
        rates: see `Task`; of the synthesis alone.
        stage: see `Task`.
        report: takes a line of progress now and then while pairs are made.
        encoders: starts processes that encode; they end when all pairs are made.

    Raises:
        TrainingError: on `prepare`, if not one pair fits the cache.
    """

    is_linear = False

    def __init__(
        self,
        network: CodecNetwork,
        options: RunOptions,
        train: Pictures,
        valid: Pictures,
        *,
        cache: LatentCache,
        rates: Mapping[str, float],
        stage: str,
        report: Callable[[CacheProgress], None],
        encoders: Callable[[], AbstractContextManager[Encoders | None]],
    ) -> None:
        self.stage, self.rates = stage, rates
        self._encoders = encoders
        self._network, self._options, self._train = network, options, train
        self._cache, self._report = cache, report
        self._distortion = DISTORTIONS[options.tune]
        self._trained_distortion = FINETUNED_DISTORTIONS[options.tune]
        self._device = torch.device(options.device)
        self._validation = validation_crops(valid, VALIDATION_PX, VALIDATION_PICTURES)
        self._held_back: dict[float, list[Pair]] = {}
        self.sampler: PairSampler | None = None

    def prepare(self, budget_s: float, seed: int) -> None:
        """Find the pairs in the cache, or make them: one per picture, then another, ..

        At least one is made, however small the budget; every process of several takes its share of
        the pictures.
        """
        started = time.monotonic()
        if process_rank() == 0:
            self._held_back = {p: self._validation_pairs(p) for p in VALIDATION_POSITIONS}
        random = np.random.default_rng(self._options.seed)
        mine = range(process_rank(), len(self._train.arrays), num_processes())
        order = random.permutation(np.array(mine))
        pairs: list[Pair] = []
        with self._encoders() as pool:
            num_at_once = 1 if pool is None else 2 * pool.num_jobs
            for number in range(NUM_QUALITIES):
                num_before = len(pairs)
                for first in range(0, len(order), num_at_once):
                    some = order[first : first + num_at_once]
                    variants = [variant(self._train.arrays[i], number) for i in some]
                    elapsed_s = time.monotonic() - started
                    may_make = elapsed_s < budget_s or not pairs
                    if pool is not None and may_make:
                        pool.make(self._cache, variants)
                    for i, (turned, index) in zip(some, variants, strict=True):
                        weight = self._train.weights[i]
                        pair = self._cache.pair(turned, index, weight, may_make=may_make)
                        if pair is not None:
                            pairs.append(pair)
                            self._tell(len(pairs), elapsed_s)
                if len(pairs) == num_before:
                    break
        if not pairs:
            raise TrainingError("the cache has no room for a single picture; raise --cache-size")
        options = self._options
        self.sampler = PairSampler(pairs, options.crop_px, options.batch_size, seed, self._device)

    def _tell(self, num_pairs: int, elapsed_s: float) -> None:
        cache = self._cache
        self._report(CacheProgress(num_pairs, cache.num_made, cache.folder.num_bytes, elapsed_s))

    def _validation_pairs(self, position: float) -> list[Pair]:
        index = round(position * MAX_QUALITY_INDEX)
        crops = (crop.permute(1, 2, 0).numpy() for crop in self._validation)
        found = (self._cache.pair(crop, index, 1.0, may_make=True) for crop in crops)
        return [pair for pair in found if pair is not None]

    def losses(self, share: float) -> BatchLoss:
        """See `Task`; the rate is fixed, so the distortion alone counts."""
        assert self.sampler is not None  # prepare comes first
        planes, rgb, position, bpp = self.sampler.batch()
        distortion = self._distortion_of(planes, rgb, position, self._trained_distortion)
        cost = self._network.rd_lambda(position.to(distortion)) * distortion
        return BatchLoss(position, bpp, distortion.detach(), cost, cost)

    def _distortion_of(
        self, planes: Tensor, rgb: Tensor, position: Tensor, distortion: TrainedDistortion
    ) -> Tensor:
        """Distortion (N,) of decoded pixels, clipped as a decoder does."""
        network, device = self._network, self._device
        weights = knot_weights(position.to(device), network.family.num_knots)
        step_px = network.step_px(weights)
        with training_autocast(device):
            decoded = planes.to(device).float() / (1 << FRACTION_BITS)
            corrected: Tensor = network.synthesis(decoded, weights, step_px)
        return distortion(rgb.to(device).float(), planes_to_rgb(corrected).clamp(0, 255))

    @torch.no_grad()
    def measure(self, position: float) -> tuple[Tensor, Tensor]:
        """See `Task`; bits are those of real payloads."""
        bpps, distortions = [torch.empty(0)], [torch.empty(0)]
        for pair in self._held_back[position]:
            height, width = pair.rgb.shape[:2]
            planes = pair.planes[None, :, :height, :width]
            rgb = torch.from_numpy(pair.rgb).permute(2, 0, 1)[None]
            at = torch.tensor([pair.quality_index / MAX_QUALITY_INDEX])
            distortions.append(self._distortion_of(planes, rgb, at, self._distortion).cpu())
            bpps.append(torch.tensor([pair.bpp]))
        return torch.cat(bpps), torch.cat(distortions)
