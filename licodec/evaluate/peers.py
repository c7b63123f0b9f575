"""The conventional codecs that Pillow and its plugins bring.

Metadata is left out on both sides: bytes are bytes of picture.
"""

import importlib
import importlib.util
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, features

from licodec.errors import LicodecError


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchCodec:
    """A codec as the benchmark sees it: pictures are RGB images, files are bytes."""

    name: str
    settings: str  # one line for the report
    qualities: tuple[float, ...]  # the ladder that is measured unless another one is asked for
    encode: Callable[[Image.Image, float], bytes]
    decode: Callable[[bytes], Image.Image]
    # Every setting that a search may choose, smallest files first; empty: not to be searched.
    grid: tuple[float, ...] = ()
    # Seconds per stage of the last encode or decode; empty where the codec does not tell.
    last_timings: Callable[[], Mapping[str, float]] = dict


def _save(image: Image.Image, file_format: str, options: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, file_format, **options)
    # The ways in which Pillow and its plugins say that an encoder refused.
    except (OSError, ValueError, RuntimeError) as error:
        raise LicodecError(
            f"Pillow cannot write {image.width}x{image.height} px as {file_format}: {error}; "
            f"leave the picture or this codec out"
        ) from error
    return buffer.getvalue()


def _saver(file_format: str, options: Mapping[str, Any]) -> Callable[[Image.Image, float], bytes]:
    def encode(image: Image.Image, quality: float) -> bytes:
        return _save(image, file_format, {"quality": round(quality), **options})

    return encode


def _encode_jpeg2000(image: Image.Image, quality: float) -> bytes:
    options = {
        "quality_mode": "rates",
        "quality_layers": [quality],
        "irreversible": True,  # the 9/7 wavelet
        "mct": 1,  # with the colour transform
    }
    return _save(image, "JPEG2000", options)


def _decode(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


@contextmanager
def _module_variable(module: ModuleType, name: str, value: int) -> Iterator[None]:
    """Plugins take the number of decoder threads from a variable of their module only."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _decode_avif(data: bytes) -> Image.Image:
    with _module_variable(AvifImagePlugin, "DEFAULT_MAX_THREADS", 1):
        return _decode(data)


def _jxl_plugin() -> ModuleType:
    """Importing it makes the format known to Pillow."""
    return importlib.import_module("pillow_jxl.JpegXLImagePlugin")


def _encode_jxl(image: Image.Image, quality: float) -> bytes:
    _jxl_plugin()
    return _save(image, "JXL", {"quality": round(quality), "effort": 7, "num_threads": 0})


def _decode_jxl(data: bytes) -> Image.Image:
    with _module_variable(_jxl_plugin(), "DECODE_THREADS", 0):
        return _decode(data)


# Compression ratios in steps of 1 %, from 600 to 1.5.
_JPEG2000_RATIOS = tuple(600 * 0.99**step for step in range(597))

PEERS: Mapping[str, BenchCodec] = MappingProxyType(
    {
        "jpeg": BenchCodec(
            name="jpeg",
            settings="libjpeg-turbo through Pillow: 4:2:0, optimize, progressive",
            qualities=(5, 10, 20, 35, 50, 65, 77, 86, 91, 95),
            encode=_saver("JPEG", {"optimize": True, "progressive": True, "subsampling": "4:2:0"}),
            decode=_decode,
            grid=tuple(range(1, 101)),
        ),
        "webp": BenchCodec(
            name="webp",
            settings="libwebp through Pillow: method 6 (4:2:0)",
            qualities=(1, 10, 25, 45, 65, 76, 84, 90, 94, 98),
            encode=_saver("WEBP", {"method": 6}),
            decode=_decode,
            grid=tuple(range(101)),
        ),
        "jpeg2000": BenchCodec(
            name="jpeg2000",
            settings="OpenJPEG through Pillow: 9/7, one layer; quality is the compression ratio",
            qualities=(200, 120, 80, 50, 32, 24, 18, 14, 11, 9),
            encode=_encode_jpeg2000,
            decode=_decode,
            grid=_JPEG2000_RATIOS,
        ),
        "avif": BenchCodec(
            name="avif",
            settings="libaom through Pillow: 4:4:4, 8 bit, speed 6, default tuning, one thread",
            qualities=(8, 16, 26, 36, 46, 56, 66, 75, 84, 92),
            encode=_saver(
                "AVIF", {"speed": 6, "subsampling": "4:4:4", "codec": "aom", "max_threads": 1}
            ),
            decode=_decode_avif,
            grid=tuple(range(101)),
        ),
        "jxl": BenchCodec(
            name="jxl",
            settings="JPEG XL, libjxl through pillow-jxl-plugin: effort 7, one thread",
            qualities=(1, 8, 20, 32, 45, 57, 68, 77, 85, 93),
            encode=_encode_jxl,
            decode=_decode_jxl,
            grid=tuple(range(100)),  # 100 is lossless
        ),
    }
)

_PILLOW_FEATURES = {"jpeg": "jpg", "webp": "webp", "jpeg2000": "jpg_2000", "avif": "avif"}
_PLUGINS = {"jxl": "pillow_jxl"}


def installed_peers() -> tuple[str, ...]:
    """Names of the peers that this Pillow was built with or has a plugin for."""
    return tuple(name for name in PEERS if _is_installed(name))


def _is_installed(name: str) -> bool:
    if name in _PILLOW_FEATURES:
        return bool(features.check(_PILLOW_FEATURES[name]))
    return importlib.util.find_spec(_PLUGINS[name]) is not None


def find_peer(name: str) -> BenchCodec:
    """The peer of that name.

    Raises:
        LicodecError: unknown, or this Pillow was built without it or has no plugin for it.
    """
    if name not in PEERS:
        raise LicodecError(f"unknown codec {name!r}; choose among licodec, {', '.join(PEERS)}")
    if name in _PLUGINS and not _is_installed(name):
        raise LicodecError(
            f"codec {name} needs a plugin of Pillow; run pip install 'licodec[{name}]' or leave "
            f"{name} out"
        )
    if not _is_installed(name):
        raise LicodecError(
            f"Pillow was built without {name}; install Pillow's own wheel or leave {name} out"
        )
    return PEERS[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerMatch:
    """A peer's file that is at least as good as asked, and its cost."""

    quality: int  # the lowest setting whose score is not below the target
    num_bytes: int
    score: float
    # Size at exactly the target: log of the size interpolated over the score between this file
    # and the one at the quality below; num_bytes where there is none below.
    num_bytes_at_target: float
    encode_s: float
    decode_s: float


# Of an original and a decoded picture, (H, W, 3) uint8 RGB each; higher is better.
Score = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]


def match_score(
    peer: BenchCodec,
    reference: NDArray[np.uint8],
    target: float,
    bounds: Sequence[int],
    score: Score,
) -> PeerMatch | None:
    """Find by bisection the peer's lowest quality that reaches a score.

    Args:
        reference: (H, W, 3) uint8 RGB.
        target: the score to reach.
        bounds: lowest and highest quality to try; the score must grow with the quality.
        score: such as SSIMULACRA 2 or PSNR.

    Returns:
        None where not even the highest quality reaches the target.
    """
    low, high = bounds[0] - 1, bounds[-1]  # low fails (or is not there), high succeeds
    below, best = None, _attempt(peer, reference, high, score)
    if best.score < target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        tried = _attempt(peer, reference, middle, score)
        if tried.score < target:
            low, below = middle, tried
        else:
            high, best = middle, tried
    return _interpolate_size(below, best, target)


def _attempt(
    peer: BenchCodec, reference: NDArray[np.uint8], quality: int, score: Score
) -> PeerMatch:
    image = Image.fromarray(reference)
    started = time.perf_counter()
    data = peer.encode(image, quality)
    encoded = time.perf_counter()
    decoded = peer.decode(data)
    finished = time.perf_counter()
    return PeerMatch(
        quality=quality,
        num_bytes=len(data),
        score=score(reference, np.asarray(decoded)),
        num_bytes_at_target=len(data),
        encode_s=encoded - started,
        decode_s=finished - encoded,
    )


def _interpolate_size(below: PeerMatch | None, best: PeerMatch, target: float) -> PeerMatch:
    if below is None:
        return best
    share = (target - below.score) / (best.score - below.score)
    num_bytes = below.num_bytes ** (1 - share) * best.num_bytes**share
    return replace(best, num_bytes_at_target=float(num_bytes))
