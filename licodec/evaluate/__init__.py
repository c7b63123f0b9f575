"""Measures codecs on pictures: quality, BD-rate, tables, plots and pages.

Everything here is for `licodec bench`, `licodec compare` and the demo; coding pictures never
imports it. `compare` puts one picture through several codecs at equal size:

    page = licodec.evaluate.compare("photo.png", bpp=0.3).to_html()
"""

import importlib
from typing import TYPE_CHECKING, Any

from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.evaluate.comparison import compare

__all__ = ["compare", "load_extra"]


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


def __getattr__(name: str) -> Any:
    if name == "compare":  # loads numpy and Pillow, so only for those who ask
        from licodec.evaluate.comparison import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
