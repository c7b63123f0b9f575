"""Sizes of pictures in, an error out where coding them would need more memory than is free."""

from __future__ import annotations

import os
from pathlib import Path

from licodec.errors import NotEnoughMemoryError

# Peak of coding photographs (docs/large-pictures.md), picture included, without what Python and
# torch take, rounded up.
_ENCODE_BYTES_PER_PX = 48
_ENCODE_LARGE_BYTES_PER_PX = 28
_SEARCH_BYTES_PER_PX = 230
DECODE_BYTES_PER_PX = 24
# Above this, an encoder makes the finest coefficients of chroma only when they are needed.
LARGE_PX = 1 << 25
# Small pictures are not worth the question.
_UNCHECKED_PX = 1 << 22

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def encode_bytes_per_px(num_pixels: int, *, is_searched: bool) -> int:
    """What encoding takes, whether symbols are chosen one by one or by a trellis.

    Args:
        num_pixels: of the picture.
        is_searched: the latent is searched for the picture.
    """
    if is_searched:
        return _SEARCH_BYTES_PER_PX
    return _ENCODE_LARGE_BYTES_PER_PX if num_pixels > LARGE_PX else _ENCODE_BYTES_PER_PX


def check_memory(num_pixels: int, bytes_per_px: int, remedy: str) -> None:
    """Compare what a job needs with what is free, where the system tells.

    Args:
        num_pixels: of the picture.
        bytes_per_px: that the job needs.
        remedy: what the user can do instead, ends the message.

    Raises:
        NotEnoughMemoryError: it will not fit.
    """
    free = free_bytes()
    needed = num_pixels * bytes_per_px
    if num_pixels > _UNCHECKED_PX and free is not None and needed > free:
        raise NotEnoughMemoryError(
            f"{num_pixels / 1e6:.0f} megapixels need {needed / 1e9:.1f} GB of memory, "
            f"{free / 1e9:.1f} GB are free; {remedy}"
        )


def free_bytes() -> int | None:
    """Memory that can be used without swapping; None where the system does not tell."""
    known = [n for n in (_free_of_machine(), _free_of_group()) if n is not None]
    return min(known, default=None)


def _free_of_machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def _free_of_group() -> int | None:
    """What a container's limit leaves."""
    try:
        limit = (_GROUP / "memory.max").read_text().strip()
        return None if limit == "max" else int(limit) - int((_GROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
