"""Two RGB pictures of equal size go in; PSNR in dB, MS-SSIM or SSIMULACRA2 comes out."""

import importlib.util
import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.evaluate import load_extra

# Equal pictures have no finite PSNR, and one infinity would spoil the mean over a set of pictures.
MAX_PSNR_DB = 99.0

# Five scales halve the picture four times; the 11-tap window must still fit: 160 / 16 = 10 < 11.
MIN_MS_SSIM_SIDE_PX = 161

# SSIMULACRA2 leaves out scales with a shorter side, so that nothing would be left to compare.
MIN_SSIMULACRA2_SIDE_PX = 8


def _check_pair(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> None:
    for name, array in (("reference", reference), ("decoded", decoded)):
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, expected uint8 (H, W, 3)")
    if reference.shape != decoded.shape:
        raise ValueError(f"decoded is {decoded.shape}, the reference is {reference.shape}")


def psnr(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB from one mean squared error over all three channels.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        dB, computed in float64; at most MAX_PSNR_DB, which equal pictures get.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
    """
    _check_pair(reference, decoded)
    difference = reference.astype(np.float64) - decoded.astype(np.float64)
    mean_squared_error = float(np.mean(np.square(difference)))
    if mean_squared_error == 0:
        return MAX_PSNR_DB
    return min(MAX_PSNR_DB, 10 * math.log10(255**2 / mean_squared_error))


def ms_ssim(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """Multi-scale structural similarity of RGB: five scales, usual weights, mean over channels.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        0 to 1, or None for a picture with a side below MIN_MS_SSIM_SIDE_PX.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
        LicodecError: torch is there but pytorch-msssim is not.

    Source: Wang, Simoncelli and Bovik 2003, as implemented by pytorch-msssim.
    """
    _check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_MS_SSIM_SIDE_PX:
        return None
    package = load_extra("pytorch_msssim")
    torch = load_extra("torch")
    planes = [
        torch.from_numpy(array.transpose(2, 0, 1).astype(np.float32))[None]  # (1, 3, H, W)
        for array in (reference, decoded)
    ]
    with torch.inference_mode():
        return float(package.ms_ssim(*planes, data_range=255))


def has_ms_ssim() -> bool:
    """Whether the package that `ms_ssim` needs is installed."""
    return importlib.util.find_spec("pytorch_msssim") is not None


def has_ssimulacra2() -> bool:
    """Whether the package that `ssimulacra2` needs is installed."""
    return importlib.util.find_spec("ssimulacra2") is not None


def ssimulacra2(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """SSIMULACRA2 of sRGB pictures: 100 for equal ones, 90 hardly visible, 70 high quality.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        At most 100, below 0 for very bad pictures, or None for a picture with a side below
        MIN_SSIMULACRA2_SIDE_PX.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
        LicodecError: its package is not installed.
    """
    _check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_SSIMULACRA2_SIDE_PX:
        return None
    package = load_extra("ssimulacra2")
    files = [io.BytesIO(), io.BytesIO()]
    for array, file in zip((reference, decoded), files, strict=True):
        Image.fromarray(array).save(file, "PPM")
    return float(package.compute_ssimulacra2(*files))
