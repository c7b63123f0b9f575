"""A container in, a picture's pixels out: the way up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.model import Family, Synthesis, quality_inputs
from licodec.codec.pixels import Region, corrector, grey_levels, pixels_of
from licodec.config import QUANTIZER_IDS
from licodec.container.format import Container
from licodec.container.read import check_symbols
from licodec.entropy.decode import StepDecoder
from licodec.entropy.tables import coding_bound
from licodec.prior.integer import Where
from licodec.prior.layout import NUM_LEVELS
from licodec.prior.planes import Planes, SmallIntegers
from licodec.quantize.states import num_chains, offsets_of, table_ids
from licodec.transform.wavelet import FRACTION_BITS


def decode_symbols(container: Container, family: Family) -> Tensor:
    """As `decode_planes`, but all of the planes, int32."""
    return decode_planes(container, family).whole()


def decode_planes(
    container: Container, family: Family, timings_s: dict[str, float] | None = None
) -> Planes:
    """Decode and verify all symbols.

    Args:
        container: read by `read_container`, of this family.
        family: loaded latent family.
        timings_s: takes the seconds of the stages "prior" and "entropy".

    Returns:
        Planes (3, H', W') of the linear synthesis in 1/64 grey level.

    Raises:
        CorruptFileError: the symbols are not those that were written.
        ModelError: the family has no tables for the file's quantizer.
    """
    started = time.perf_counter()
    reader, planes = _read_levels(container, family, 1)
    reader.decoder.finish()
    check_symbols(container, reader.symbols)
    if timings_s is not None:
        timings_s["entropy"] = reader.seconds
        timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return planes


def _read_levels(
    container: Container, family: Family, last_level: int
) -> tuple[SymbolReader, Planes]:
    header = container.header
    assert container.payload is not None  # read_container always fills it
    reader = SymbolReader(
        container.payload, family, header.quantizer_id, is_all_coded=header.is_all_coded
    )
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
    planes = decode_planes(container, family, timings_s)
    started = time.perf_counter()
    run = corrector(
        synthesis.correction, *quality_inputs(family.config, header.quality_index), device
    )
    pixels = pixels_of(
        planes,
        run,
        synthesis.correction.halo_patches,
        header.height,
        header.width,
        header.is_grey,
        region,
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
    part = F.pad(part.float(), _missing(part, width, height), mode="replicate")
    part /= 1 << FRACTION_BITS
    timings_s["entropy"] = reader.seconds
    timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return grey_levels(part, is_grey=header.is_grey)


def _missing(part: Tensor, width: int, height: int) -> tuple[int, int, int, int]:
    """What a part (C, h, w) lacks to the left, right, top and bottom."""
    return 0, width - part.shape[2], 0, height - part.shape[1]


class SymbolReader:
    """`CodeStep` of the decoder: reads each step's symbols from the payload."""

    def __init__(
        self, payload: bytes, family: Family, quantizer_id: int, *, is_all_coded: bool
    ) -> None:
        self.decoder = StepDecoder(payload, family.tables)
        self.seconds = 0.0
        self._skip_below = coding_bound(family.tables, is_all_coded=is_all_coded)
        name = next(name for name, number in QUANTIZER_IDS.items() if number == quantizer_id)
        self._chains = family.chains_of(name)
        self._coded: list[np.ndarray] = []

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        started = time.perf_counter()
        is_plain = index >= self._skip_below
        is_chained = None if self._chains is None else self._chains.mask(index)
        if is_chained is not None:
            is_plain &= ~is_chained
        offsets = SmallIntegers(*mean.shape)
        offsets.put(is_plain, torch.from_numpy(self._read(index[is_plain].numpy())).mul_(16))
        if is_chained is not None:
            offsets.put(is_chained, self._chain_offsets(index[is_chained].numpy()))
        self.seconds += time.perf_counter() - started
        return offsets.data

    def _read(self, tables: np.ndarray) -> np.ndarray:
        """(n,) int32 symbols of one batch."""
        symbols = self.decoder.step(tables)
        self._coded.append(symbols.astype(np.int16))
        return symbols

    def _chain_offsets(self, index: np.ndarray) -> Tensor:
        """(n,) int32 in 1/16 step of elements in chains, one place of all chains after another."""
        assert self._chains is not None
        trellis = self._chains.trellis
        order = np.argsort(index, kind="stable")
        ordered = index[order]
        chains = num_chains(len(index))
        states = np.zeros(chains, np.uint8)
        offsets = np.empty(len(index), np.int32)
        for first in range(0, len(index), chains):
            row = slice(first, min(first + chains, len(index)))
            here = states[: row.stop - first]
            quantizer = trellis.quantizer[here]
            symbols = self._read(table_ids(ordered[row], quantizer))
            offsets[order[row]] = offsets_of(symbols, quantizer)
            here[:] = trellis.next_state[here, symbols & 1]
        return torch.from_numpy(offsets)

    @property
    def symbols(self) -> Iterator[bytes]:
        """Coded symbols of each batch, little-endian int16."""
        return (values.astype("<i2").tobytes() for values in self._coded)
