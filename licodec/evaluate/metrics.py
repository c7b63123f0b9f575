"""Measures of a decoded RGB picture against its original: PSNR, MS-SSIM, or all there are."""

import importlib.util
import statistics
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from licodec.evaluate import load_extra
from licodec.evaluate.measures import Metric
from licodec.metrics.pairs import MIN_SIDE_PX, check_pair
from licodec.metrics.psnr import mean_squared_error, psnr_of

# Equal pictures have no finite PSNR, and one infinity would spoil the mean over a set of pictures.
MAX_PSNR_DB = 99.0

# Five scales halve the picture four times; the 11-tap window must still fit: 160 / 16 = 10 < 11.
MIN_MS_SSIM_SIDE_PX = 161

# Three rows or columns are cut off, and the least side that SSIMULACRA 2 has must be left.
MIN_CUT_SIDE_PX = 3 + MIN_SIDE_PX

# Larger pictures go unmeasured: SSIMULACRA 2 needs some 150 bytes of memory per pixel, Butteraugli
# 210, MS-SSIM 115.
MAX_PX: Mapping[Metric, int] = MappingProxyType(
    {"ssimulacra2": 2**23, "ssimulacra2_cut": 2**23, "butteraugli": 2**23, "ms_ssim": 2**25}
)


def psnr(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB from one mean squared error over all three channels.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        dB, at most MAX_PSNR_DB, which equal pictures get.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
    """
    check_pair(reference, decoded)
    return min(MAX_PSNR_DB, psnr_of(mean_squared_error(reference, decoded)))


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
    check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_MS_SSIM_SIDE_PX:
        return None
    package = load_extra("pytorch_msssim")
    torch = load_extra("torch")
    values = []
    with torch.inference_mode():
        for channel in range(3):  # one at a time, to save memory
            planes = [
                torch.from_numpy(array[:, :, channel].astype(np.float32))[None, None]
                for array in (reference, decoded)
            ]  # (1, 1, H, W) each
            values.append(float(package.ms_ssim(*planes, data_range=255)))
    return statistics.fmean(values)


def ssimulacra2_cut(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """Mean SSIMULACRA 2 of both pictures without their first rows and columns, at four cuts.

    Close to the SSIMULACRA 2 of the whole where errors do not depend on their place in the squares
    of 2x2 pixels by which the measure halves a picture (docs/compare.md).

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        At most 100, or None for a picture with a side below MIN_CUT_SIDE_PX.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
    """
    from licodec.metrics.phases import PHASES  # these two load torch
    from licodec.metrics.ssimulacra2 import ssimulacra2

    check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_CUT_SIDE_PX:
        return None
    scores = [
        ssimulacra2(*(np.ascontiguousarray(p[down:, right:]) for p in (reference, decoded)))
        for down, right in PHASES
    ]
    return statistics.fmean(score for score in scores if score is not None)


def has_ms_ssim() -> bool:
    """Whether the package that `ms_ssim` needs is installed."""
    return importlib.util.find_spec("pytorch_msssim") is not None


def measure_quality(
    reference: NDArray[np.uint8], decoded: NDArray[np.uint8], metrics: Collection[Metric]
) -> dict[str, float | None]:
    """The named measures of a decoded picture besides PSNR, which is always at hand.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.
        metrics: names of MEASURES.

    Returns:
        A value for each of MEASURES but PSNR: None for those not asked for, and for pictures that
        are too small or, by MAX_PX, too large for one.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
        LicodecError: MS-SSIM is asked for and its package is not installed.
    """
    from licodec.metrics.butteraugli import butteraugli  # these two load torch
    from licodec.metrics.ssimulacra2 import ssimulacra2

    functions: dict[Metric, Callable[..., float | None]] = {
        "ssimulacra2": ssimulacra2,
        "ssimulacra2_cut": ssimulacra2_cut,
        "butteraugli": butteraugli,
        "ms_ssim": ms_ssim,
    }
    num_px = reference.shape[0] * reference.shape[1]
    return {
        metric: function(reference, decoded)
        if metric in metrics and num_px <= MAX_PX[metric]
        else None
        for metric, function in functions.items()
    }
