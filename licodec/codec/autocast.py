"""Shuts out a caller's torch.autocast, whose bfloat16 would change symbols."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_autocast() -> Iterator[None]:
    """Switch a caller's autocast on the CPU off; also a decorator.

    Without torch, which is not loaded here, there is none.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.autocast("cpu", enabled=False):
        yield
