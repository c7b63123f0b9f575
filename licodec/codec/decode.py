"""A container in, a picture's pixels out: the way up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from licodec.codec.model import Family, Synthesis, quality_inputs
from licodec.codec.pixels import corrector, pixels_of
from licodec.container.format import Container
from licodec.container.read import check_symbols
from licodec.entropy.decode import StepDecoder
from licodec.entropy.tables import coding_bound
from licodec.prior.integer import Where


def decode_symbols(
    container: Container, family: Family, timings_s: dict[str, float] | None = None
) -> Tensor:
    """Decode and verify all symbols.

    Args:
        container: read by `read_container`, of this family.
        family: loaded latent family.
        timings_s: takes the seconds of the stages "prior" and "entropy".

    Returns:
        (3, H', W') int32 planes of the linear synthesis in 1/64 grey level.

    Raises:
        CorruptFileError: the symbols are not those that were written.
    """
    header = container.header
    assert container.payload is not None  # read_container always fills it
    started = time.perf_counter()
    reader = _Reader(container.payload, family, is_all_coded=header.is_all_coded)
    with torch.inference_mode():
        planes = family.prior.walk(
            header.quality_index, header.height, header.width, is_grey=header.is_grey, code=reader
        )
    reader.decoder.finish()
    check_symbols(container, reader.symbols)
    if timings_s is not None:
        timings_s["entropy"] = reader.seconds
        timings_s["prior"] = time.perf_counter() - started - reader.seconds
    return planes


def decode_pixels(
    container: Container,
    family: Family,
    synthesis: Synthesis,
    device: torch.device,
    timings_s: dict[str, float],
) -> np.ndarray:
    """Decode a whole picture; (H, W) or (H, W, 3) uint8. Raises as `decode_symbols`."""
    header = container.header
    planes = decode_symbols(container, family, timings_s)
    started = time.perf_counter()
    run = corrector(
        synthesis.correction, *quality_inputs(family.config, header.quality_index), device
    )
    pixels = pixels_of(
        planes, run, synthesis.correction.halo_patches, header.height, header.width, header.is_grey
    )
    timings_s["synthesis"] = time.perf_counter() - started
    return pixels


class _Reader:
    """`CodeStep` of the decoder: reads each step's symbols from the payload."""

    def __init__(self, payload: bytes, family: Family, *, is_all_coded: bool) -> None:
        self.decoder = StepDecoder(payload, family.tables)
        self.seconds = 0.0
        self._skip_below = coding_bound(family.tables, is_all_coded=is_all_coded)
        self._coded: list[np.ndarray] = []

    def __call__(self, step: int, mean: Tensor, index: Tensor, where: Where) -> Tensor:
        started = time.perf_counter()
        is_coded = index >= self._skip_below
        values = self.decoder.step(index[is_coded].numpy())
        self._coded.append(values.astype(np.int16))
        offsets = torch.zeros(mean.shape, dtype=torch.int32)
        offsets[is_coded] = torch.from_numpy(values) * 16
        self.seconds += time.perf_counter() - started
        return offsets

    @property
    def symbols(self) -> Iterator[bytes]:
        """Coded symbols of each step, little-endian int16."""
        return (values.astype("<i2").tobytes() for values in self._coded)
