"""A picture's pixels in, coded symbols out: the way down."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.model import Family, quality_inputs
from licodec.codec.pixels import correct, corrector, planes_of
from licodec.entropy.encode import encode_steps
from licodec.entropy.tables import Tables
from licodec.prior.integer import Where
from licodec.prior.layout import fold_of
from licodec.quantize.rounding import dead_zones, round_with_dead_zone
from licodec.transform.wavelet import FRACTION_BITS, analyse

_STEP_UNIT = 16 * (1 << FRACTION_BITS)  # steps are stored in 1/1024 grey level


@dataclass
class Encoded:
    """Result of one picture.

    Attributes:
        payload: ANS stream.
        symbols: coded symbols of each step, little-endian int16, for the checksum.
        scale_indices: (n,) uint8 of each step's coded symbols.
        tables: that coded them.
        timings_s: seconds by stage.
    """

    payload: bytes
    symbols: list[bytes]
    scale_indices: list[np.ndarray]
    tables: Tables
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def estimated_bits(self) -> float:
        """Cost of the symbols under the tables, escapes' suffixes left out."""
        total = 0.0
        for data, index in zip(self.symbols, self.scale_indices, strict=True):
            symbols = np.frombuffer(data, "<i2").astype(np.int64)
            for table in np.unique(index):
                reach = int(self.tables.reaches[table])
                values = symbols[index == table]
                entries = np.where(np.abs(values) > reach, 2 * reach + 1, values + reach)
                total += float(self.tables.bits(int(table))[entries].sum())
        return total


def encode_pixels(
    pixels: np.ndarray, family: Family, quality_index: int, device: torch.device
) -> Encoded:
    """Analyse, quantise and code one picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction; everything that selects a probability runs on the CPU.
    """
    started = time.perf_counter()
    latent = Latent(pixels, family, quality_index, device)
    analysed = time.perf_counter()
    quantizer = _Quantizer(latent, family)
    with torch.inference_mode():
        family.prior.walk(
            quality_index, *pixels.shape[:2], is_grey=pixels.ndim == 2, code=quantizer
        )
    walked = time.perf_counter()
    payload = encode_steps(quantizer.steps, family.tables)
    coded = time.perf_counter()
    timings = {
        "analysis": analysed - started,
        "prior": walked - analysed,
        "entropy": coded - walked,
    }
    symbols = [s.astype("<i2").tobytes() for s, _ in quantizer.steps]
    indices = [index for _, index in quantizer.steps]
    return Encoded(payload, symbols, indices, family.tables, timings)


class Latent:
    """Coefficients in quantization steps, as the prior's steps ask for them."""

    def __init__(
        self, pixels: np.ndarray, family: Family, quality_index: int, device: torch.device
    ) -> None:
        planes = planes_of(pixels)
        run = corrector(family.analysis, *quality_inputs(family.config, quality_index), device)
        planes = correct(planes, run, family.analysis.halo_patches)
        with torch.inference_mode():
            bands = [analyse(planes[None, p : p + 1]) for p in range(3)]
        low_px = family.low_steps_q4[quality_index].float() / _STEP_UNIT
        self._low = torch.cat([low[0] for low, _ in bands]) / low_px[:, None, None]
        self._details = [torch.cat([d[level][0, 0] for _, d in bands]) for level in range(6)]
        self._steps_px = family.detail_steps_q4[quality_index].float() / _STEP_UNIT
        self._folded: tuple[int, Tensor] = (0, torch.empty(0))

    def at(self, where: Where) -> Tensor:
        """(C, ..) float32 of one step's elements."""
        if where.mask is not None:
            return self._low[list(where.channels)][:, where.mask]
        if self._folded[0] != where.level:
            values = self._details[where.level - 1]
            values /= self._steps_px[where.level - 1][:, None, None]
            self._folded = (where.level, F.pixel_unshuffle(values, fold_of(where.level)))
        return self._folded[1][list(where.channels)]


class _Quantizer:
    """`CodeStep` of the encoder: chooses symbols and keeps what is to be coded."""

    def __init__(self, latent: Latent, family: Family) -> None:
        self.steps: list[tuple[np.ndarray, np.ndarray]] = []
        self._latent = latent
        self._zones = dead_zones(family.tables)
        self._skip_below = family.tables.skip_below

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        residual = self._latent.at(where) - mean.float() / 16
        symbols = round_with_dead_zone(residual, index, self._zones)
        is_coded = index >= self._skip_below
        symbols *= is_coded
        self.steps.append((symbols[is_coded].numpy().astype(np.int16), index[is_coded].numpy()))
        return symbols
