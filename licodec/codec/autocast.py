"""A caller's torch.autocast around us in, exact types out: bfloat16 would change symbols."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def no_autocast() -> Iterator[None]:
    """Switch a caller's autocast on the CPU off; also a decorator."""
    with torch.autocast("cpu", enabled=False):
        yield
