"""Outputs of a run: refused before work is spent on them, skipped if finished, written whole."""

import sys
from pathlib import Path

from licodec.batch.jobs import Coded, Job, Result
from licodec.batch.resume import SettingsRecord
from licodec.batch.worker import Work
from licodec.errors import LicodecError
from licodec.files import check_output, make_folder, system_errors, write_file
from licodec.names import PIPE


class Outputs:
    """What becomes of the outputs of a run's jobs.

    Args:
        work: what makes them, and whose settings they have; an attribute, too.
        is_continued: outputs of an earlier run with the same settings are finished.
        force: replace those that exist, but for finished ones.
        is_recorded: write settings that outputs do not carry beside them; else only where that has
            been done before.
    """

    def __init__(self, work: Work, *, is_continued: bool, force: bool, is_recorded: bool) -> None:
        self.work = work
        self._is_continued = is_continued
        self._force = force
        defaults = type(work)().settings
        self._record = SettingsRecord(work.command, work.settings, defaults, is_kept=is_recorded)

    def begin(self, job: Job) -> Result | None:
        """The result of an earlier run; None if there is work to do.

        Raises:
            LicodecError: the output cannot be written, or must not be replaced.
        """
        if job.problem:
            raise LicodecError(job.problem)
        finished = self._find_finished(job)
        if finished is None and job.target != PIPE:
            source = None if job.source == PIPE else Path(job.source)
            check_output(Path(job.target), source, force=self._force)
        return finished

    def end(self, job: Job, coded: Coded) -> Result:
        """Write an output whole or not at all.

        Raises:
            LicodecError: the system refuses, or a file is there by now.
        """
        if job.target != PIPE:
            folder = Path(job.target).parent
            self._record.note(folder)
            make_folder(folder)
            write_file(Path(job.target), coded.data, replace=self._force)
            return coded.result
        with system_errors("stdout cannot be written"):
            sys.stdout.buffer.write(coded.data)
            sys.stdout.buffer.flush()
        return coded.result

    def _find_finished(self, job: Job) -> Result | None:
        if not self._is_continued or PIPE in (job.source, job.target):
            return None
        try:
            finished = self.work.find_finished(job)
            if finished is not None:
                self._record.check(Path(job.target))
        except LicodecError:
            if not self._force:
                raise
            return None
        return finished
