"""Rows of a map, cut into strips that threads work on at the same time.

The library's calls release the interpreter's lock, so plain Python threads do.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# Fewer positions than this are not worth a thread.
_MIN_POSITIONS = 1 << 11

_lock = threading.Lock()
_number: int | None = None
_pool: tuple[int, ThreadPoolExecutor] | None = None


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def num_threads() -> int:
    """Threads of one call: as set, else as many as torch's where it is loaded, else
    OMP_NUM_THREADS, else one per CPU of the process.
    """
    if _number is not None:
        return _number
    torch = sys.modules.get("torch")
    if torch is not None:  # licodec's own settings of threads are torch's then
        return int(torch.get_num_threads())
    value = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if value.isdigit() and int(value) > 0:
        return int(value)
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def set_num_threads(number: int | None) -> None:
    """Set the threads of each call, 1 or more; None is the default again."""
    global _number  # noqa: PLW0603 -- as torch.set_num_threads, for the process
    if number is not None and number < 1:
        raise ValueError(f"number of threads is {number}, expected 1 or more")
    _number = number


def over_rows(work: Callable[[int, int], None], height: int, width: int, unit: int = 1) -> None:
    """Call `work` on strips of rows that cover a map, on several threads if it is large.

    Args:
        work: takes the first row and the one after the last.
        height, width: of the map.
        unit: strips begin at multiples of it.
    """
    wanted = min(num_threads(), max(1, height * width // _MIN_POSITIONS), -(-height // unit))
    if wanted < 2:
        work(0, height)
        return
    rows = -(-height // (wanted * unit)) * unit
    tops = range(0, height, rows)
    over_items(lambda strip: work(tops[strip], min(tops[strip] + rows, height)), len(tops))


def over_items(work: Callable[[int], None], number: int) -> None:
    """Call `work` with 0 to number - 1 on several threads, each with the next that is left."""
    wanted = min(num_threads(), number)
    left = iter(range(number))

    def some() -> None:
        while True:
            with _lock:
                item = next(left, None)
            if item is None:
                return
            work(item)

    others = [_executor(wanted).submit(some) for _ in range(wanted - 1)]
    try:
        some()
    finally:
        for other in others:
            other.exception()  # nobody writes to an array that its owner has given up
    for other in others:
        other.result()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let numpy's products run on the thread that asks for them.

    Threads of its own would stand in the way of ours: they spin between products.
    """
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":  # as the command line has it
        yield
        return
    with _blas().limit(limits=1, user_api="blas"):
        yield


@cache
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _executor(wanted: int) -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603
    with _lock:
        if _pool is None or _pool[0] < wanted:
            _pool = wanted, ThreadPoolExecutor(wanted, thread_name_prefix="licodec")
        return _pool[1]
