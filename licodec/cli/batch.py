"""Jobs go in and are done, several at a time; each is reported, in the order of the inputs."""

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import click

from licodec.cli.codecs import FatalError
from licodec.cli.coders import Coders
from licodec.cli.failures import Interrupted, explain
from licodec.cli.interrupts import interrupt_held
from licodec.cli.options import CommonOptions, Settings
from licodec.cli.plan import PIPE, Job, Plan
from licodec.cli.report import Report, Result
from licodec.cli.slots import default_jobs
from licodec.errors import LicodecError
from licodec.files import check_target, make_folder, write_file

# More threads than pictures are coded: one may read and one may write.
_NUM_SPARE_THREADS = 2
# Ctrl-C is noticed between waits.
_WAIT_SECONDS = 0.2

Work = Callable[[Job, Coders], Result]


def run_jobs(
    plan: Plan,
    work: Work,
    common: CommonOptions,
    *,
    command: str,
) -> int:
    """Do all jobs and report each; a bad input does not stop the rest.

    Args:
        plan: jobs with outputs that differ, and what is left out.
        work: does one job from reading to writing, in any thread; it has coders code, and lets
            their `Stopped` through.
        common: how many at a time, and what is told.
        command: its name.

    Returns:
        The exit code: 1 if a job failed or a picture of a folder is not read, else 0.

    Raises:
        FatalError: no job can succeed.
        Interrupted: by Ctrl-C; finished outputs stay, others are absent.
    """
    jobs, work = plan.jobs, _refusing(work)
    num_workers = min(common.jobs or default_jobs(), len(jobs))
    coders = Coders(num_workers, common.device, common.max_pixels)
    is_told = common.is_json, common.is_quiet, common.is_verbose
    with Report(command, len(jobs), *is_told) as report:
        for folder in plan.empty:
            report.tell_empty(folder)
        if len(jobs) == 1:
            _run_one(jobs[0], work, coders, report)
        else:
            _Pool(work, coders, num_workers, report).run(jobs)
    report.summarise(num_workers, plan.unread)
    return 1 if report.totals.num_failed or plan.unread else 0


def _refusing(work: Work) -> Work:
    """The work, but for jobs that have a problem."""

    def run(job: Job, coders: Coders) -> Result:
        if job.problem:
            raise LicodecError(job.problem)
        return work(job, coders)

    return run


def check_job(job: Job, *, force: bool) -> None:
    """Refuse a job's output before work is spent on it.

    Raises:
        LicodecError: as `check_output`.
    """
    if job.target != PIPE:
        source = None if job.source == PIPE else Path(job.source)
        check_output(Path(job.target), source, force=force)


def check_output(target: Path, source: Path | None = None, *, force: bool) -> None:
    """Refuse an output before work is spent on it.

    Raises:
        LicodecError: as `licodec.files.check_target` and, but for a device or pipe, `check_folder`.
    """
    check_target(target, source, force=force)
    if target.is_file() or not target.exists():
        check_folder(Path(os.path.realpath(target)).parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, or be created; nothing is created here.

    Raises:
        LicodecError: so it is.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise LicodecError(f"folder {folder} cannot be created: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise LicodecError(f"folder {place} cannot be written; choose another one")


def read_bytes(source: str) -> bytes:
    """All bytes of a file or of stdin.

    Raises:
        LicodecError: the system refuses.
    """
    try:
        if source == PIPE:
            return sys.stdin.buffer.read()
        return Path(source).read_bytes()
    except OSError as error:
        raise LicodecError(f"cannot be read: {error.strerror or error}") from error


def write_bytes(target: str, data: bytes, *, force: bool) -> None:
    """Write a file whole or not at all, or all of it to stdout.

    Raises:
        LicodecError: the file exists and `force` is not set, or the system refuses.
    """
    if target != PIPE:
        make_folder(Path(target).parent)
        write_file(Path(target), data, replace=force)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise LicodecError(f"stdout cannot be written: {error.strerror or error}") from error


def _run_one(job: Job, work: Work, coders: Coders, report: Report) -> None:
    try:
        result = work(job, coders)
    except Exception as error:  # told as that of a file of a batch
        if _tell_error(job, error, report):
            raise
        report.count(None)
    else:
        report.count(result)
        report.tell(job, result)


def _tell_error(job: Job, error: BaseException, report: Report) -> bool:
    """Report the file; whether the error ends the run."""
    settings = click.get_current_context().find_object(Settings)
    is_debug = settings is not None and settings.is_debug
    if isinstance(error, FatalError) or (is_debug and not isinstance(error, LicodecError)):
        report.tell_fatal(job, explain(error)[0])
        return True
    report.tell_failure(job, explain(error)[0])
    return False


class _Pool:
    """Threads that take one job after the other, from reading to writing; `Coders` do between."""

    def __init__(self, work: Work, coders: Coders, num_workers: int, report: Report) -> None:
        self._work = work
        self._coders = coders
        self._num_threads = num_workers + _NUM_SPARE_THREADS
        self._report = report

    def run(self, jobs: list[Job]) -> None:
        """Raises as `run_jobs`."""
        executor = ThreadPoolExecutor(self._num_threads, thread_name_prefix="licodec")
        futures: list[Future[Result]] = []
        num_told = 0
        try:
            with interrupt_held():  # every job that is done gets counted
                for job in jobs:
                    futures.append(executor.submit(self._work, job, self._coders))
                    futures[-1].add_done_callback(self._count)
            for job, future in zip(jobs, futures, strict=True):
                is_done = False
                while not is_done:
                    with interrupt_held():  # which must not break a wait: its locks would stay
                        is_done = bool(wait([future], _WAIT_SECONDS).done)
                with interrupt_held():  # and told, once
                    num_told += 1
                    self._tell(job, future)
        except KeyboardInterrupt as error:
            self._stop(executor)
            self._tell_finished(zip(jobs[num_told:], futures[num_told:], strict=False))
            num_made = self._report.totals.num_done + self._report.totals.num_skipped
            raise Interrupted(
                f"interrupted; {num_made} of {len(jobs)} files are finished, "
                "--continue does the others"
            ) from error
        except FatalError as error:
            self._stop(executor)
            self._tell_rest(zip(jobs[num_told:], futures[num_told:], strict=True), str(error))
            raise
        except BaseException:
            self._stop(executor)
            raise
        executor.shutdown()
        self._coders.close()

    def _count(self, future: Future[Result]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._report.count(future.result())
        elif isinstance(error, Exception):  # not Stopped
            self._report.count(None)

    def _tell(self, job: Job, future: Future[Result]) -> None:
        error = future.exception()
        if error is None:
            self._report.tell(job, future.result())
        elif _tell_error(job, error, self._report):
            raise error

    def _tell_finished(self, pending: Iterable[tuple[Job, Future[Result]]]) -> None:
        for job, future in pending:
            if not future.cancelled() and isinstance(future.exception(), Exception | None):
                self._tell(job, future)

    def _tell_rest(self, pending: Iterable[tuple[Job, Future[Result]]], message: str) -> None:
        """Report the files that follow the one that ended the run."""
        for job, future in pending:
            if future.cancelled() or future.exception() is not None:
                self._report.tell_fatal(job, message)
            else:
                self._tell(job, future)

    def _stop(self, executor: ThreadPoolExecutor) -> None:
        """End all work: what is being read or coded is lost, what is being written is finished."""
        executor.shutdown(wait=False, cancel_futures=True)
        self._coders.stop()
        executor.shutdown()
