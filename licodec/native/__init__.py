"""The native library: integer kernels, the entropy coder and measures in C, without torch.

`find()` gives the library that was built with licodec, or None where there is none and everything
runs on torch. Integers are equal to what their reference in Python gives, measures up to rounding.
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
# Another library than the installed one, such as one with checks of every access.
PATH_VARIABLE = "LICODEC_LIBRARY"


@functools.cache
def find() -> Library | None:
    """The installed library with the best instruction set of this CPU.

    The environment variable LICODEC_ISA names another one, such as "avx2", or "none" for torch.

    Raises:
        LicodecError: this CPU or this build lacks the instruction set that is asked for, or the
            library is missing where one is asked for, or cannot be loaded.
    """
    wanted = os.environ.get(ISA_VARIABLE) or None
    if wanted == NO_LIBRARY:
        return None
    path = Path(os.environ.get(PATH_VARIABLE) or LIBRARY_PATH)
    if not path.exists():
        if wanted is not None or path != LIBRARY_PATH:
            raise LicodecError(
                f"{path}: no native library, which {ISA_VARIABLE} or {PATH_VARIABLE} asks for; "
                "install licodec with a C compiler, or unset them"
            )
        return None
    return open_library(path, wanted)
