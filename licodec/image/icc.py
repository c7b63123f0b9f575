"""ICC profiles: what they are for, small ones made from colour facts, pixels brought to sRGB."""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_HEAD_BYTES = 128
_SIGNATURE = b"acsp"
_D50 = (0.9642, 1.0, 0.8249)  # XYZ of the white that profiles refer to
_D65 = (0.3127, 0.3290)
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# IEC 61966-2-1: gamma, a, b, c, d of ICC's parametric curve of type 3.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@dataclass(frozen=True, slots=True)
class Primaries:
    """Chromaticities (x, y) of white and of the three primaries."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


SRGB = Primaries(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))

# By the numbers of ITU-T H.273, which PNG (cICP) and AVIF (nclx) use.
PRIMARIES_BY_NUMBER: Mapping[int, Primaries] = MappingProxyType(
    {
        1: SRGB,
        4: Primaries((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
        5: Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
        6: Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
        9: Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
        11: Primaries((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
        12: DISPLAY_P3,
    }
)


def profile_space(icc: bytes) -> str | None:
    """Colour space that a profile is for: "GRAY", "RGB", "CMYK", ...; None if it is no profile."""
    if len(icc) < _HEAD_BYTES or icc[36:40] != _SIGNATURE:
        return None
    return icc[16:20].decode("ascii", "replace").strip()


def make_profile(primaries: Primaries | None, gamma: float | None = None) -> bytes:
    """A version 4 profile of some 400 bytes.

    Args:
        primaries: of an RGB profile; None for a grey one.
        gamma: exponent from samples to light; None for the curve of sRGB.

    Raises:
        ValueError, ArithmeticError, struct.error: the primaries make no triangle around the white,
            or a value is out of a profile's range.
    """
    name = "grey" if primaries is None else "RGB"
    tags = {
        b"desc": _text(f"{name}, {'sRGB curve' if gamma is None else f'gamma {gamma:.4g}'}"),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz(*_D50),
    }
    curve = _curve(gamma)
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        columns, adaptation = _colorants(primaries)
        tags |= {key: _xyz(*columns[:, i]) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
        tags[b"chad"] = b"sf32" + bytes(4) + _fixed(*adaptation.ravel())
    return _assemble(tags, b"GRAY" if primaries is None else b"RGB ")


def convert_to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """Samples under a profile to samples of the same colours under sRGB.

    Args:
        pixels: (H, W) grey or (H, W, 3) RGB, uint8.
        icc: a profile of that kind of pixels.

    Returns:
        An array of the same shape; colours outside sRGB are clipped.

    Raises:
        ImageCms.PyCMSError, OSError, ...: the profile is unusable (`convert.PILLOW_FAULTS`).
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    if pixels.ndim == 3:
        return np.asarray(image_to_srgb(Image.fromarray(pixels), source))
    target = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(None)))
    # Optimized, the transform of grey is a table too coarse for dark samples.
    flags = _FLAGS | ImageCms.Flags.NOOPTIMIZE
    transform = ImageCms.buildTransform(source, target, "L", "L", _INTENT, flags)
    levels = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    converted: NDArray[np.uint8] = np.asarray(transform.apply(levels))[0][pixels]
    return converted


def image_to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """A Pillow image of any mode that fits the profile to mode RGB under sRGB, relative
    colorimetric with black point compensation."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(SRGB)))
    transform = ImageCms.buildTransform(source, target, image.mode, "RGB", _INTENT, _FLAGS)
    converted = Image.new("RGB", image.size)
    transform.apply(image, converted)
    return converted


def _colorants(primaries: Primaries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """XYZ of the primaries under D50, one per column, and the adaptation to D50, both (3, 3)."""

    def to_xyz(x: float, y: float) -> NDArray[np.float64]:
        if y <= 0:
            raise ValueError(f"chromaticity y is {y:g}, expected more than 0")
        return np.array([x, y, 1 - x - y]) / y

    white = to_xyz(*primaries.white)
    columns = np.stack(
        [to_xyz(*p) for p in (primaries.red, primaries.green, primaries.blue)], axis=1
    )
    amounts = np.linalg.solve(columns, white)
    if not amounts.min() > 0:
        raise ValueError("white lies outside the primaries")
    gains = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD)
    return adaptation @ (columns * amounts), adaptation


def _assemble(tags: Mapping[bytes, bytes], space: bytes) -> bytes:
    start = _HEAD_BYTES + 4 + 12 * len(tags)
    table, body, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, data in tags.items():
        if data not in places:  # the three curves are stored once
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", places[data], len(data))
    head = struct.pack(">I4sI", start + len(body), bytes(4), 0x04300000)
    head += b"mntr" + space + b"XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head += _SIGNATURE + bytes(28) + _fixed(*_D50)
    return head.ljust(_HEAD_BYTES, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(x, y, z)


def _text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    head = struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(data), 28)
    return head + data


def _curve(gamma: float | None) -> bytes:
    if gamma is None:
        return b"para" + bytes(4) + struct.pack(">Hxx", 3) + _fixed(*_SRGB_CURVE)
    return b"para" + bytes(4) + struct.pack(">Hxx", 0) + _fixed(gamma)
