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
from licodec.entropy.tables import Tables, coding_bound
from licodec.prior.integer import Where
from licodec.prior.layout import fold_of
from licodec.quantize.dead_zone import BITS_PER_SQUARED_STEP
from licodec.quantize.rounding import dead_zones, round_with_dead_zone
from licodec.transform.wavelet import FRACTION_BITS, analyse

# Coding a picture without skipping is tried once what is skipped is worth more than this share.
_TOLERATED_LOSS = 0.03
# About what a symbol costs where zero was all but certain.
_RARE_SYMBOL_BITS = 12.0

_STEP_UNIT = 16 * (1 << FRACTION_BITS)  # steps are stored in 1/1024 grey level


@dataclass
class Encoded:
    """Result of one picture.

    Attributes:
        payload: ANS stream.
        symbols: coded symbols of each step, little-endian int16, for the checksum.
        scale_indices: (n,) uint8 of each step's coded symbols.
        tables: that coded them.
        is_all_coded: nothing was skipped; goes into the header.
        timings_s: seconds by stage.
    """

    payload: bytes
    symbols: list[bytes]
    scale_indices: list[np.ndarray]
    tables: Tables
    is_all_coded: bool
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
    pixels: np.ndarray,
    family: Family,
    quality_index: int,
    device: torch.device,
    *,
    is_all_coded: bool | None = None,
) -> Encoded:
    """Analyse, quantise and code one picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction; everything that selects a probability runs on the CPU.
        is_all_coded: code all elements, skip those that the prior is all but certain of, or (None)
            skip unless that would lose more than it saves.
    """
    started = time.perf_counter()
    latent = Latent(pixels, family, quality_index, device)
    analysed = time.perf_counter()
    quantizer = _walk(latent, pixels, family, quality_index, bool(is_all_coded))
    walked = time.perf_counter()
    payload = encode_steps(quantizer.steps, family.tables)
    if is_all_coded is None and quantizer.lost_bits > _TOLERATED_LOSS * 8 * len(payload):
        latent = Latent(pixels, family, quality_index, device)
        whole = _walk(latent, pixels, family, quality_index, True)
        whole_payload = encode_steps(whole.steps, family.tables)
        if 8 * (len(whole_payload) - len(payload)) < quantizer.missed_bits:
            quantizer, payload = whole, whole_payload
        walked = time.perf_counter()
    coded = time.perf_counter()
    timings = {
        "analysis": analysed - started,
        "prior": walked - analysed,
        "entropy": coded - walked,
    }
    symbols = [s.astype("<i2").tobytes() for s, _ in quantizer.steps]
    indices = [index for _, index in quantizer.steps]
    return Encoded(payload, symbols, indices, family.tables, quantizer.is_all_coded, timings)


def _walk(
    latent: Latent, pixels: np.ndarray, family: Family, quality_index: int, is_all_coded: bool
) -> _Quantizer:
    quantizer = _Quantizer(latent, family, is_all_coded=is_all_coded)
    with torch.inference_mode():
        family.prior.walk(
            quality_index, *pixels.shape[:2], is_grey=pixels.ndim == 2, code=quantizer
        )
    return quantizer


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

    def __init__(self, latent: Latent, family: Family, *, is_all_coded: bool) -> None:
        self.is_all_coded = is_all_coded
        self.missed_bits = 0.0  # what the skipped elements' distortion is worth
        self.lost_bits = 0.0  # the same, less what they would cost
        self.steps: list[tuple[np.ndarray, np.ndarray]] = []
        self._latent = latent
        self._zones = dead_zones(family.tables)
        self._skip_below = coding_bound(family.tables, is_all_coded=is_all_coded)

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        residual = self._latent.at(where) - mean.float() / 16
        symbols = round_with_dead_zone(residual, index, self._zones)
        is_coded = index >= self._skip_below
        missed = ~is_coded & (index > 0) & (symbols != 0)
        if bool(missed.any()):
            before, chosen = residual[missed], symbols[missed]
            gain = BITS_PER_SQUARED_STEP * (before.square() - (before - chosen).square())
            self.missed_bits += float(gain.sum())
            self.lost_bits += float((gain - _RARE_SYMBOL_BITS).clamp_(min=0).sum())
        symbols *= is_coded
        self.steps.append((symbols[is_coded].numpy().astype(np.int16), index[is_coded].numpy()))
        return symbols * 16
