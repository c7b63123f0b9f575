"""Encodes a picture fitted to one synthesis, which is what the default effort does.

    planes --dead zone--> coded planes --correction--> decoded planes
       ^                                                   |
       +-- a share of (coded planes + original - decoded) -+   back-projection
       |
       +--trellis--> symbols --moments--> adaptive filter

The analysis does not know what the correction of the profile will add to the planes of this
picture. One step of iterative back-projection (Irani and Peleg, "Improving resolution by image
registration", 1991) tells it: planes move a share of the way to those whose correction, as it was
found in a quick first encode, gives the original. It lowers the squared error alone
(docs/decisions/back-projection.md), so that families tuned to the eye do without.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from licodec.codec.adaptive_filter import fit_filter
from licodec.codec.analysis import analysed_planes
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.latent import Latent
from licodec.codec.model import Family
from licodec.codec.step_quantizer import Coefficients
from licodec.codec.synthesis import UNIT_PX, PictureSynthesis, Results
from licodec.config import DEFAULT_CHOICE
from licodec.native.threads import over_rows
from licodec.prior.plane_source import PlaneSource
from licodec.transform.colour_planes import integer_planes
from licodec.transform.grid import FRACTION_BITS, NUM_PLANES
from licodec.transform.integer import IntegerSynthesis

# Of the way to the planes that would give the original; chosen on validation pictures.
_SHARE = 0.4
_UNIT = np.float32(2.0**-FRACTION_BITS)
# Pixels that are moved at once: fewer, and much would be what strips have in common.
_STRIP_PX = 1 << 20


def encode_fitted(
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    quality_index: int,
    device: str,
    *,
    rate_scale: float = 1.0,
    values: Coefficients | None = None,
) -> Encoded:
    """Encode one picture as the default effort does.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
        device: of the analysis, "cpu" or "cuda".
        rate_scale: see `encode_pixels`.
        values: to be quantised in place of `fitted_latent`.
    """
    started = time.perf_counter()
    if values is None:
        values = fitted_latent(pixels, family, synthesis, quality_index, device)
    timings_s = {"analysis": time.perf_counter() - started}
    encoded = encode_pixels(
        pixels,
        family,
        quality_index,
        device,
        choice=DEFAULT_CHOICE,
        rate_scale=rate_scale,
        values=values,
    )
    encoded = fit_filter(encoded, pixels, family, synthesis, quality_index)
    return replace(encoded, timings_s=encoded.timings_s | timings_s)


def is_back_projected(family: Family) -> bool:
    """Whether `fitted_latent` gives anything else than the analysis does."""
    return family.tune == "psnr"


def fitted_latent(
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    quality_index: int,
    device: str,
) -> Latent:
    """The latent of a picture, back-projected if the family is tuned to the squared error.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
        device: of the analysis, "cpu" or "cuda".
    """
    planes = analysed_planes(pixels, family, quality_index, device)
    if is_back_projected(family):
        coded = _quickly_coded(planes, pixels, family, quality_index, device)
        _back_project(planes, pixels, coded, PictureSynthesis(synthesis, quality_index))
        del coded
    height, width = pixels.shape[:2]
    return Latent(planes, height, width, family, quality_index)


def _quickly_coded(
    planes: list[np.ndarray], pixels: np.ndarray, family: Family, quality_index: int, device: str
) -> PlaneSource:
    """What a decoder would have of a picture's planes before its correction, about."""
    height, width = pixels.shape[:2]
    copies = [plane.copy() for plane in planes]
    encoded = encode_pixels(
        pixels,
        family,
        quality_index,
        device,
        choice="dead-zone",
        is_all_coded=False,
        values=Latent(copies, height, width, family, quality_index, is_once=True),
    )
    assert encoded.synthesis is not None
    return encoded.synthesis


def _back_project(
    planes: list[np.ndarray],
    pixels: np.ndarray,
    coded: PlaneSource,
    synthesis: PictureSynthesis,
) -> None:
    """Move a picture's planes in place; their padding stays as it is.

    Args:
        planes: three of (H', W') float32 grey levels.
        pixels: (H, W) or (H, W, 3) uint8, the original.
        coded: what a decoder would have of them before its correction.
        synthesis: that corrects it.
    """
    height, width = pixels.shape[:2]
    strip = max(UNIT_PX, _STRIP_PX // width // UNIT_PX * UNIT_PX)

    def rows(top: int, bottom: int) -> None:
        for begin in range(top, bottom, strip):
            move(begin, min(begin + strip, bottom))

    def move(top: int, bottom: int) -> None:
        decoded = np.empty((NUM_PLANES, bottom - top, width), np.int16)
        synthesis.put(coded, (top, bottom, 0, width), Results(planes=decoded))
        missing = integer_planes(pixels, top, bottom)[:, :, :width] - decoded
        missing += coded.window(top, bottom, 0, width)
        for plane, target in zip(planes, missing, strict=True):
            part = plane[top:bottom, :width]
            part += np.float32(_SHARE) * (target * _UNIT - part)

    over_rows(rows, height, width, UNIT_PX)
