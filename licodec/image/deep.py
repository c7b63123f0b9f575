"""Samples of other than 8 bits brought to 8, those in linear light by way of the curve of sRGB."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.image.colours import cmyk_planes, lab_planes
from licodec.image.directories import Tag
from licodec.image.icc import SRGB_CURVE
from licodec.image.picture import Planes
from licodec.image.strips import FLOAT, SIGNED
from licodec.image.tiff import CIELAB, CMYK, ICCLAB, WHITE_IS_ZERO, Samples

Uint8 = NDArray[np.uint8]
Uint16 = NDArray[np.uint16]

# So many samples of a picture may lie beyond the white that the others speak for.
_MAX_BEYOND = 0.05
_BEYOND = 1.5  # times white


def from_floats(values: NDArray[Any]) -> tuple[Uint16, str]:
    """Floating-point samples to 0 to 65535, and the range that they are taken for.

    White is 1 unless more than 5 % of the samples lie far above it; else 255 or 65535 by the same
    rule. What lies outside is clipped, what is no number is black.
    """
    # Half precision would overflow.
    wide = values.astype(np.float32) if values.dtype.itemsize < 4 else values
    finite = wide[np.isfinite(wide)]
    whites = (1, 255, 65535)
    if not finite.size:
        return np.zeros(values.shape, np.uint16), "0 to 1"
    white = next((w for w in whites if (finite > _BEYOND * w).mean() <= _MAX_BEYOND), 65535)
    is_whole = white == 1 and finite.max() > 1 and (finite == np.rint(finite)).all()
    white = 255 if is_whole else white  # counts, most of them dark
    known = np.nan_to_num(wide, nan=0.0, posinf=white, neginf=0.0)
    scaled = np.rint(np.clip(known / white, 0, 1) * 65535)
    return scaled.astype(np.uint16), f"0 to {white}"


def from_integers(values: NDArray[Any], num_bits: int, *, is_signed: bool) -> tuple[Uint16, str]:
    """Integer samples to 0 to 65535, and the range that they are taken for.

    Args:
        values: any integers of up to 32 bits.
        num_bits: of a sample in the file. Above 16 the range is the smallest of 8, 16 and all bits
            that holds every sample.
        is_signed: whether samples can be negative. If some are, the least number is black, else 0.
    """
    low, high = int(values.min()), int(values.max())
    if is_signed and low < 0:
        black, white = -(2 ** (num_bits - 1)), 2 ** (num_bits - 1) - 1
    elif num_bits <= 16:
        black, white = 0, 2 ** (num_bits - is_signed) - 1
    else:
        black, white = 0, next((top for top in (255, 65535) if high <= top), 2**num_bits - 1)
    scaled = (values.astype(np.float64) - black) * (65535 / (white - black))
    return np.rint(np.clip(scaled, 0, 65535)).astype(np.uint16), f"{black} to {white}"


def to_8_bits(samples: Uint16, gamma: float | None = None) -> Uint8:
    """0 to 65535 to 0 to 255.

    Args:
        samples: any shape.
        gamma: exponent from samples to light that is so near to 1 that they take the curve of sRGB
            first; None for those that stay on theirs.
    """
    if gamma is None:
        return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    light = (np.arange(65536) / 65535) ** gamma
    power, scale, offset, slope, _ = SRGB_CURVE
    curved = (light ** (1 / power) - offset) / scale
    table = np.where(light <= SRGB_CURVE[4] * slope, light / slope, curved)
    levels: Uint8 = np.rint(255 * table).astype(np.uint8)[samples]
    return levels


def grey_planes(image: Image.Image, gamma: float | None) -> Planes:
    """A loaded image of mode I;16, I or F."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        if getattr(image, "tag_v2", {}).get(Tag.PHOTOMETRIC) == WHITE_IS_ZERO:  # unsaid by Pillow
            values = 65535 - values
        key = image.info.get("transparency")
        alpha = np.where(values == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
        return Planes(
            pixels=to_8_bits(values, gamma),
            alpha=alpha,
            notes=("16-bit grey reduced to 8 bits",),
            is_curved=gamma is not None,
        )
    if image.mode == "F":
        kind, (scaled, value_range) = "floating-point", from_floats(values)
    else:
        # A PGM's samples have been brought to 16 bits, dark ones, too.
        num_bits = 16 if image.format == "PPM" or values.max() > 255 else 8
        kind = "integer"
        scaled, value_range = from_integers(np.maximum(values, 0), num_bits, is_signed=False)
    note = f"{kind} grey reduced to 8 bits, values taken as {value_range}"
    return Planes(pixels=to_8_bits(scaled), notes=(note,))


def join_bytes(image: Image.Image, lower: Uint8, gamma: float) -> Uint8:
    """16-bit colours on the curve of sRGB.

    Args:
        image: with the upper bytes alone, loaded.
        lower: (H, W, 1 to 4), from `png.lower_bytes`.
        gamma: as of `to_8_bits`.
    """
    upper = np.asarray(image).astype(np.uint16)
    if lower.shape[2] == 2 and upper.shape[2] == 4:  # Pillow shows grey and alpha in colour
        upper = upper[:, :, ::3]
    samples: Uint16 = upper * np.uint16(256) + lower
    return to_8_bits(samples[:, :, 0] if samples.shape[2] < 3 else samples[:, :, :3], gamma)


def planes_of_samples(samples: Samples, icc: bytes | None, gamma: float | None = None) -> Planes:
    """The picture of a TIFF that Pillow does not read.

    Args:
        samples: of the file.
        icc: its profile, which CMYK uses up.
        gamma: as of `to_8_bits`.
    """
    if samples.photometric in (CIELAB, ICCLAB):
        samples = replace(samples, colours=_unsigned_lab(samples))
    planes = _reduced(samples, gamma)
    if samples.photometric == CMYK:
        converted = cmyk_planes(Image.fromarray(planes.pixels, "CMYK"), icc)
    elif samples.photometric in (CIELAB, ICCLAB):
        converted = lab_planes(_lab_image(planes.pixels))
    else:
        return planes
    return replace(converted, alpha=planes.alpha, notes=planes.notes + converted.notes)


def _reduced(samples: Samples, gamma: float | None) -> Planes:
    """Samples as 8 bits; pixels are (H, W, 4) if they are CMYK."""
    count = samples.colours.shape[2]
    colours, value_range = _scaled(samples, samples.colours)
    if samples.photometric == WHITE_IS_ZERO:
        colours = 65535 - colours
    alpha: Uint16 | None = None
    if samples.alpha is not None:
        alpha, _ = _scaled(samples, samples.alpha)
        if samples.is_associated:
            ratio = colours / np.maximum(alpha, 1)[:, :, None]
            colours = np.rint(np.clip(ratio, 0, 1) * 65535).astype(np.uint16)
    kind = "floating-point" if samples.kind == FLOAT else "integer"
    notes = samples.notes
    if samples.num_bits > 16 or samples.kind in (FLOAT, SIGNED):
        what = "grey" if count == 1 else "samples"
        notes += (f"{kind} {what} reduced to 8 bits, values taken as {value_range}",)
    elif samples.num_bits > 8:
        notes += (f"{samples.num_bits}-bit samples reduced to 8 bits",)
    if samples.is_associated:
        notes += ("colours divided by alpha",)
    return Planes(
        pixels=to_8_bits(colours[:, :, 0] if count == 1 else colours, gamma),
        alpha=None if alpha is None else to_8_bits(alpha),
        notes=notes,
        is_curved=gamma is not None,
    )


def _scaled(samples: Samples, values: NDArray[Any]) -> tuple[Uint16, str]:
    if samples.kind == FLOAT:
        return from_floats(values)
    return from_integers(values, samples.num_bits, is_signed=samples.kind == SIGNED)


def _unsigned_lab(samples: Samples) -> NDArray[Any]:
    """L*, a* and b* with 0 to the greatest number for 0 to 100 and -128 to 127, nearly."""
    lab = samples.colours.astype(np.int32)
    middle = 2 ** (samples.num_bits - 1)
    if samples.photometric == CIELAB:  # two's complement
        lab[:, :, 1:] = (lab[:, :, 1:] + middle) % (2 * middle)
    if samples.num_bits == 16:
        # 256 to a step of 8 bits, but for L* of CIELab, which has 257.
        steps = np.array([257 if samples.photometric == CIELAB else 256, 256, 256])
        lab = np.clip(np.rint(lab / steps), 0, 255).astype(np.int32) * 257
    return lab


def _lab_image(pixels: Uint8) -> Image.Image:
    """(H, W, 3) with 128 for a* and b* of 0, as an image of mode LAB."""
    height, width = pixels.shape[:2]
    signed = pixels ^ np.array([0, 128, 128], np.uint8)  # as Pillow's raw mode wants them
    return Image.frombytes("LAB", (width, height), signed.tobytes())
