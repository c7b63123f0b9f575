"""Measuring: pictures and codecs go in; PSNR, MS-SSIM, BD-rate, tables and plots come out.

Everything here is for `licodec bench` and the demo; coding pictures never imports it.
"""

import importlib
from typing import Any

from licodec.errors import LicodecError


def load_extra(module: str) -> Any:
    """Import a module of the `bench` extra.

    Raises:
        LicodecError: its package is not installed; the message names the command that helps.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LicodecError(
            f"the benchmark needs the package of {module}, which is not installed; "
            "run pip install 'licodec[bench]'"
        ) from error
