"""A container in, a picture's pixels out: the way up."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.model import Family, Synthesis, quality_inputs
from licodec.codec.native_reader import NativeReader
from licodec.codec.pixels import Region, grey_levels, pixels_of, tuned_corrector
from licodec.container.format import Container
from licodec.container.read import check_crc
from licodec.entropy.decode import StepDecoder, runs_of
from licodec.entropy.groups import group_by_table
from licodec.entropy.shifts import rows_of, shift_rows, shifted_groups
from licodec.entropy.tables import coding_bound
from licodec.entropy.tuning import NO_TUNING, NUM_DIRECTIONS
from licodec.errors import CorruptFileError
from licodec.prior.integer import Where
from licodec.prior.layout import NUM_LEVELS
from licodec.prior.planes import Planes, SmallIntegers
from licodec.quantize.states import RowRuns, num_chains, offsets_of
from licodec.transform.wavelet import FRACTION_BITS

_PIECE_ELEMENTS = 1 << 20


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
    tuning = reader.tuning()
    reader.decoder.finish()
    check_crc(container, reader.crc)
    if timings_s is not None:
        timings_s["entropy"] = reader.seconds
        timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return planes, tuning


def open_reader(container: Container, family: Family) -> SymbolReader | NativeReader:
    """What reads a file's symbols: the native library, or constriction without it."""
    if family.tables.native is None:
        return SymbolReader(container, family)
    return NativeReader(container, family, family.tables.native)


def _read_levels(
    container: Container, family: Family, last_level: int
) -> tuple[SymbolReader | NativeReader, Planes]:
    header = container.header
    reader = open_reader(container, family)
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
        decoder: of the payload.
        seconds: that it took so far.
        crc: checksum of the symbols so far, begun with that of the front.
    """

    def __init__(self, container: Container, family: Family) -> None:
        header = container.header
        assert container.payload is not None  # read_container always fills it
        self.decoder = StepDecoder(container.payload, family.tables)
        self.seconds = 0.0
        self.crc = container.front_crc
        self._num_tables = len(family.tables.models)
        self._shift_table = family.tables.shift_table
        self._skip_below = coding_bound(family.tables, is_all_coded=header.is_all_coded)
        self._chains = family.chains_of(header.quantizer)
        lowest = self._chains.first_index if self._chains else self._skip_below
        self._lowest = min(lowest, self._skip_below)

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        started = time.perf_counter()
        self._shift(rows_of(index, where))
        flat = index.view(-1).numpy()
        # Plain elements have indices from skip_below to end - 1, those in chains from end on.
        end = self._num_tables
        order, bounds = group_by_table(flat, end, self._lowest)
        if self._chains is not None:
            first = self._chains.first_index
            end = first if num_chains(len(order) - int(bounds[first])) else end
        begin = min(self._skip_below, end)
        offsets = SmallIntegers(*mean.shape)
        plain = order[bounds[begin] : bounds[end]]
        symbols = self.decoder.runs(runs_of(bounds[: end + 1].clip(bounds[begin])))
        for part in _pieces(len(plain)):
            offsets.put_at(plain[part], symbols[part].astype(np.int32) * 16)
        self._count_plain(offsets.flat, flat, begin, end)
        if bounds[end] < len(order):
            self._put_chains(offsets, order[bounds[end] :], bounds - bounds[end])
        self.seconds += time.perf_counter() - started
        return offsets.data

    def tuning(self) -> np.ndarray:
        """Read what follows the last step: (K,) int16, (0,) without.

        Raises:
            CorruptFileError: a number that no encoder writes.
        """
        flag = self.decoder.runs([(self._shift_table, 1)])
        self._count(flag)
        if flag[0] not in (0, 1):
            raise CorruptFileError(
                f"payload ends with {flag[0]}, expected 0 or 1; copy or download the file again"
            )
        numbers = self.decoder.runs([(self._shift_table, NUM_DIRECTIONS)]) if flag[0] else NO_TUNING
        self._count(numbers)
        return numbers

    def _shift(self, rows: np.ndarray) -> None:
        """Read a step's shifts and shift its scale indices (B, n) in place."""
        groups = shifted_groups(rows, self._skip_below)
        shifts = np.zeros(groups.shape, np.int16)
        number = int(np.count_nonzero(groups))
        shifts[groups] = self.decoder.runs([(self._shift_table, number)] if number else [])
        self._count(shifts[groups])
        shift_rows(rows, shifts, self._skip_below)

    def _count_plain(self, offsets: np.ndarray, index: np.ndarray, begin: int, end: int) -> None:
        """Add symbols that are not in chains to the checksum, in the order of their elements."""
        for part in _pieces(len(index)):
            is_plain = (index[part] >= begin) & (index[part] < end)
            self._count(offsets[part][is_plain] >> 4)

    def _count(self, symbols: np.ndarray) -> None:
        self.crc = zlib.crc32(symbols.astype("<i2", copy=False).data, self.crc)

    def _put_chains(self, offsets: SmallIntegers, order: np.ndarray, bounds: np.ndarray) -> None:
        """Decode elements in chains, one place of all chains after another.

        Args:
            offsets: takes those of the elements.
            order: (n,) elements, sorted by scale index.
            bounds: of the indices' runs in it; below 0 for smaller ones.
        """
        assert self._chains is not None
        quantizer_of = self._chains.trellis.quantizer
        following = self._chains.trellis.next_state.reshape(-1)
        count, chains = len(order), num_chains(len(order))
        symbols, quantizers = np.empty(count, np.int16), np.empty(count, np.uint8)
        states = np.zeros(chains, np.uint8)
        rows = RowRuns(bounds, self._chains.first_index)
        for first in range(0, count, chains):
            last = min(first + chains, count)
            here = states[: last - first]
            quantizer = quantizer_of.take(here)
            runs = rows.runs(first, last, quantizer)
            row = symbols[first:last]
            row[quantizer.argsort(kind="stable")] = self.decoder.runs(runs)
            quantizers[first:last] = quantizer
            following.take(2 * here.astype(np.int16) + (row & 1), out=here, mode="clip")
        self._count(symbols)
        for part in _pieces(count):
            places = offsets_of(symbols[part].astype(np.int32), quantizers[part])
            offsets.put_at(order[part], places)


def _pieces(count: int) -> Iterator[slice]:
    """Slices of so many elements, each of which may take tens of bytes."""
    for first in range(0, count, _PIECE_ELEMENTS):
        yield slice(first, min(first + _PIECE_ELEMENTS, count))
