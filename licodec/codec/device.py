"""Where the learned corrections run."""

from __future__ import annotations

import ctypes
import sys

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def find_device(name: str) -> str:
    """Device of the learned corrections; everything that selects a probability runs on the CPU.

    Torch is asked, and loaded, only where there is a GPU.

    Args:
        name: "auto" (CUDA if there is one), "cpu" or "cuda".

    Returns:
        "cpu" or "cuda".

    Raises:
        ValueError: another name, or "cuda" where torch finds none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is {name!r}, expected auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not _has_gpu()):
        return "cpu"
    import torch

    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ValueError("device cuda: torch finds no CUDA device; use --device cpu")
    return "cuda" if has_cuda else "cpu"


def _has_gpu() -> bool:
    """Whether the CUDA driver, which takes CUDA_VISIBLE_DEVICES into account, has a device."""
    try:
        driver = ctypes.CDLL(_DRIVER)
        number = ctypes.c_int(0)
        return (
            driver.cuInit(0) == 0
            and driver.cuDeviceGetCount(ctypes.byref(number)) == 0
            and (number.value > 0)
        )
    except (OSError, AttributeError):
        return False
