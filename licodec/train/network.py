"""The whole codec as it is trained: rate and distortion of RGB crops at their qualities."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn

from licodec.config import CorrectionConfig, FamilyConfig
from licodec.metrics.distortion import Distortion, squared_error
from licodec.prior.batch import Qualities
from licodec.prior.decision import Quantize, quantize_dead_zone
from licodec.prior.float_net import Prior
from licodec.prior.float_walk import code_batch
from licodec.transform.colour import planes_to_rgb, rgb_to_planes
from licodec.transform.correction import Correction
from licodec.transform.grid import NUM_BANDS, NUM_LEVELS, NUM_PLANES, band_norm
from licodec.transform.quality import interpolate, knot_lambdas, knot_weights, log_steps_start
from licodec.transform.wavelet import analyse


class CodecNetwork(nn.Module):
    """One latent family (analysis, steps, prior) with one synthesis."""

    rd_lambdas: Tensor

    def __init__(self, family: FamilyConfig, synthesis: CorrectionConfig) -> None:
        super().__init__()
        self.family = family
        knots = family.num_knots
        lambdas = torch.from_numpy(knot_lambdas(family)).float()
        self.register_buffer("rd_lambdas", lambdas)
        norms = torch.tensor(
            [
                [band_norm(lv, b) for _ in range(NUM_PLANES) for b in range(NUM_BANDS)]
                for lv in range(1, NUM_LEVELS + 1)
            ]
        )
        start = log_steps_start(lambdas)
        self.log_detail_steps = nn.Parameter(start[:, None, None] - norms.log())
        low_norm = torch.tensor(band_norm(NUM_LEVELS, 3)).log()
        self.log_low_steps = nn.Parameter((start - low_norm)[:, None].repeat(1, NUM_PLANES))
        self.prior = Prior(family)
        self.analysis = Correction(**asdict(family.analysis), num_knots=knots)
        self.synthesis = Correction(**asdict(synthesis), num_knots=knots)
        self.synthesis_config = synthesis
        self.register_buffer("log_steps_start", start)

    def qualities(self, weights: Tensor) -> Qualities:
        """What the prior codes at, of weights (N, knots)."""
        detail = torch.exp(interpolate(weights, self.log_detail_steps))
        low = torch.exp(interpolate(weights, self.log_low_steps))
        return Qualities(weights, detail, low)

    def step_px(self, weights: Tensor) -> Tensor:
        """(N, knots) to orthonormal steps (N,) in grey levels."""
        return torch.exp(interpolate(weights, torch.as_tensor(self.log_steps_start)))

    def rd_lambda(self, position: Tensor) -> Tensor:
        """Weight of the squared error at qualities in [0, 1]; (N,) to (N,)."""
        weights = knot_weights(position.to(self.rd_lambdas), self.family.num_knots)
        return torch.exp(interpolate(weights, self.rd_lambdas.log())).to(position.device)

    def forward(
        self,
        rgb: Tensor,
        position: Tensor,
        *,
        quantize: Quantize = quantize_dead_zone,
        linear: bool = False,
        distortion: Distortion = squared_error,
    ) -> tuple[Tensor, Tensor]:
        """Rate and distortion of a batch.

        Args:
            rgb: (N, 3, H, W) uint8 or float, grey levels, H and W multiples of 64.
            position: (N,) float quality in [0, 1].
            quantize: how symbols are chosen.
            linear: leave both learned corrections out (first stage of training).
            distortion: of the decoded picture.

        Returns:
            bits per pixel (N,) and distortion in squared grey levels (N,).
        """
        with torch.autocast(rgb.device.type, enabled=False):
            levels = rgb.float()
            planes = rgb_to_planes(levels)  # in float32: a matrix product, else shortened
        weights = knot_weights(position, self.family.num_knots)
        step_px = self.step_px(weights)
        if not linear:
            planes = self.analysis(planes, weights, step_px)
        low, details = analyse(planes)
        bits, decoded = code_batch(self.prior, low, details, self.qualities(weights), quantize)
        if not linear:
            decoded = self.synthesis(decoded, weights, step_px)
        with torch.autocast(rgb.device.type, enabled=False):
            lacking = distortion(levels, planes_to_rgb(decoded.float()))
        return bits / (rgb.shape[2] * rgb.shape[3]), lacking

    @torch.no_grad()
    def start_from_spreads(self, rgb: Tensor) -> None:
        """Set the prior's scale tables from measured coefficients.

        Args:
            rgb: (N, 3, H, W) training crops.
        """
        low, details = analyse(rgb_to_planes(rgb.float()))
        # A logistic density of scale s has a mean magnitude of 2 ln(2) s.
        unit = torch.tensor(2.0).log() * 2
        spread = torch.stack([d.abs().mean((0, 3, 4)).flatten() for d in details])  # (6, 9)
        log_spread = (spread / unit).clamp_min(1e-3).log()
        self.prior.detail_log_scale.copy_((log_spread - self.log_detail_steps).clamp(-2.5, 5.0))
        low_spread = (low.abs().mean((0, 2, 3)) / unit).log()
        start = (low_spread - self.log_low_steps).clamp(-2.5, 4.8)
        shrink = torch.tensor([0.0, 0.5, 0.9])[:, None]  # later steps are predicted from neighbours
        self.prior.low_log_scale.copy_((start[:, None] - shrink).clamp(-2.5, 4.8))
