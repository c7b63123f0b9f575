"""Decodes a container to the pixels of a picture."""

from __future__ import annotations

import time

import numpy as np

from licodec.codec.model import Family, Synthesis
from licodec.codec.region import Region
from licodec.codec.synthesis import PictureSynthesis
from licodec.coding.native_step import NativeStepReader
from licodec.coding.step import StepReader
from licodec.container.format import Container
from licodec.container.read import check_crc
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.prior.layout import StepElements
from licodec.prior.plane_source import PlaneSource
from licodec.transform.grid import NUM_LEVELS
from licodec.transform.integer import grey_levels, to_plane_range


def decode_symbols(container: Container, family: Family) -> np.ndarray:
    """As `decode_planes`, but all of the planes alone, int32."""
    return decode_planes(container, family)[0].whole()


def decode_planes(
    container: Container, family: Family, timings_s: dict[str, float] | None = None
) -> tuple[PlaneSource, np.ndarray]:
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
    adaptive_filter = reader.steps.adaptive_filter()
    check_crc(container, reader.steps.crc)
    if timings_s is not None:
        timings_s["entropy"] = reader.seconds
        timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return planes, adaptive_filter


def _read_levels(
    container: Container, family: Family, last_level: int
) -> tuple[SymbolReader, PlaneSource]:
    header = container.header
    reader = SymbolReader(container, family)
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
    timings_s: dict[str, float],
    region: Region | None = None,
) -> np.ndarray:
    """Decode a picture or a region that lies in it; (H, W) or (H, W, 3) uint8.

    All symbols are read and verified in either case. Raises as `decode_planes`.
    """
    header = container.header
    planes, adaptive_filter = decode_planes(container, family, timings_s)
    started = time.perf_counter()
    # What was found for another synthesis means nothing to this one.
    is_own = header.synthesis_fingerprint == synthesis.fingerprint
    fitted = PictureSynthesis(
        synthesis.correction, header.quality_index, adaptive_filter if is_own else NO_FILTER
    )
    pixels = fitted.pixels(
        planes, header.height, header.width, is_grey=header.is_grey, region=region
    )
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
    missing = (0, 0), (0, height - part.shape[1]), (0, width - part.shape[2])
    part = np.pad(part, missing, mode="edge")
    timings_s["entropy"] = reader.seconds
    timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return grey_levels(to_plane_range(part), is_grey=header.is_grey)


class SymbolReader:
    """`StepCoder` of the decoder: reads each step's symbols from the payload.

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
            from licodec.entropy.decode import StepDecoder

            self.steps = StepReader(StepDecoder(payload, family.tables), rule, crc)
        else:
            self.steps = NativeStepReader(payload, native, rule, crc)
        self.seconds = 0.0

    def __call__(self, mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        started = time.perf_counter()
        offsets = self.steps.step(index, where.num_bands)
        self.seconds += time.perf_counter() - started
        return offsets
