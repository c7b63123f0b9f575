"""Pictures that are coded at the same time share torch's threads and a bound on memory."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from licodec.cli.interrupts import Stopped

# A larger picture takes several slots: its share of memory and of torch's threads grows with it.
SLOT_PX = 1 << 22
# Each is a process of 0.3 to 0.5 GB.
_MAX_DEFAULT_JOBS = 8


def default_jobs() -> int:
    """How many pictures are coded at a time: one per CPU that the process may use, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    num_cpus = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(num_cpus, _MAX_DEFAULT_JOBS)


class Slots:
    """Permits to code, handed out in the order of asking.

    Args:
        count: pictures of up to `SLOT_PX` pixels that may be coded at a time.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._is_closed = False

    def close(self) -> None:
        """Let nobody in any more, and nobody wait."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @contextmanager
    def take(self, num_pixels: int) -> Iterator[float]:
        """Hold the slots of a picture for a `with` block; gives their share of all.

        Raises:
            Stopped: closed.
        """
        wanted = min(self._count, math.ceil(num_pixels / SLOT_PX))
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._free >= wanted)
            if self._is_closed:
                raise Stopped
            self._free -= wanted
        try:
            yield wanted / self._count
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify()
