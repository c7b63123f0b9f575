"""A codec as benchmarks see it, and its files with the time that they take."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.errors import LicodecError


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchCodec:
    """Encoder and decoder of one format: pictures are RGB images, files are bytes."""

    name: str
    settings: str  # one line for the report
    qualities: tuple[float, ...]  # the ladder that is measured unless another one is asked for
    encode: Callable[[Image.Image, float], bytes]
    decode: Callable[[bytes], Image.Image]
    # Every setting that a search may choose, smallest files first; empty: not to be searched.
    grid: tuple[float, ...] = ()
    # Seconds per stage of the last encode or decode; empty where the codec does not tell.
    last_timings: Callable[[], Mapping[str, float]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A file made with one setting of a codec's grid."""

    quality: float
    data: bytes
    encode_s: float  # wall seconds


def encode_timed(codec: BenchCodec, image: Image.Image, quality: float) -> Trial:
    """Make one file. Raises LicodecError if the codec refuses the picture."""
    started = time.perf_counter()
    data = codec.encode(image, quality)
    return Trial(quality=quality, data=data, encode_s=time.perf_counter() - started)


def decode_timed(
    codec: BenchCodec, data: bytes, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], float]:
    """Decode a file of a picture of `size` (width, height).

    Returns:
        (H, W, 3) uint8 RGB and the wall seconds.

    Raises:
        LicodecError: the decoded picture has another size.
    """
    started = time.perf_counter()
    decoded = codec.decode(data)
    decode_s = time.perf_counter() - started
    if decoded.size != size:
        raise LicodecError(f"{codec.name} decodes {size[0]}x{size[1]} px to {decoded.size}")
    return np.asarray(decoded.convert("RGB")), decode_s
