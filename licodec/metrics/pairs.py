"""Refuses two pictures that cannot be compared."""

import numpy as np
from numpy.typing import NDArray

# SSIMULACRA 2 and Butteraugli are not defined for pictures with a shorter side.
MIN_SIDE_PX = 8


def check_pair(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> None:
    """Refuse what cannot be compared pixel by pixel.

    Raises:
        ValueError: one is not uint8 (H, W, 3) with at least one pixel, or the shapes differ.
    """
    for name, array in (("reference", reference), ("decoded", decoded)):
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, expected uint8 (H, W, 3)")
    if reference.shape != decoded.shape:
        raise ValueError(f"decoded is {decoded.shape}, the reference is {reference.shape}")
