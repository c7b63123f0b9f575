"""Trains the prior alone, on cached crops: nothing else runs in a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from licodec.train.data import Pictures
from licodec.train.end_to_end import IN_LOOP_QUANTIZERS, EndToEnd
from licodec.train.finetune_task import CacheProgress
from licodec.train.forced_cost import forced_costs
from licodec.train.loop import BatchLoss, RunOptions
from licodec.train.network import CodecNetwork
from licodec.train.precision import training_autocast
from licodec.train.prior_crops import CropCache, coding_order
from licodec.transform.grid import NUM_BANDS, NUM_LEVELS, NUM_PLANES, band_norm
from licodec.transform.quality import knot_weights

# The low-pass' scales are no part of the networks; their share of the bits is next to nothing.
PRIOR_RATES: Mapping[str, float] = {"prior.nets": 1.0, "prior.detail_log_scale": 1.0}
# Level 1 has three quarters of the elements and the least to learn of each.
_FINE_SHARE = 0.5


class PriorOnCrops:
    """`Task` that trains the prior on cached crops, with the rounding of its integers.

    The crops are coded with the prior as it is when they are made, its integers included; what is
    learned from them then stays true as long as the analysis does.

    Args:
        network: whose prior is trained.
        options: of the run.
        train: pictures to train on.
        valid: pictures held back; they are coded for real.
        cache: of the network's analysis.
        stage: see `Task`.
        quantizer: name in `IN_LOOP_QUANTIZERS`.
        report: takes a line of progress now and then while crops are made.
    """

    is_linear = False

    def __init__(
        self,
        network: CodecNetwork,
        options: RunOptions,
        train: Pictures,
        valid: Pictures,
        *,
        cache: CropCache,
        stage: str,
        quantizer: str,
        report: Callable[[CacheProgress], None],
    ) -> None:
        self.stage, self.rates = stage, PRIOR_RATES
        self._network, self._options, self._cache, self._report = network, options, cache, report
        self._quantizer = quantizer
        self._device = torch.device(options.device)
        self._whole = EndToEnd(
            network,
            options,
            train,
            valid,
            rates=PRIOR_RATES,
            stage=stage,
            quantizer=quantizer,
            on_integers=True,
        )
        self._random = np.random.default_rng(options.seed)

    def prepare(self, budget_s: float, seed: int) -> None:
        """Find crops in the cache and make more until it is full or the time over; at least some.

        Args:
            budget_s: seconds.
            seed: see `Task`.
        """
        started = time.monotonic()
        cache, quantize = self._cache, IN_LOOP_QUANTIZERS[self._quantizer]
        sampler = self._whole.sampler
        self._random = np.random.default_rng(seed)
        sampler.start(seed + cache.num_crops)  # not the crops that are there once more
        elapsed_s = 0.0
        while cache.has_room() and (elapsed_s < budget_s or not cache.num_crops):
            cache.make(self._network, sampler, quantize)
            elapsed_s = time.monotonic() - started
            num_bytes = cache.folder.num_bytes
            self._report(CacheProgress(cache.num_crops, cache.num_made, num_bytes, elapsed_s))

    def losses(self, share: float) -> BatchLoss:
        """See `Task`; level 1 is seen in the first half of the batch only."""
        network, size = self._network, self._options.batch_size
        num_fine = max(1, round(size * _FINE_SHARE))
        crops = self._cache.batch(self._random, size, num_fine, self._device)
        weights = knot_weights(crops.position, network.family.num_knots)
        per_step = self._squared_levels(weights)  # (N, 6, 9)
        cost = crops.low_bits.clone()
        bits = crops.low_bits[:num_fine].clone()
        error = torch.zeros_like(bits)
        with training_autocast(self._device):
            levels = forced_costs(
                network.prior,
                crops,
                weights,
                has_dead_zone=self._quantizer == "dead-zone",
            )
            for level, part in levels.items():
                bits += part.bits[:num_fine]
                folded = part.errors.shape[1] // per_step.shape[2]
                of_channel = per_step[:, level - 1].repeat_interleave(folded, 1)
                of_channel = of_channel[:num_fine, coding_order(level)]
                error += (part.errors[:num_fine] * of_channel).sum(1)
                if level > 1:
                    cost = cost + part.cost
        coarse = cost.detach()
        fine = levels[1].cost
        # Twice where it is half of the crops, so that its share of the gradient stays.
        wanted = torch.cat([cost[:num_fine] + fine * (size / num_fine), cost[num_fine:]])
        # What the others would cost with their level 1, for the running mean.
        usual = 1 + fine.detach().sum() / coarse[:num_fine].sum()
        whole = torch.cat([coarse[:num_fine] + fine.detach(), coarse[num_fine:] * usual])
        num_px = self._options.crop_px**2
        return BatchLoss(
            crops.position,
            bits / num_px,
            error / (NUM_PLANES * num_px),
            wanted / num_px,
            whole / num_px,
        )

    @torch.no_grad()
    def _squared_levels(self, weights: Tensor) -> Tensor:
        """(N, 6, 9) squared grey levels of the planes that a squared step is worth."""
        norms = [
            [band_norm(level, band) for _ in range(NUM_PLANES) for band in range(NUM_BANDS)]
            for level in range(1, NUM_LEVELS + 1)
        ]
        steps_px = self._network.qualities(weights).detail_steps_px
        return (steps_px * torch.tensor(norms).to(steps_px)).square()

    def measure(self, position: float) -> tuple[Tensor, Tensor]:
        """See `Task`; held-back crops are coded for real, without teacher forcing."""
        return self._whole.measure(position)
