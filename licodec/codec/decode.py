"""A container in, a picture's pixels out: the way up."""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.model import Family, Synthesis, quality_inputs
from licodec.codec.pixels import grey_levels, pixels_of, tuned_corrector
from licodec.codec.region import Region
from licodec.coding.native_step import NativeStepReader
from licodec.coding.step import StepReader
from licodec.container.format import Container
from licodec.container.read import check_crc
from licodec.entropy.decode import StepDecoder
from licodec.entropy.tuning import NO_TUNING
from licodec.prior.integer import Where
from licodec.prior.layout import NUM_LEVELS
from licodec.prior.planes import Planes
from licodec.transform.wavelet import FRACTION_BITS


def decode_symbols(container: Container, family: Family) -> Tensor:
    """As `decode_planes`, but all of the planes alone, int32."""
    return decode_planes(container, family)[0].whole()


def decode_planes(
    container: Container, family: Family, timings_s: dict[str, float] | None = None
) -> tuple[Planes, np.ndarray]:
    """Decode and verify all symbols.

    Args:
        container: read by `read_container`, of this family.
        family: loaded latent family.
        timings_s: takes the seconds of the stages "prior" and "entropy".

    Returns:
        Planes (3, H', W') of the linear synthesis in 1/64 grey level, and the numbers that tune the
        synthesis, (K,) int16, (0,) without.

    Raises:
        CorruptFileError: the symbols are not those that were written.
    """
    started = time.perf_counter()
    reader, planes = _read_levels(container, family, 1)
    tuning = reader.steps.tuning()
    check_crc(container, reader.steps.crc)
    if timings_s is not None:
        timings_s["entropy"] = reader.seconds
        timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return planes, tuning


def _read_levels(
    container: Container, family: Family, last_level: int
) -> tuple[SymbolReader, Planes]:
    header = container.header
    reader = SymbolReader(container, family)
    with torch.inference_mode():
        planes = family.prior.planes(
            header.quality_index,
            header.height,
            header.width,
            is_grey=header.is_grey,
            code=reader,
            last_level=last_level,
        )
    return reader, planes


def decode_pixels(
    container: Container,
    family: Family,
    synthesis: Synthesis,
    device: torch.device,
    timings_s: dict[str, float],
    region: Region | None = None,
) -> np.ndarray:
    """Decode a picture or a region that lies in it; (H, W) or (H, W, 3) uint8.

    All symbols are read and verified in either case. Raises as `decode_planes`.
    """
    header = container.header
    planes, tuning = decode_planes(container, family, timings_s)
    started = time.perf_counter()
    # What was found for another synthesis means nothing to this one.
    is_own = header.synthesis_fingerprint == synthesis.fingerprint
    corrector = tuned_corrector(
        synthesis.correction,
        quality_inputs(family.config, header.quality_index),
        device,
        tuning if is_own else NO_TUNING,
    )
    pixels = pixels_of(planes, corrector, header.height, header.width, header.is_grey, region)
    timings_s["synthesis"] = time.perf_counter() - started
    return pixels


def preview_level(width: int, height: int, max_size: int) -> int:
    """Coarsest level, 1 to 6, whose planes have at least max_size samples on the longer side."""
    longer = max(width, height)
    if max_size >= longer:
        return 1
    fitting = (lv for lv in range(NUM_LEVELS, 1, -1) if -(-longer >> (lv - 1)) >= max_size)
    return next(fitting, 1)


def decode_preview(
    container: Container, family: Family, level: int, timings_s: dict[str, float]
) -> np.ndarray:
    """Decode the levels from 6 down to one above 1; the planes it leaves are a smaller picture.

    The symbols of finer levels are not read, so neither they nor the checksum are verified, and
    no correction is added.

    Args:
        container: read by `read_container`, of this family.
        family: loaded latent family.
        level: 2 to 6.
        timings_s: takes the seconds of the stages "prior" and "entropy".

    Returns:
        (h, w) or (h, w, 3) uint8, one sample every 2^(level - 1) pixels, from the first pixel to
        one beyond the last.

    Raises:
        CorruptFileError: a symbol that no encoder writes.
    """
    header = container.header
    started = time.perf_counter()
    reader, planes = _read_levels(container, family, level)
    height, width = ((n - 1 >> (level - 1)) + 2 for n in (header.height, header.width))
    part = planes.window(0, min(height, planes.shape[1]), 0, min(width, planes.shape[2]))
    part = F.pad(part.float(), _missing(part, width, height), mode="replicate")
    part /= 1 << FRACTION_BITS
    timings_s["entropy"] = reader.seconds
    timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return grey_levels(part, is_grey=header.is_grey)


def _missing(part: Tensor, width: int, height: int) -> tuple[int, int, int, int]:
    """What a part (C, h, w) lacks to the left, right, top and bottom."""
    return 0, width - part.shape[2], 0, height - part.shape[1]


class SymbolReader:
    """`CodeStep` of the decoder: reads each step's symbols from the payload.

    Attributes:
        steps: of the file; they read with the native library, with constriction without it.
        seconds: that it took so far.
    """

    def __init__(self, container: Container, family: Family) -> None:
        header = container.header
        assert container.payload is not None  # read_container always fills it
        payload, crc = container.payload, container.front_crc
        rule = family.rule(header.quantizer, is_all_coded=header.is_all_coded)
        native = family.tables.native
        self.steps: StepReader | NativeStepReader
        if native is None:
            self.steps = StepReader(StepDecoder(payload, family.tables), rule, crc)
        else:
            self.steps = NativeStepReader(payload, native, rule, crc)
        self.seconds = 0.0

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        started = time.perf_counter()
        offsets = self.steps.step(index, where.num_bands)
        self.seconds += time.perf_counter() - started
        return offsets
