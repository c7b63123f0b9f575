"""The native library: integer kernels and the entropy coder in C, without torch.

`find()` gives the library that was built with licodec, or None where there is none and everything
runs on torch. Whatever a kernel gives is equal to what its reference in Python gives.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from licodec.errors import LicodecError
from licodec.native.binding import Library, open_library

LIBRARY_PATH = Path(__file__).with_name(
    "_licodec.dylib" if sys.platform == "darwin" else "_licodec.so"
)
# Instruction set to use, or NO_LIBRARY.
ISA_VARIABLE = "LICODEC_ISA"
NO_LIBRARY = "none"


@functools.cache
def find() -> Library | None:
    """The installed library with the best instruction set of this CPU.

    The environment variable LICODEC_ISA names another one, such as "avx2", or "none" for torch.

    Raises:
        LicodecError: this CPU or this build lacks the instruction set that is asked for, or the
            library cannot be loaded.
    """
    wanted = os.environ.get(ISA_VARIABLE) or None
    if wanted == NO_LIBRARY:
        return None
    if not LIBRARY_PATH.exists():
        if wanted is not None:
            raise LicodecError(
                f"{ISA_VARIABLE} is {wanted!r}, but licodec was installed without its native "
                f"library; install it with a C compiler, or unset {ISA_VARIABLE}"
            )
        return None
    return open_library(LIBRARY_PATH, wanted)
