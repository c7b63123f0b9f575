"""Learned image codec: pictures to small .lic files and back.

    data = licodec.encode(image, quality=60)      # Pillow image or uint8 array -> bytes
    image = licodec.decode(data)                  # bytes -> Pillow image
    about = licodec.info(data)                    # header only, without torch

`licodec.Codec` is for many pictures. Every error is a `licodec.LicodecError`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from licodec.config import (
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_TUNE,
    MAX_PIXELS,
    METADATA_KINDS,
    check_names,
)
from licodec.errors import (
    BitstreamError,
    CorruptFileError,
    ImageError,
    LicodecError,
    ModelError,
    NotEnoughMemoryError,
    NotLicodecFileError,
    PictureWarning,
    TargetError,
    TooLargeError,
    TrainingError,
    TruncatedFileError,
    UnsupportedVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from PIL.Image import Image

    from licodec.api import Codec
    from licodec.inspect import Info

__version__ = "0.1.0"

__all__ = [
    "BitstreamError",
    "Codec",
    "CorruptFileError",
    "ImageError",
    "LicodecError",
    "ModelError",
    "NotEnoughMemoryError",
    "NotLicodecFileError",
    "PictureWarning",
    "TargetError",
    "TooLargeError",
    "TrainingError",
    "TruncatedFileError",
    "UnsupportedVersionError",
    "__version__",
    "decode",
    "encode",
    "info",
]


def encode(
    image: Image | NDArray[Any],
    *,
    lossless: bool = False,
    quality: float | None = None,
    bpp: float | None = None,
    size: float | None = None,
    psnr: float | None = None,
    ssimulacra2: float | None = None,
    effort: int = DEFAULT_EFFORT,
    time_budget: float | None = None,
    quantizer: str | None = None,
    content: str = DEFAULT_CONTENT,
    profile: str = DEFAULT_PROFILE,
    tune: str = DEFAULT_TUNE,
    device: str = "auto",
    keep: Iterable[str] = METADATA_KINDS,
) -> bytes:
    """Compress a picture to the bytes of a .lic file.

    An EXIF orientation is applied to the pixels and its tag reset. A `PictureWarning` says what
    else is changed or dropped before coding, such as samples of more than 8 bits.

    Args:
        image: Pillow image of any common mode, or uint8 array (H, W), (H, W, 1), (H, W, 2) grey
            and alpha, (H, W, 3) RGB or (H, W, 4) RGB and alpha; see `licodec.image.convert`.
        lossless: keep every pixel as it is, also colours that alpha hides. Needs neither torch nor
            weights; excludes what follows up to quantizer, but for effort. Content does not matter.
        quality: 1 (smallest file) to 100 (closest to the original, but not lossless); 75 if neither
            this nor one of the next four, which exclude each other, is given.
        bpp: bits per pixel that the file stays under; by at most 1 % if a quality reaches them.
        size: bytes that the file stays under; by at most 1 % if a quality reaches them.
        psnr: dB that the picture comes up to, within 0.05 unless a drawing is kept exactly.
        ssimulacra2: points that it comes up to, within 0.5 likewise; sides from 8 pixels on.
        effort: 0 (fastest) to 9 (smallest file); from 5 on the latent is searched for this picture.
        time_budget: seconds for that search in place of the effort's own.
        quantizer: one of "rounding", "dead-zone", "rdoq", "tcq8" and "tcq128" in place of
            the effort's own.
        content: "photo" codes by a latent family. "graphics" codes without one, exactly or in few
            colours, where that is no worse and takes no more bytes. "auto" does so for what looks
            like a screen, text or a drawing.
        profile: name from `licodec profiles`.
        tune: what the file is made for: "visual", how people see it, or "psnr", least squared
            error.
        device: "auto", "cpu" or "cuda"; files differ between devices, pictures hardly do.
        keep: kinds of metadata to keep: "icc", "exif", "xmp". Without "icc" colours are converted
            to sRGB first.

    Raises:
        ImageError: the picture cannot be converted, or a side is above 2^24 pixels.
        ModelError: the profile is unknown or its weights are not usable.
        NotEnoughMemoryError: the picture would not fit into memory.
        TargetError: what is asked for cannot be reached; names the nearest that can.
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, or two exclude each other.
    """
    if lossless:
        from licodec.lossless import encode_lossless

        return encode_lossless(
            image,
            effort=effort,
            keep=keep,
            quality=quality,
            bpp=bpp,
            size=size,
            psnr=psnr,
            ssimulacra2=ssimulacra2,
            time_budget=time_budget,
            quantizer=quantizer,
        )
    check_names(profile=profile, tune=tune, device=device)
    return _codec(profile, tune, device, MAX_PIXELS).encode(
        image,
        quality=quality,
        bpp=bpp,
        size=size,
        psnr=psnr,
        ssimulacra2=ssimulacra2,
        effort=effort,
        time_budget=time_budget,
        quantizer=quantizer,
        content=content,
        keep=keep,
    )


def decode(
    data: bytes | bytearray | memoryview,
    *,
    profile: str | None = None,
    device: str = "auto",
    max_pixels: int = MAX_PIXELS,
    region: tuple[int, int, int, int] | None = None,
    max_size: int | None = None,
) -> Image:
    """Decompress the bytes of a .lic file.

    Args:
        data: the whole file, not its name.
        profile: synthesis to decode with, of the file's family; None takes the one that the file
            was made for.
        device: "auto", "cpu" or "cuda".
        max_pixels: larger pictures are refused before memory is reserved.
        region: left, top, width and height in pixels of the part to decode. All symbols are read
            and verified; time and memory for the pixels are those of the part.
        max_size: pixels of the longer side at most: a preview from the coarser levels. The symbols
            of finer levels are not read, so that the file's checksum cannot be verified.

    Returns:
        Pillow image of mode L, LA, RGB or RGBA, with `icc_profile`, `exif` and `xmp` in its `info`
        where the file has them.

    Raises:
        BitstreamError: no .lic file, a newer one, a damaged one, or too many pixels.
        ImageError: the region reaches beyond the picture.
        ModelError: the weights that the file needs are not installed.
        NotEnoughMemoryError: the picture would not fit into memory.
        TypeError: data is no bytes, or another argument of the wrong type.
        ValueError: max_size below 1, or with a region.
    """
    from licodec.inspect import choose_codec, is_lossless, whole_bytes

    data = whole_bytes(data)
    check_names(device=device, **({} if profile is None else {"profile": profile}))
    if is_lossless(data, max_pixels):
        from licodec.container.read import read_container
        from licodec.image.convert import to_image
        from licodec.lossless import decode_lossless

        container = read_container(data, max_pixels)
        return to_image(decode_lossless(container, region=region, max_size=max_size))
    name, tune = choose_codec(data, profile, max_pixels)
    return _codec(name, tune, device, max_pixels).decode(data, region=region, max_size=max_size)


def info(data: bytes | bytearray | memoryview) -> Info:
    """What the front of a .lic file says; needs neither torch nor the file's weights.

    Raises:
        BitstreamError: no .lic file, a newer one, or a damaged front.
        TypeError: data is no bytes.
    """
    from licodec.inspect import read_info, whole_bytes

    return read_info(whole_bytes(data))


@functools.lru_cache(maxsize=4)
def _codec(profile: str, tune: str, device: str, max_pixels: int) -> Codec:
    from licodec.api import Codec

    return Codec(profile, device, tune, max_pixels=max_pixels)


def __getattr__(name: str) -> Any:
    if name == "Codec":  # loads torch, so only for those who ask
        from licodec.api import Codec

        return Codec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
