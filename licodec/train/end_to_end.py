"""Trains any part of the codec with all of it in every step: analysis, quantizer, synthesis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from licodec.metrics.distortion import DISTORTIONS, TRAINED_DISTORTIONS
from licodec.prior.decision import Quantize, quantize_dead_zone, quantize_rounding
from licodec.prior.qat import round_to_integers
from licodec.train.data import CropSampler, Pictures, validation_crops
from licodec.train.loop import VALIDATION_PICTURES, VALIDATION_PX, BatchLoss, RunOptions
from licodec.train.network import CodecNetwork
from licodec.train.precision import training_autocast

JOINT_RATES: Mapping[str, float] = {"analysis": 0.8, "synthesis": 0.8, "prior": 1.0, "log_": 0.5}

# Quantizers that run on batches of crops, without tables; the others need real encodes.
IN_LOOP_QUANTIZERS: Mapping[str, Quantize] = {
    "rounding": quantize_rounding,
    "dead-zone": quantize_dead_zone,
}


class EndToEnd:
    """`Task` whose every step codes crops from pixels to pixels, on a quantizer's symbols.

    Attributes:
        sampler: of the training crops.

    Args:
        network: to train.
        options: of the run.
        train: pictures to train on.
        valid: pictures held back.
        rates: see `Task`.
        stage: see `Task`.
        quantizer: name in `IN_LOOP_QUANTIZERS`.
        on_integers: the prior rounds weights, activations and means as its integers will be.
        linear_share: of the time, on the plain wavelet and the prior alone.
        forward: of the network, such as a compiled one.
    """

    def __init__(
        self,
        network: CodecNetwork,
        options: RunOptions,
        train: Pictures,
        valid: Pictures,
        *,
        rates: Mapping[str, float] = JOINT_RATES,
        stage: str = "joint",
        quantizer: str = "dead-zone",
        on_integers: bool = False,
        linear_share: float = 0.0,
        forward: Callable[..., Any] | None = None,
    ) -> None:
        self.stage, self.rates = stage, rates
        self.is_linear = linear_share > 0
        self._linear_share = linear_share
        self._network, self._forward = network, forward or network
        self._device = torch.device(options.device)
        self._batch_size = options.batch_size
        self.sampler = CropSampler(
            train, options.crop_px, options.batch_size, options.seed, self._device
        )
        self._validation = validation_crops(valid, VALIDATION_PX, VALIDATION_PICTURES)
        round_to_integers(network, on_integers)
        self._distortion = DISTORTIONS[options.tune]
        self._trained_distortion = TRAINED_DISTORTIONS[options.tune]
        self._quantize = IN_LOOP_QUANTIZERS[quantizer]

    def start_from_spreads(self) -> None:
        """Set the scale tables of a network that is not trained yet, before it is moved."""
        crops = torch.cat([self.sampler.batch() for _ in range(4)])
        self._network.start_from_spreads(crops.cpu())

    def skip_linear(self) -> None:
        """Leave the linear stage out, for weights that are trained already."""
        self._linear_share, self.is_linear = 0.0, False

    def prepare(self, budget_s: float, seed: int) -> None:
        """See `Task`."""
        self.sampler.start(seed)

    def losses(self, share: float) -> BatchLoss:
        """See `Task`."""
        network = self._network
        self.is_linear = share < self._linear_share
        for name in ("log_detail_steps", "log_low_steps"):
            is_trained = name.startswith(tuple(self.rates)) and not self.is_linear
            getattr(network, name).requires_grad_(is_trained)
        # A dead zone lets scales that are too small drop symbols; where only the rate counts,
        # nothing would hold them.
        quantize = quantize_rounding if self.is_linear else self._quantize
        rgb = self.sampler.batch().to(self._device)
        position = torch.rand(self._batch_size)
        at = position.to(self._device)
        with training_autocast(self._device):
            bpp, distortion = self._forward(
                rgb,
                at,
                linear=self.is_linear,
                quantize=quantize,
                distortion=self._trained_distortion,
            )
        cost = bpp + network.rd_lambda(at) * distortion
        # In the linear stage only the rate can change.
        wanted = bpp if self.is_linear else cost
        return BatchLoss(position, bpp.detach(), distortion.detach(), wanted, cost)

    @torch.no_grad()
    def measure(self, position: float) -> tuple[Tensor, Tensor]:
        """See `Task`."""
        bpps, distortions = [torch.empty(0)], [torch.empty(0)]
        for chunk in torch.split(self._validation, 4) if len(self._validation) else ():
            at = torch.full((len(chunk),), position, device=self._device)
            with training_autocast(self._device):
                bpp, distortion = self._network(
                    chunk.to(self._device),
                    at,
                    quantize=self._quantize,
                    linear=self.is_linear,
                    distortion=self._distortion,
                )
            bpps.append(bpp.cpu())
            distortions.append(distortion.cpu())
        return torch.cat(bpps), torch.cat(distortions)
