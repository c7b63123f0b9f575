"""ICC profiles as bytes: what they are for, and small ones made from what files state."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")

MAX_PROFILE_BYTES = 2**26  # most that is read of one

_HEAD_BYTES = 128
_MAX_TAGS = 1000
_SIGNATURE = b"acsp"
_NO_DEVICES = (b"link", b"abst", b"nmcl")  # classes: device links, effects, named colours
_D50 = (0.9642, 1.0, 0.8249)  # XYZ of the white that profiles refer to
_D65 = (0.3127, 0.3290)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# IEC 61966-2-1: gamma, a, b, c, d of ICC's parametric curve of type 3.
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@dataclass(frozen=True, slots=True)
class Primaries:
    """Chromaticities (x, y) of white and of the three primaries."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


SRGB = Primaries(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_RGB = Primaries(_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
ADOBE_RGB_GAMMA = 563 / 256
DISPLAY_P3 = Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_SMPTE_170M = Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))

# By the numbers of ITU-T H.273, which PNG (cICP) and AVIF (nclx) use.
PRIMARIES_BY_NUMBER: Mapping[int, Primaries] = MappingProxyType(
    {
        1: SRGB,
        4: Primaries((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
        5: Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
        6: _SMPTE_170M,
        7: _SMPTE_170M,  # SMPTE 240M has the same
        8: Primaries((0.310, 0.316), (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
        9: Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
        10: Primaries((1 / 3, 1 / 3), (1, 0), (0, 1), (0, 0)),  # CIE XYZ
        11: Primaries((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
        12: DISPLAY_P3,
        22: Primaries(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
    }
)


def profile_space(icc: bytes) -> str | None:
    """Colour space that a profile is for: "GRAY", "RGB", "CMYK", ...; None if it is no profile."""
    if len(icc) < _HEAD_BYTES or icc[36:40] != _SIGNATURE:
        return None
    return icc[16:20].decode("ascii", "replace").strip()


def fit_profile(icc: bytes | None, *, is_grey: bool) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile if it is for pixels of that kind, or a note."""
    space, wanted = None if icc is None else profile_space(icc), "GRAY" if is_grey else "RGB"
    if icc is None or space == wanted:
        return icc, ()
    kind = "grey" if is_grey else "RGB"
    space = "".join(letter if letter.isprintable() else "?" for letter in space or "")
    return None, (f"ICC profile is for {space} pixels and dropped, these are {kind}",)


def mend_profile(icc: bytes) -> bytes | None:
    """The profile with the size that it has; None if it is none, or a part of it is missing, or
    it is not for pixels of a device."""
    if profile_space(icc) is None or icc[12:16] in _NO_DEVICES:
        return None
    tags = _tags_of(icc)
    if not tags or any(start + length > len(icc) for start, length in tags.values()):
        return None
    (stated,) = struct.unpack_from(">I", icc)
    end = max(start + length for start, length in tags.values())
    if end <= stated <= len(icc):
        return icc[:stated]
    return icc if stated == len(icc) else struct.pack(">I", len(icc)) + icc[4:]


def gamma_of_profile(icc: bytes) -> float | None:
    """The exponent from samples to light where all curves are the same power."""
    tags = _tags_of(icc)
    gammas = {_gamma_of(icc[start : start + length]) for start, length in _curves(tags).values()}
    return gammas.pop() if len(gammas) == 1 else None


def with_srgb_curve(icc: bytes) -> bytes:
    """A profile of the same primaries whose samples have the curve of sRGB."""
    tags = {name: icc[start : start + length] for name, (start, length) in _tags_of(icc).items()}
    tags |= dict.fromkeys(_curves(tags), _curve(None)) | {b"desc": _text("sRGB curve")}
    return _assemble(tags, icc[16:20])


def _tags_of(icc: bytes) -> dict[bytes, tuple[int, int]]:
    """Place and length of each tag; those of a table that is not there as a whole: none."""
    if len(icc) < _HEAD_BYTES + 4:
        return {}
    (count,) = struct.unpack_from(">I", icc, _HEAD_BYTES)
    if count > _MAX_TAGS or _HEAD_BYTES + 4 + 12 * count > len(icc):
        return {}
    entries = struct.iter_unpack(">4sII", icc[_HEAD_BYTES + 4 : _HEAD_BYTES + 4 + 12 * count])
    return {name: (start, length) for name, start, length in entries}


def _curves(tags: Mapping[bytes, _T]) -> dict[bytes, _T]:
    """Those of a profile that maps samples to light by curves alone."""
    if any(name.startswith((b"A2B", b"D2B")) for name in tags):
        return {}
    return {name: tags[name] for name in (b"rTRC", b"gTRC", b"bTRC", b"kTRC") if name in tags}


def _gamma_of(curve: bytes) -> float | None:
    """The exponent of a curve that is a power, also if a table says it of 1."""
    if curve[:4] == b"curv" and len(curve) >= 12:
        (count,) = struct.unpack_from(">I", curve, 8)
        if count == 0:
            return 1.0
        values = np.frombuffer(curve[12 : 12 + 2 * count], ">u2").astype(np.float64)
        if count == 1 and len(values) == 1:
            return float(values[0] / 256) or None
        line = np.linspace(0, 65535, count)
        return 1.0 if len(values) == count and np.abs(values - line).max() <= 64 else None
    if curve[:4] == b"para" and len(curve) >= 16 and curve[8:10] == b"\0\0":
        return float(struct.unpack_from(">i", curve, 12)[0] / 65536) or None
    return None


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


def _colorants(primaries: Primaries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """XYZ of the primaries under D50, one per column, and the adaptation to D50, both (3, 3)."""
    x, y = primaries.white
    if y <= 0:
        raise ValueError(f"chromaticity y of white is {y:g}, expected more than 0")
    white = np.array([x, y, 1 - x - y]) / y
    points = (primaries.red, primaries.green, primaries.blue)
    columns = np.array([(x, y, 1 - x - y) for x, y in points]).T
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
        return b"para" + bytes(4) + struct.pack(">Hxx", 3) + _fixed(*SRGB_CURVE)
    return b"para" + bytes(4) + struct.pack(">Hxx", 0) + _fixed(gamma)
