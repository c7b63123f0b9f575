"""Encodes pixels to coded symbols."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from licodec.codec.latent import Latent, analysed_latent
from licodec.codec.model import Family
from licodec.codec.step_quantizer import Coefficients, StepQuantizer
from licodec.config import CHOICES, DEFAULT_CHOICE
from licodec.entropy.adaptive_filter import NO_FILTER, filter_batch
from licodec.entropy.encode import encode_steps, estimated_bits
from licodec.entropy.tables import Tables
from licodec.memory import LARGE_PX
from licodec.prior.plane_source import PlaneSource

# Coding a picture without skipping is tried once what is skipped is worth more than this share.
_TOLERATED_LOSS = 0.003


@dataclass
class Encoded:
    """Result of one picture: its symbols, which are entropy-coded when the payload is asked for.

    Attributes:
        steps: (symbols (n,) int16, tables that code them (n,) uint8) of all steps in coding order.
        tables: of the latent family.
        quantizer: name in `licodec.config.QUANTIZER_IDS`; goes into the header.
        is_all_coded: nothing was skipped; goes into the header.
        synthesis: what a decoder's linear synthesis gives, (3, H', W') in 1/64 grey level; None
            where it was not to be kept.
        adaptive_filter: (NUM_DIRECTIONS,) int16, (0,) without, see `licodec.codec.adaptive_filter`.
        shifts: (B, 2) int16 of each step's scale indices, see `licodec.coding.scale_offsets`.
        timings_s: seconds by stage; "entropy" once there is a payload.
    """

    steps: list[tuple[np.ndarray, np.ndarray]]
    tables: Tables
    quantizer: str
    is_all_coded: bool
    synthesis: PlaneSource | None
    shifts: list[np.ndarray]
    adaptive_filter: np.ndarray = field(default_factory=lambda: NO_FILTER)
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """`steps` and the adaptive filter that follows them: all that is coded, in coding order."""
        return [*self.steps, filter_batch(self.adaptive_filter, self.tables.shift_table)]

    @cached_property
    def payload(self) -> bytes:
        """ANS stream."""
        started = time.perf_counter()
        payload = encode_steps(self.batches, self.tables)
        self.timings_s["entropy"] = time.perf_counter() - started
        return payload

    @property
    def symbols(self) -> Iterator[bytes]:
        """Coded symbols of each batch, little-endian int16, for the checksum."""
        return (symbols.astype("<i2").tobytes() for symbols, _ in self.batches)

    @property
    def tables_used(self) -> list[np.ndarray]:
        """(n,) uint8 of each batch."""
        return [used for _, used in self.batches]

    @property
    def planes(self) -> np.ndarray:
        """All of `synthesis`, int32; made anew each time."""
        assert self.synthesis is not None
        return self.synthesis.whole()


def encode_pixels(
    pixels: np.ndarray,
    family: Family,
    quality_index: int,
    device: str,
    *,
    choice: str = DEFAULT_CHOICE,
    is_all_coded: bool | None = None,
    rate_scale: float = 1.0,
    values: Coefficients | None = None,
    is_synthesis_kept: bool = True,
) -> Encoded:
    """Analyse and quantise one picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction, "cpu" or "cuda"; everything that selects a probability
            runs on the CPU.
        choice: how symbols are chosen, key of `licodec.config.CHOICES`.
        is_all_coded: code all elements, skip those that the prior is all but certain of, or (None)
            skip unless that would lose more than it saves.
        rate_scale: factor on the rate where symbols are chosen by rate and distortion.
        values: to be quantised in place of what the analysis gives; can be asked more than once.
        is_synthesis_kept: without, the result has no planes, and large pictures need less memory.
    """
    started = time.perf_counter()
    # Of a large picture the memory for a second walk is not kept; analysing again is rare.
    is_once = values is None and pixels.shape[0] * pixels.shape[1] > LARGE_PX

    def analysis() -> Latent:
        return analysed_latent(pixels, family, quality_index, device, is_once=is_once)

    values = analysis() if values is None else values
    analysed = time.perf_counter()

    def walk(values: Coefficients, *, is_whole: bool) -> tuple[StepQuantizer, PlaneSource | None]:
        chooser = StepQuantizer(
            values, family, quality_index, choice, is_all_coded=is_whole, rate_scale=rate_scale
        )
        prior, size, is_grey = family.prior, pixels.shape[:2], pixels.ndim == 2
        if is_synthesis_kept:
            return chooser, prior.planes(quality_index, *size, is_grey=is_grey, code=chooser)
        prior.visit(quality_index, *size, is_grey=is_grey, code=chooser)
        return chooser, None

    chooser, planes = walk(values, is_whole=bool(is_all_coded))
    if is_all_coded is None and chooser.lost_bits:
        bits = estimated_bits(chooser.steps.batches, family.tables)
        if chooser.lost_bits > _TOLERATED_LOSS * bits:
            whole = walk(analysis() if is_once else values, is_whole=True)
            if estimated_bits(whole[0].steps.batches, family.tables) - bits < chooser.missed_bits:
                chooser, planes = whole
    prior_s = time.perf_counter() - analysed
    return Encoded(
        chooser.steps.batches,
        family.tables,
        CHOICES[choice],
        chooser.is_all_coded,
        planes,
        chooser.steps.shifts,
        timings_s={"analysis": analysed - started, "prior": prior_s},
    )
