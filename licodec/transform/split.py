"""A level of the encoder's analysis: native, or on torch."""

from __future__ import annotations

import numpy as np

from licodec import native
from licodec.native import lifting


def split_plane(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One level of analysis of a plane.

    Args:
        plane: (h, w) float32, h and w even.

    Returns:
        low-pass (h/2, w/2) and details (3, h/2, w/2) float32.
    """
    library = native.find()
    if library is not None:
        return lifting.split_plane(plane, library)
    import torch

    from licodec.transform.wavelet import analyse_level

    with torch.inference_mode():
        low, details = analyse_level(torch.from_numpy(plane)[None, None])
    return low[0, 0].numpy(), details[0, 0].numpy()
