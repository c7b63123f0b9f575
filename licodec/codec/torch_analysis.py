"""The analysis correction in floating point on torch, for a GPU."""

from __future__ import annotations

import numpy as np
import torch

from licodec.codec.pixels import Corrector, corrected_rows
from licodec.transform.correction import Correction


def corrected_planes(
    pixels: np.ndarray,
    correction: Correction,
    inputs: tuple[np.ndarray, np.ndarray],
    device: str,
) -> np.ndarray:
    """(3, H', W') float32; see `licodec.codec.analysis.analysed_planes`."""
    weights, step_px = (torch.from_numpy(x) for x in inputs)
    corrector = Corrector(correction, weights, step_px, device)
    planes: np.ndarray = torch.cat(list(corrected_rows(pixels, corrector.start())), 1).numpy()
    return planes
