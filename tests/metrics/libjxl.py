"""Two pictures go in; Butteraugli's 3-norm as an installed libjxl computes it comes out.

make_figures.py stores its distances, which `licodec.metrics.butteraugli` is compared with. Debian
12 has such a library as the package libjxl0.7.
"""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.metrics.pairs import check_pair

Distance = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]

# libjxl 0.7 and 0.8 export Butteraugli as a C interface; later ones do not.
_LIBRARY_NAMES = ("libjxl.so.0.7", "libjxl.so.0.8")
_TOOL = "butteraugli_main"
_INTENSITY_NITS = 80.0


class _PixelFormat(ctypes.Structure):
    """JxlPixelFormat."""

    _fields_ = (
        ("num_channels", ctypes.c_uint32),
        ("data_type", ctypes.c_int),
        ("endianness", ctypes.c_int),
        ("align", ctypes.c_size_t),
    )


_UINT8 = _PixelFormat(3, 2, 0, 0)  # JXL_TYPE_UINT8, native byte order, rows without gaps


def find_butteraugli() -> Distance | None:
    """libjxl's own Butteraugli: its tool on PATH, else a library that exports it, else None."""
    tool = shutil.which(_TOOL)
    if tool is not None:
        return lambda reference, decoded: _run_tool(tool, reference, decoded)
    for name in _LIBRARY_NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:  # not installed
            continue
        if hasattr(library, "JxlButteraugliApiCreate"):
            return lambda reference, decoded: _call_library(library, reference, decoded)
    return None


def _run_tool(tool: str, reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    check_pair(reference, decoded)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("reference.png", "decoded.png")]
        for path, pixels in zip(paths, (reference, decoded), strict=True):
            Image.fromarray(pixels).save(path)
        done = subprocess.run([tool, *paths], capture_output=True, text=True, check=False)
    return parse_tool_output(done.stdout, Path(tool).name)


def parse_tool_output(text: str, name: str = _TOOL) -> float:
    """The 3-norm in what butteraugli_main prints.

    Raises:
        ValueError: it is not there.
    """
    found = re.search(r"^3-norm: ([0-9.]+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{name} printed no 3-norm but {text[:80]!r}")
    return float(found[1])


def _call_library(
    library: ctypes.CDLL, reference: NDArray[np.uint8], decoded: NDArray[np.uint8]
) -> float:
    check_pair(reference, decoded)
    height, width = reference.shape[:2]
    pixels = [np.ascontiguousarray(picture) for picture in (reference, decoded)]
    buffers = [(ctypes.byref(_UINT8), p.ctypes.data_as(ctypes.c_void_p), p.nbytes) for p in pixels]
    create, compute = library.JxlButteraugliApiCreate, library.JxlButteraugliCompute
    create.restype = compute.restype = ctypes.c_void_p
    distance = library.JxlButteraugliResultGetDistance
    distance.restype = ctypes.c_float
    api = ctypes.c_void_p(create(None))
    library.JxlButteraugliApiSetIntensityTarget(api, ctypes.c_float(_INTENSITY_NITS))
    library.JxlButteraugliApiSetHFAsymmetry(api, ctypes.c_float(1.0))
    sizes = [ctypes.c_uint32(width), ctypes.c_uint32(height)]
    arguments = [
        (pixel_format, address, ctypes.c_size_t(num_bytes))
        for pixel_format, address, num_bytes in buffers
    ]
    result = ctypes.c_void_p(compute(api, *sizes, *arguments[0], *arguments[1]))
    try:
        if not result:
            raise ValueError(f"libjxl computes no Butteraugli of {width}x{height} px")
        return float(distance(result, ctypes.c_float(3)))
    finally:
        if result:
            library.JxlButteraugliResultDestroy(result)
        library.JxlButteraugliApiDestroy(api)
