"""A picture's pixels in, coded symbols out: the way down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from licodec.codec.choose import Chooser, Coefficients
from licodec.codec.latent import Latent
from licodec.codec.model import Family
from licodec.config import CHOICES, DEFAULT_CHOICE
from licodec.entropy.encode import encode_steps
from licodec.entropy.tuning import NO_TUNING, tuning_batch
from licodec.prior.planes import Planes

# Coding a picture without skipping is tried once what is skipped is worth more than this share.
_TOLERATED_LOSS = 0.03


@dataclass
class Encoded:
    """Result of one picture.

    Attributes:
        payload: ANS stream.
        batches: (symbols (n,) int16, tables that coded them (n,) uint8) in coding order.
        quantizer: name in `licodec.config.QUANTIZER_IDS`; goes into the header.
        is_all_coded: nothing was skipped; goes into the header.
        synthesis: what a decoder's linear synthesis gives, (3, H', W') in 1/64 grey level; None
            where it was not to be kept.
        tuning: (NUM_DIRECTIONS,) int16 of the synthesis, (0,) without, see `licodec.codec.tuning`.
        shifts: (B, 2) int16 of each step's scale indices, see `licodec.entropy.shifts`.
        timings_s: seconds by stage.
    """

    payload: bytes
    batches: list[tuple[np.ndarray, np.ndarray]]
    quantizer: str
    is_all_coded: bool
    synthesis: Planes | None
    shifts: list[np.ndarray]
    tuning: np.ndarray = field(default_factory=lambda: NO_TUNING)
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def symbols(self) -> Iterator[bytes]:
        """Coded symbols of each batch, little-endian int16, for the checksum."""
        return (symbols.astype("<i2").tobytes() for symbols, _ in self.batches)

    @property
    def tables_used(self) -> list[np.ndarray]:
        """(n,) uint8 of each batch."""
        return [tables for _, tables in self.batches]

    @property
    def planes(self) -> Tensor:
        """All of `synthesis`, int32; made anew each time."""
        assert self.synthesis is not None
        return self.synthesis.whole()


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
    is_synthesis_kept: bool = True,
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
        is_synthesis_kept: without, the result has no planes, and large pictures need less memory.

    Raises:
        ModelError: the family has no tables for the quantizer.
    """
    started = time.perf_counter()
    if values is None:
        values = Latent(pixels, family, quality_index, device)
    analysed = time.perf_counter()

    def walk(is_whole: bool) -> tuple[Chooser, Planes | None, bytes]:
        chooser = Chooser(
            values, family, quality_index, choice, is_all_coded=is_whole, rate_scale=rate_scale
        )
        with torch.inference_mode():
            planes = family.prior.planes(
                quality_index,
                *pixels.shape[:2],
                is_grey=pixels.ndim == 2,
                code=chooser,
                is_kept=is_synthesis_kept,
            )
        chooser.batches.append(tuning_batch(NO_TUNING, family.tables.shift_table))
        walked = time.perf_counter()
        payload = encode_steps(chooser.batches, family.tables)
        seconds["entropy"] += time.perf_counter() - walked
        return chooser, planes if is_synthesis_kept else None, payload

    seconds = {"analysis": analysed - started, "prior": 0.0, "entropy": 0.0}
    chooser, planes, payload = walk(bool(is_all_coded))
    if is_all_coded is None and chooser.lost_bits > _TOLERATED_LOSS * 8 * len(payload):
        whole = walk(True)
        if 8 * (len(whole[2]) - len(payload)) < chooser.missed_bits:
            chooser, planes, payload = whole
    seconds["prior"] = time.perf_counter() - analysed - seconds["entropy"]
    return Encoded(
        payload,
        chooser.batches,
        CHOICES[choice],
        chooser.is_all_coded,
        planes,
        chooser.shifts,
        timings_s=seconds,
    )
