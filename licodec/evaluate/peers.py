"""The conventional codecs that Pillow and its plugins bring.

Metadata is left out on both sides: bytes are bytes of picture.
"""

import importlib
import importlib.util
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, ModuleType
from typing import Any

from PIL import AvifImagePlugin, Image, features

from licodec.errors import LicodecError
from licodec.evaluate.codec import BenchCodec


@contextmanager
def _pillow_errors(action: str) -> Iterator[None]:
    """Turn the ways in which Pillow and its plugins say that they refuse into LicodecError."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise LicodecError(
            f"Pillow cannot {action}: {error}; leave the picture or this codec out"
        ) from error


def _save(image: Image.Image, file_format: str, options: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with _pillow_errors(f"write {image.width}x{image.height} px as {file_format}"):
        image.save(buffer, file_format, **options)
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
    with (
        _pillow_errors(f"read back the {len(data):,} bytes that it wrote"),
        Image.open(io.BytesIO(data)) as image,
    ):
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
