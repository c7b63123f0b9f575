"""Ctrl-C waits until what belongs together is done; threads that compute can be stopped."""

import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

_T = TypeVar("_T")


class Stopped(BaseException):
    """The run ends, and this job with it; no failure of its own."""


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Keep Ctrl-C back until the block ends, be it by an error.

    In other threads than the main one, to which Ctrl-C never comes, nothing changes.

    Raises:
        KeyboardInterrupt: at the end of the block, or whatever else the program does at Ctrl-C.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *arguments: held.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[-1])


class Stoppable:
    """Calls in any threads that another thread can end at their next line of Python.

    That is safe for what computes alone. Whoever takes part in conditions, queues or futures must
    not be ended so: an exception between the getting of their lock and the block that gives it
    back leaves it taken for ever.
    """

    def __init__(self) -> None:
        self._threads: set[int] = set()
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self, work: Callable[[], _T]) -> _T:
        """What the work gives.

        Raises:
            Stopped: `stop` was called, before or meanwhile; never after this call.
        """
        thread = threading.get_ident()
        with self._lock:
            if self._is_stopped:
                raise Stopped
            self._threads.add(thread)
        try:
            return work()
        finally:
            with self._lock:
                self._threads.discard(thread)  # raises what `stop` left for this thread

    def stop(self) -> None:
        """End all calls, and those to come."""
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        with self._lock:
            threads = () if self._is_stopped else tuple(self._threads)
            self._is_stopped = True
            for thread in threads:
                raise_in(ctypes.c_ulong(thread), ctypes.py_object(Stopped))
