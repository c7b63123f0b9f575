"""Measures the rate that the integers of a trained prior cost."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from licodec.codec.latent import Latent, analysed_latent
from licodec.codec.model import Family
from licodec.config import MAX_QUALITY_INDEX
from licodec.prior.decision import quantize_dead_zone
from licodec.prior.fixed_point import LOG_SCALE_MIN, SCALES_PER_NAT, VALUE_BITS
from licodec.prior.layout import StepElements
from licodec.prior.logistic import logistic_bits
from licodec.train.network import CodecNetwork


class _Estimator:
    """`StepCoder` that quantises and charges as training does, at the integer prior's scales."""

    def __init__(self, latent: Latent) -> None:
        self.bits = 0.0
        self._latent = latent

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        means = torch.from_numpy(mean).float() / (1 << VALUE_BITS)
        residual = torch.from_numpy(self._latent.at(where)) - means
        log_scale = LOG_SCALE_MIN + torch.from_numpy(index).float() / SCALES_PER_NAT
        zero = torch.zeros_like(residual)
        _, symbols = quantize_dead_zone(residual[None], zero[None], log_scale[None])
        self.bits += float(logistic_bits(symbols[0], log_scale).sum())
        symbols = symbols[0].round().to(torch.int32) * 16
        return np.ascontiguousarray(symbols.numpy())


def _quantize_at_coded_scales(
    values: Tensor, mean: Tensor, log_scale: Tensor
) -> tuple[Tensor, Tensor]:
    """As training, but with the smallest scale that a file codes, index 1."""
    smallest = LOG_SCALE_MIN + 1 / SCALES_PER_NAT
    return quantize_dead_zone(values, mean, log_scale.clamp_min(smallest))


def integer_loss(
    network: CodecNetwork, family: Family, pictures: list[np.ndarray], quality_index: int
) -> float:
    """Relative extra rate of the integer prior: 0.01 is one per cent.

    Both sides quantise by the same rule and charge by the same density, so that nothing but the
    integers differs.

    Args:
        network: the trained one.
        family: as it is exported.
        pictures: (H, W, 3) uint8; cut to multiples of 64.
        quality_index: 0..255.
    """
    real = exact = 0.0
    for picture in pictures:
        height, width = (size // 64 * 64 for size in picture.shape[:2])
        pixels = np.ascontiguousarray(picture[:height, :width])
        estimator = _Estimator(analysed_latent(pixels, family, quality_index, "cpu"))
        with torch.inference_mode():
            rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
            position = torch.tensor([quality_index / MAX_QUALITY_INDEX])
            bpp, _ = network(rgb, position, quantize=_quantize_at_coded_scales)
            family.prior.planes(quality_index, height, width, is_grey=False, code=estimator)
        real += float(bpp) * height * width
        exact += estimator.bits
    return exact / real - 1
