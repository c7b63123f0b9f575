"""Processes that code the pictures of a batch, each with a worker of its own.

Threads that code in one process wait for each other's lock: two of them are hardly faster than one
picture on two cores (docs/decisions/speed.md).
"""

import math
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from licodec.batch.jobs import Coded, FatalError, Job
from licodec.batch.worker import Work, Worker


class WorkerPool:
    """Processes with a `Worker` each, which start when they are needed.

    Args:
        count: of the processes.
        device, max_pixels: as of `licodec.Codec`.
    """

    def __init__(self, count: int, device: str, max_pixels: int) -> None:
        self._executor, self._children = _processes(count, device, max_pixels)

    def submit(self, work: Work, job: Job, share: float) -> Future[Coded]:
        """Have a process do `work.code(job)` with a share of torch's threads; see `coded`.

        Raises:
            FatalError: a process was ended from outside.
        """
        with _fatal_if_broken(), _interrupts_blocked():  # as is, for life, what is started here
            return self._executor.submit(_code, work, job, share)

    def coded(self, future: Future[Coded]) -> Coded:
        """What came of a future that is done.

        Raises:
            FatalError: its process was ended from outside; or whatever the work has raised.
        """
        with _fatal_if_broken():
            return future.result()

    def close(self) -> None:
        """Let the processes end; nothing is being coded."""
        self._executor.shutdown()

    def stop(self) -> None:
        """End the processes at once; what they code is lost."""
        for child in self._children:
            child.kill()
        self._executor.shutdown(cancel_futures=True)


@contextmanager
def _fatal_if_broken() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise FatalError(
            "a process that codes was ended from outside, as where memory runs out; "
            "give fewer pictures at a time with -j"
        ) from error


class _OwnChildren(SpawnContext):
    """Starts processes anew, since forks break CUDA and torch's threads, and knows them."""

    def __init__(self) -> None:
        self.children: list[SpawnProcess] = []

    def Process(self, *arguments: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        self.children.append(SpawnProcess(*arguments, **options))
        return self.children[-1]


def _processes(count: int, device: str, max_pixels: int) -> tuple[Executor, list[SpawnProcess]]:
    context = _OwnChildren()
    with _interrupts_blocked():  # Python's tracker of resources begins here
        executor = ProcessPoolExecutor(count, context, begin, (device, max_pixels))
    return executor, context.children


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep Ctrl-C and the end of a terminal from this thread, where the system can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a process that codes.

_here: list[Worker] = []


def begin(device: str, max_pixels: int) -> None:
    """Get a process ready to code; it ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here.append(Worker(device, max_pixels))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _code(work: Work, job: Job, share: float) -> Coded:
    """Do a job with a share of the threads."""
    from licodec.native.threads import set_num_threads

    number = math.ceil(share * _num_threads())
    set_num_threads(number)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(number)
    else:  # what it begins with where it is loaded later
        os.environ["OMP_NUM_THREADS"] = str(number)
    return work.code(job, _here[0])


@cache
def _num_threads() -> int:
    """OMP_NUM_THREADS, or one for each CPU of the process."""
    from licodec.native.threads import num_threads

    return num_threads()
