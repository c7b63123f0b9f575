"""Planes in, pixels out through a synthesis on torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from licodec.codec.model import quality_inputs
from licodec.codec.pixels import pixels_of, tuned_corrector
from licodec.codec.region import Region
from licodec.config import FamilyConfig
from licodec.container.format import Header
from licodec.prior.planes import Planes
from licodec.transform.correction import Correction


def quality_tensors(config: FamilyConfig, quality_index: int) -> tuple[Tensor, Tensor]:
    """`quality_inputs` as tensors."""
    weights, step_px = quality_inputs(config, quality_index)
    return torch.from_numpy(weights), torch.from_numpy(step_px)


def synthesised_pixels(
    planes: Planes,
    correction: Correction,
    config: FamilyConfig,
    tuning: np.ndarray,
    header: Header,
    device: str,
    region: Region | None,
) -> np.ndarray:
    """Pixels of a picture or a region of it; see `licodec.codec.pixels.pixels_of`.

    Args:
        planes: of the linear synthesis.
        correction: of the file's profile.
        config: of the family.
        tuning: (K,) int16 of the correction, (0,) without.
        header: of the file.
        device: "cpu" or "cuda".
        region: the part that is wanted.
    """
    corrector = tuned_corrector(
        correction, quality_tensors(config, header.quality_index), device, tuning
    )
    return pixels_of(planes, corrector, header.height, header.width, header.is_grey, region)
