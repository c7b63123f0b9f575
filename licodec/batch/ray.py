"""Compresses a data set of picture files by the workers of a Ray cluster.

Needs `pip install "licodec[ray]"`. All workers see the files under the same names, as on a shared
disk. Stopped runs are called again: outputs that exist and are not older than their input are
skipped, as by `licodec compress --continue`.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from licodec.batch.compress import Compression, EncodeOptions, compression_paths
from licodec.batch.jobs import Job, Outcome, explain
from licodec.batch.outputs import Outputs
from licodec.batch.paths import plan_files
from licodec.batch.run import code_job, end_job
from licodec.batch.worker import Worker
from licodec.config import (
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_PIXELS,
    METADATA_KINDS,
    check_kinds,
)
from licodec.errors import LicodecError
from licodec.names import PIPE

if TYPE_CHECKING:
    from ray.data import MaterializedDataset

Batch = dict[str, np.ndarray]

# One reads or writes while the other codes.
_NUM_FILE_THREADS = 2


def compress_files(
    inputs: str | Sequence[str],
    output: str,
    *,
    quality: float = DEFAULT_QUALITY,
    effort: int = DEFAULT_EFFORT,
    profile: str = DEFAULT_PROFILE,
    tune: str = DEFAULT_TUNE,
    keep: Iterable[str] = METADATA_KINDS,
    max_pixels: int = MAX_PIXELS,
    force: bool = False,
    num_workers: int | tuple[int, int] = 1,
    threads_per_worker: int = 1,
    files_per_task: int = 64,
) -> MaterializedDataset:
    """Compress pictures on a Ray cluster and wait for all of them.

    Args:
        inputs: files, folders and patterns, as for `licodec compress`.
        output: folder for the results, on all workers.
        quality, effort, profile, tune, keep, max_pixels: as of `licodec compress`.
        force: replace outputs that are older than their input or of other settings.
        num_workers: processes with a model each; a pair lets Ray choose within a range.
        threads_per_worker: torch's threads in each, which Ray reserves as CPUs.
        files_per_task: what is done again, as far as it is not finished, when a worker dies.

    Returns:
        A row for each file: `input`, `output`, `status` ("done", "skipped" or "failed"), `error`
        and `notes` (text, empty if there are none), `width`, `height`, `num_bytes` (0 if it
        failed), `seconds` (coding alone).

    Raises:
        LicodecError: nothing to do, two inputs with one output, or a folder that cannot be listed.
        ValueError: quality or effort is out of range, or an unknown tune or kind of metadata.
    """
    import ray.data

    work = Compression(  # complains before workers are started
        options=EncodeOptions(quality=quality, tune=tune, effort=effort),
        profile=profile,
        keep=check_kinds(keep),
    )
    settings = {"work": work, "max_pixels": max_pixels, "force": force}
    rows = [{"input": job.source, "output": job.target} for job in _plan(inputs, output)]
    least, most = (num_workers,) * 2 if isinstance(num_workers, int) else num_workers
    files = ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / files_per_task))
    results = files.map_batches(
        FileCompressor,
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=threads_per_worker,
        fn_constructor_kwargs={"num_threads": threads_per_worker} | settings,
    )
    return results.materialize()


class FileCompressor:
    """Worker of a Ray actor pool: one model, for many batches of file names.

    Args:
        num_threads: of torch.
        work: what it does.
        max_pixels: refuse larger pictures.
        force: replace outputs that are older than their input or of other settings.
    """

    def __init__(self, num_threads: int, work: Compression, max_pixels: int, force: bool) -> None:
        import torch

        self._outputs = Outputs(work, is_continued=True, force=force, is_recorded=True)
        self._worker = Worker("cpu", max_pixels, threading.Lock())
        self._threads = ThreadPoolExecutor(
            _NUM_FILE_THREADS, initializer=torch.set_num_threads, initargs=(num_threads,)
        )

    def __call__(self, batch: Batch) -> Batch:
        """Columns `input` and `output` to those that `compress_files` describes.

        Raises:
            FatalError: the profile's weights cannot be loaded.
        """
        jobs = [Job(str(s), str(t)) for s, t in zip(batch["input"], batch["output"], strict=True)]
        rows = [_row(outcome) for outcome in self._threads.map(self._compress, jobs)]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _compress(self, job: Job) -> Outcome:
        return end_job(job, self._outputs, code_job(job, self._outputs, self._worker))


def _plan(inputs: str | Sequence[str], output: str) -> list[Job]:
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    if not names:
        raise LicodecError("nothing to do; name files, folders or patterns")
    if PIPE in names:
        raise LicodecError("workers have no stdin; name files, folders or patterns")
    plan = plan_files(names, os.path.join(output, ""), compression_paths())
    if not plan.jobs:
        raise LicodecError(f"{', '.join(names)}: no pictures in a format that licodec reads")
    for job in plan.jobs:
        if job.problem:
            raise LicodecError(f"{job.source}: {job.problem}")
    return plan.jobs


def _row(outcome: Outcome) -> dict[str, str | int | float]:
    job, result, error = outcome.job, outcome.result, outcome.error
    return {
        "input": job.source,
        "output": job.target,
        "status": outcome.status,
        "error": "" if error is None else explain(error),
        "notes": "" if result is None else "; ".join(result.notes),
        "width": 0 if result is None else result.width,
        "height": 0 if result is None else result.height,
        "num_bytes": 0 if result is None else result.num_bytes,
        "seconds": 0.0 if result is None else result.seconds,
    }
