"""Does the jobs of a run, several at a time; a bad input does not stop the rest."""

import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from licodec.batch.interrupts import Interrupts
from licodec.batch.jobs import Coded, FatalError, Job, Outcome, Result
from licodec.batch.outputs import Outputs
from licodec.batch.worker import Work, Worker
from licodec.config import MAX_PIXELS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from licodec.batch.processes import WorkerPool

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

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
    is_recorded = is_continued or len(jobs) > 1
    outputs = Outputs(work, is_continued=is_continued, force=force, is_recorded=is_recorded)
    count = min(num_workers or default_jobs(), len(jobs))
    if count > 1:
        from licodec.batch.processes import WorkerPool  # loads multiprocessing

        pool = WorkerPool(count, device, max_pixels)
        _PoolRun(deque(jobs), outputs, pool, count, on_end).run()
    else:
        _run_here(jobs, outputs, Worker(device, max_pixels), on_end)


def _run_here(
    jobs: Sequence[Job], outputs: Outputs, worker: Worker, on_end: Callable[[Outcome], None]
) -> None:
    with Interrupts() as interrupts:
        for job in jobs:
            coded = code_job(job, outputs, worker)
            if len(jobs) > 1:
                interrupts.check()  # a search ends by Ctrl-C with what it has
            with interrupts.held():
                on_end(end_job(job, outputs, coded))


def code_job(job: Job, outputs: Outputs, worker: Worker) -> Result | Coded | Exception:
    """The result of an earlier run, or what coding gives: for `end_job`.

    Raises:
        FatalError: no other job can succeed either.
    """
    finished = _attempt(outputs.begin, job)
    return _attempt(outputs.work.code, job, worker) if finished is None else finished


def end_job(job: Job, outputs: Outputs, coded: Result | Coded | Exception) -> Outcome:
    """The end of a job, whose output is written now if it was coded."""
    end = _attempt(outputs.end, job, coded) if isinstance(coded, Coded) else coded
    return Outcome(job, None, end) if isinstance(end, Exception) else Outcome(job, end)


def _attempt(call: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T | Exception:
    """What a step of one job gives, or the error that the job fails by.

    Raises:
        FatalError: so do all jobs.
    """
    try:
        return call(*arguments)
    except FatalError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect, too, ends one job of many alone
        return error


@dataclass
class _PoolRun:
    """One run over a pool: this process hands out jobs and writes what comes back."""

    waiting: deque[Job]
    outputs: Outputs
    pool: "WorkerPool"
    count: int  # slots
    on_end: Callable[[Outcome], None]
    next_slots: int = 0  # of the first waiting job; 0 while nobody knows
    running: "dict[Future[Coded], tuple[Job, int]]" = field(default_factory=dict)  # with slots
    interrupts: Interrupts = field(default_factory=Interrupts)

    def run(self) -> None:
        """Raises as `run_jobs`."""
        from concurrent.futures import FIRST_COMPLETED, wait

        try:
            with self.interrupts:
                while self.waiting or self.running:
                    # Ctrl-C must not break a wait, whose locks would stay.
                    with self.interrupts.held():
                        self._hand_out()
                        done = wait(self.running, _WAIT_SECONDS, FIRST_COMPLETED).done
                        ended = [(future, self.running.pop(future)[0]) for future in done]
                        self._hand_out()  # before the time that writing takes
                        for future, job in ended:
                            coded = _attempt(self.pool.coded, future)
                            self.on_end(end_job(job, self.outputs, coded))
        except BaseException:
            self.pool.stop()
            raise
        self.pool.close()

    def _hand_out(self) -> None:
        """Let processes begin as many jobs as there are slots for; report those without work."""
        while self.waiting and self._num_free() and not self.interrupts.is_waiting:
            job = self.waiting[0]
            if not self.next_slots:
                found = _attempt(self._begin, job)
                if not isinstance(found, float):
                    self.waiting.popleft()
                    self.on_end(end_job(job, self.outputs, found))
                    continue
                self.next_slots = slots_of(found, self.count)
            if self.next_slots > self._num_free():
                return
            future = self.pool.submit(self.outputs.work, job, self.next_slots / self.count)
            self.running[future] = self.waiting.popleft(), self.next_slots
            self.next_slots = 0

    def _num_free(self) -> int:
        return self.count - sum(slots for _, slots in self.running.values())

    def _begin(self, job: Job) -> Result | float:
        """The result of an earlier run, or the pixels of what there is to do."""
        result = self.outputs.begin(job)
        return float(self.outputs.work.num_pixels(job)) if result is None else result
