"""A picture's pixels in, coded symbols out: the way down."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.choose import Chooser, Coefficients
from licodec.codec.model import Family, quality_inputs
from licodec.codec.pixels import correct, corrector, planes_of
from licodec.codec.weights import STEP_UNIT
from licodec.config import CHOICES, DEFAULT_CHOICE
from licodec.entropy.encode import encode_steps
from licodec.entropy.tables import Tables
from licodec.prior.integer import Where
from licodec.prior.layout import fold_of
from licodec.transform.wavelet import analyse

# Coding a picture without skipping is tried once what is skipped is worth more than this share.
_TOLERATED_LOSS = 0.03


@dataclass
class Encoded:
    """Result of one picture.

    Attributes:
        payload: ANS stream.
        symbols: coded symbols of each batch, little-endian int16, for the checksum.
        tables_used: (n,) uint8 of each batch: the tables that coded its symbols.
        tables: of the latent family.
        quantizer: name in `licodec.config.QUANTIZER_IDS`; goes into the header.
        is_all_coded: nothing was skipped; goes into the header.
        planes: (3, H', W') int32 in 1/64 grey level, what a decoder's linear synthesis gives.
        timings_s: seconds by stage.
    """

    payload: bytes
    symbols: list[bytes]
    tables_used: list[np.ndarray]
    tables: Tables
    quantizer: str
    is_all_coded: bool
    planes: Tensor
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def estimated_bits(self) -> float:
        """Cost of the symbols under the tables, escapes' suffixes left out."""
        total = 0.0
        for data, used in zip(self.symbols, self.tables_used, strict=True):
            symbols = np.frombuffer(data, "<i2").astype(np.int64)
            for table in np.unique(used):
                reach = int(self.tables.reaches[table])
                values = symbols[used == table]
                entries = np.where(np.abs(values) > reach, 2 * reach + 1, values + reach)
                total += float(self.tables.bits(int(table))[entries].sum())
        return total


def encode_pixels(
    pixels: np.ndarray,
    family: Family,
    quality_index: int,
    device: torch.device,
    *,
    choice: str = DEFAULT_CHOICE,
    is_all_coded: bool | None = None,
    rate_scale: float = 1.0,
    values: Coefficients | None = None,
) -> Encoded:
    """Analyse, quantise and code one picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction; everything that selects a probability runs on the CPU.
        choice: how symbols are chosen, key of `licodec.config.CHOICES`.
        is_all_coded: code all elements, skip those that the prior is all but certain of, or (None)
            skip unless that would lose more than it saves.
        rate_scale: factor on the rate where symbols are chosen by rate and distortion.
        values: to be quantised in place of what the analysis gives; can be asked more than once.

    Raises:
        ModelError: the family has no tables for the quantizer.
    """
    started = time.perf_counter()
    if values is None:
        values = Latent(pixels, family, quality_index, device)
    analysed = time.perf_counter()

    def walk(is_whole: bool) -> tuple[Chooser, Tensor, bytes]:
        chooser = Chooser(
            values, family, quality_index, choice, is_all_coded=is_whole, rate_scale=rate_scale
        )
        with torch.inference_mode():
            planes = family.prior.walk(
                quality_index, *pixels.shape[:2], is_grey=pixels.ndim == 2, code=chooser
            )
        walked = time.perf_counter()
        payload = encode_steps(chooser.batches, family.tables)
        seconds["entropy"] += time.perf_counter() - walked
        return chooser, planes, payload

    seconds = {"analysis": analysed - started, "prior": 0.0, "entropy": 0.0}
    chooser, planes, payload = walk(bool(is_all_coded))
    if is_all_coded is None and chooser.lost_bits > _TOLERATED_LOSS * 8 * len(payload):
        whole = walk(True)
        if 8 * (len(whole[2]) - len(payload)) < chooser.missed_bits:
            chooser, planes, payload = whole
    seconds["prior"] = time.perf_counter() - analysed - seconds["entropy"]
    return Encoded(
        payload,
        [symbols.astype("<i2").tobytes() for symbols, _ in chooser.batches],
        [tables for _, tables in chooser.batches],
        family.tables,
        CHOICES[choice],
        chooser.is_all_coded,
        planes,
        seconds,
    )


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
        low_px = family.low_steps_q4[quality_index].float() / STEP_UNIT
        self._low = torch.cat([low[0] for low, _ in bands]) / low_px[:, None, None]
        self._details = [torch.cat([d[level][0, 0] for _, d in bands]) for level in range(6)]
        self._steps_px = family.detail_steps_q4[quality_index].float() / STEP_UNIT
        self._folded: tuple[int, Tensor] = (0, torch.empty(0))

    def at(self, where: Where) -> Tensor:
        """(C, ..) float32 of one step's elements."""
        if where.mask is not None:
            return self._low[list(where.channels)][:, where.mask]
        if self._folded[0] != where.level:
            values = self._details[where.level - 1] / self._steps_px[where.level - 1][:, None, None]
            self._folded = (where.level, F.pixel_unshuffle(values, fold_of(where.level)))
        return self._folded[1][list(where.channels)]
