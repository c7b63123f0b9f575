"""Refuses pictures that no file can hold, or whose coding would need more memory than is free."""

from __future__ import annotations

import os
from pathlib import Path

from licodec.container.format import MAX_SIDE_PX
from licodec.errors import ImageError, NotEnoughMemoryError
from licodec.transform.grid import GRID_PX, padded_size

# Peak of coding photographs (docs/large-pictures.md), picture included, without what Python and
# torch take, rounded up; by pixel of the padded picture.
_ENCODE_BYTES_PER_PX = 54
_ENCODE_LARGE_BYTES_PER_PX = 34
_SEARCH_BYTES_PER_PX = 270
_SCORE_BYTES_PER_PX = 150
_DECODE_BYTES_PER_PX = 28
# Pixels, the tile that is being decoded, and what libwebp takes for it.
_LOSSLESS_BYTES_PER_PX = 20
# While an alpha plane is unpacked, which comes first.
_ALPHA_BYTES_PER_PX = 16
# Above this, an encoder makes the finest coefficients of chroma only when they are needed.
LARGE_PX = 1 << 25
# Less is not worth the question.
_UNCHECKED_BYTES = 100_000_000

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
_RECLAIMABLE = frozenset({"inactive_file", "active_file", "slab_reclaimable"})  # in memory.stat


def encode_bytes(width: int, height: int, *, is_searched: bool) -> int:
    """What encoding takes, whether symbols are chosen one by one or by a trellis.

    Args:
        width, height: of the picture in pixels.
        is_searched: the latent is searched for the picture.
    """
    if is_searched:
        bytes_per_px = _SEARCH_BYTES_PER_PX
    else:
        is_large = width * height > LARGE_PX
        bytes_per_px = _ENCODE_LARGE_BYTES_PER_PX if is_large else _ENCODE_BYTES_PER_PX
    return _padded_px(width, height) * bytes_per_px


def score_bytes(width: int, height: int) -> int:
    """What measuring the SSIMULACRA 2 of a decoded picture takes, while an encode is kept."""
    return encode_bytes(width, height, is_searched=False) + width * height * _SCORE_BYTES_PER_PX


def decode_bytes(width: int, height: int, *, has_alpha: bool, level: int = 1) -> int:
    """What decoding takes.

    Args:
        width, height: of the picture in pixels.
        has_alpha: it has an alpha plane or a layer, which is unpacked whole at any level.
        level: 1 to 6, the last that is decoded; above 1 for a preview.
    """
    symbols = (_padded_px(width, height) >> 2 * (level - 1)) * _DECODE_BYTES_PER_PX
    return max(symbols, width * height * _ALPHA_BYTES_PER_PX if has_alpha else 0)


def lossless_bytes(width: int, height: int) -> int:
    """What coding a picture of that many pixels without loss takes, either way."""
    return width * height * _LOSSLESS_BYTES_PER_PX


def _padded_px(width: int, height: int) -> int:
    return padded_size(width, GRID_PX) * padded_size(height, GRID_PX)


def check_side(width: int, height: int) -> None:
    """Raises ImageError if a side is longer than a file can hold."""
    if max(width, height) > MAX_SIDE_PX:
        raise ImageError(
            f"picture has {width}x{height} pixels, no side may have more than {MAX_SIDE_PX}; "
            "make it smaller or cut it"
        )


def check_memory(width: int, height: int, num_bytes: int, remedy: str) -> None:
    """Compare what a job needs with what is free, where the system tells.

    Args:
        width, height: of the picture in pixels, for the message.
        num_bytes: that the job needs.
        remedy: what the user can do instead, ends the message.

    Raises:
        NotEnoughMemoryError: it will not fit.
    """
    if num_bytes < _UNCHECKED_BYTES:
        return
    free = free_bytes()
    if free is not None and num_bytes > free:
        raise NotEnoughMemoryError(
            f"{width}x{height} pixels need {num_bytes / 1e9:.1f} GB of memory, "
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
        if limit == "max":
            return None
        used = int((_GROUP / "memory.current").read_text())
        return int(limit) - max(used - _reclaimable_of_group(), 0)
    except (OSError, ValueError):
        return None


def _reclaimable_of_group() -> int:
    """Part of the container's memory that only caches files; 0 where the system does not tell."""
    try:
        lines = (line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
        return sum(int(line[1]) for line in lines if line[0] in _RECLAIMABLE)
    except (OSError, ValueError, IndexError):
        return 0
