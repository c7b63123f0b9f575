"""Pictures that are coded at the same time share torch's threads and a bound on memory."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# A larger picture takes several slots: its share of memory and of torch's threads grows with it.
SLOT_PX = 1 << 22
# More than this gain little: a seventh of coding holds the interpreter's lock.
_MAX_DEFAULT_JOBS = 6


def default_jobs() -> int:
    """How many pictures are coded at a time: one per CPU that the process may use, at most 6."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    num_cpus = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(num_cpus, _MAX_DEFAULT_JOBS)


class Slots:
    """Permits to code, handed out in the order of asking.

    Args:
        count: pictures of up to `SLOT_PX` pixels that may be coded at a time. 1 leaves torch's
            threads as they are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._all_threads = 0
        self._is_closed = False

    def close(self) -> None:
        """Make nobody wait any more; what has been interrupted may keep slots for ever."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @contextmanager
    def take(self, num_pixels: int) -> Iterator[None]:
        """Hold the slots of a picture, with their share of torch's threads, for a `with` block."""
        wanted = min(self._count, math.ceil(num_pixels / SLOT_PX))
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._free >= wanted)
            self._free -= wanted
        try:
            with self._torch_threads(wanted):
                yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify()

    @contextmanager
    def _torch_threads(self, wanted: int) -> Iterator[None]:
        if self._count == 1:
            yield
            return
        import torch

        before = torch.get_num_threads()
        with self._changed:
            self._all_threads = self._all_threads or before
        torch.set_num_threads(math.ceil(self._all_threads * wanted / self._count))
        try:
            yield
        finally:
            torch.set_num_threads(before)
