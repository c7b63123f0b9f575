"""Encodes a picture fitted to one synthesis, which is what the default effort does.

    pixels --analysis--> planes --back-projection--> planes --trellis--> symbols
                                                                            |
                             adaptive filter <--moments---------------------+

Back-projection (`licodec.codec.back_projection`) begins with a quick encode of its own.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from licodec.codec.adaptive_filter import fit_filter
from licodec.codec.analysis import analysed_planes
from licodec.codec.back_projection import MOST_MOVE, back_project
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.latent import Latent
from licodec.codec.model import Family
from licodec.codec.step_quantizer import Coefficients
from licodec.codec.synthesis import PictureSynthesis
from licodec.config import DEFAULT_CHOICE
from licodec.prior.plane_source import PlaneSource
from licodec.transform.integer import IntegerSynthesis


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


def fitted_latent(
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    quality_index: int,
    device: str,
) -> Latent:
    """The latent of a picture, back-projected.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        synthesis: correction of the file's profile.
        quality_index: 0..255.
        device: of the analysis, "cpu" or "cuda".
    """
    planes = analysed_planes(pixels, family, quality_index, device)
    coded = _quickly_coded(planes, pixels, family, quality_index, device)
    fitted = PictureSynthesis(synthesis, quality_index)
    moves = back_project(planes, pixels, coded, fitted, family.tune)
    del coded
    height, width = pixels.shape[:2]
    return Latent(planes, height, width, family, quality_index, moves=moves, most_move=MOST_MOVE)


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
