"""Does the jobs of a run, several at a time; a bad input does not stop the rest."""

import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import ParamSpec, TypeVar

from licodec.batch.interrupts import Interrupts
from licodec.batch.jobs import Coded, FatalError, Job, Outcome, Result, Work
from licodec.batch.outputs import Outputs
from licodec.batch.worker import Worker, WorkerPool
from licodec.config import MAX_PIXELS

_T = TypeVar("_T")
_P = ParamSpec("_P")

# A larger picture takes several slots: its share of memory and of torch's threads grows with it.
SLOT_PX = 1 << 22
# Each is a process of 0.3 to 0.5 GB.
_MAX_DEFAULT_JOBS = 8
# Ctrl-C is noticed between waits.
_WAIT_SECONDS = 0.2


def default_jobs() -> int:
    """How many pictures are coded at a time: one per CPU that the process may use, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    num_cpus = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(num_cpus, _MAX_DEFAULT_JOBS)


def slots_of(num_pixels: float, count: int) -> int:
    """How many of `count` slots a picture takes, so that all that are coded share their memory."""
    return count if num_pixels > SLOT_PX * count else max(1, math.ceil(num_pixels / SLOT_PX))


def run_jobs(
    jobs: Sequence[Job],
    work: Work,
    on_end: Callable[[Outcome], None],
    *,
    num_workers: int | None = None,
    device: str = "auto",
    max_pixels: int = MAX_PIXELS,
    is_continued: bool = False,
    force: bool = False,
) -> None:
    """Do all jobs; whatever ends the run early leaves whole outputs only, and no process.

    Args:
        jobs: with outputs that differ, from `plan_files`.
        work: `Compression` or `Decompression`.
        on_end: called in this thread for every job that is done, skipped or failed, in the order
            of their ends; what it raises ends the run.
        num_workers: pictures of up to `SLOT_PX` pixels that are coded at a time, each in a process
            of its own; with 1, or a single job, all is done in this process. None chooses.
        device, max_pixels: as of `licodec.Codec`.
        is_continued: skip outputs that an earlier run with the same settings has finished.
        force: replace other outputs that exist.

    Raises:
        FatalError: no job can succeed.
        KeyboardInterrupt: Ctrl-C; `on_end` was called for each output that was written.
    """
    outputs = Outputs(work, is_continued=is_continued, force=force, is_recorded=len(jobs) > 1)
    count = min(num_workers or default_jobs(), len(jobs))
    if count > 1:
        pool = WorkerPool(count, device, max_pixels)
        _PoolRun(jobs, work, outputs, pool, count, on_end).run()
    else:
        _run_here(jobs, work, outputs, Worker(device, max_pixels), on_end)


def _run_here(
    jobs: Sequence[Job],
    work: Work,
    outputs: Outputs,
    worker: Worker,
    on_end: Callable[[Outcome], None],
) -> None:
    with Interrupts() as interrupts:
        for job in jobs:
            result = _attempt(outputs.begin, job)
            coded = None
            if result is None:
                coded = _attempt(work.code, job, worker)
                if len(jobs) > 1:
                    interrupts.check()  # a search ends by Ctrl-C with what it has
            with interrupts.held():
                on_end(_ended(job, result) if coded is None else _written(outputs, job, coded))


def _attempt(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | Exception:
    """What a step of one job gives, or the error that the job fails by.

    Raises:
        FatalError: so do all jobs.
    """
    try:
        return call(*args, **kwargs)
    except FatalError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect, too, ends one job of many alone
        return error


def _ended(job: Job, end: Result | Exception | None) -> Outcome:
    if isinstance(end, Exception):
        return Outcome(job, None, end)
    return Outcome(job, end)


def _written(outputs: Outputs, job: Job, coded: Coded | Exception) -> Outcome:
    if isinstance(coded, Exception):
        return Outcome(job, None, coded)
    return _ended(job, _attempt(lambda: outputs.end(job, coded)))


class _PoolRun:
    """One run over a pool: this process hands out jobs and writes what comes back."""

    def __init__(
        self,
        jobs: Sequence[Job],
        work: Work,
        outputs: Outputs,
        pool: WorkerPool,
        count: int,
        on_end: Callable[[Outcome], None],
    ) -> None:
        self._waiting = deque(jobs)
        self._work = work
        self._outputs = outputs
        self._pool = pool
        self._on_end = on_end
        self._count = count
        self._free = count  # slots
        self._next_slots = 0  # of the first waiting job; 0 while nobody knows
        self._running: dict[Future[Coded], tuple[Job, int]] = {}
        self._interrupts = Interrupts()

    def run(self) -> None:
        """Raises as `run_jobs`."""
        try:
            with self._interrupts:
                while self._waiting or self._running:
                    # Ctrl-C must not break a wait, whose locks would stay.
                    with self._interrupts.held():
                        self._hand_out()
                        done = wait(self._running, _WAIT_SECONDS, FIRST_COMPLETED).done
                        ended = [(future, self._take_back(future)) for future in done]
                        self._hand_out()  # before the time that writing takes
                        for future, job in ended:
                            coded = _attempt(self._pool.coded, future)
                            self._on_end(_written(self._outputs, job, coded))
        except BaseException:
            self._pool.stop()
            raise
        self._pool.close()

    def _hand_out(self) -> None:
        """Let processes begin as many jobs as there are slots for; tell those without work."""
        while self._waiting and self._free and not self._interrupts.is_waiting:
            job = self._waiting[0]
            if not self._next_slots:
                found = _attempt(self._begin, job)
                if not isinstance(found, float):
                    self._waiting.popleft()
                    self._on_end(_ended(job, found))
                    continue
                self._next_slots = slots_of(found, self._count)
            if self._next_slots > self._free:
                return
            future = self._pool.submit(self._work, job, self._next_slots / self._count)
            self._running[future] = self._waiting.popleft(), self._next_slots
            self._free -= self._next_slots
            self._next_slots = 0

    def _begin(self, job: Job) -> Result | float:
        """The result of an earlier run, or the pixels of what there is to do."""
        result = self._outputs.begin(job)
        return float(self._work.num_pixels(job)) if result is None else result

    def _take_back(self, future: Future[Coded]) -> Job:
        job, slots = self._running.pop(future)
        self._free += slots
        return job
