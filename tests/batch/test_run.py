"""Jobs share slots, end in any order, and are whole or absent whatever ends a run."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from licodec.batch import FatalError, Job, Outcome, Result, default_jobs, processes, run_jobs
from licodec.batch.jobs import Coded
from licodec.batch.run import SLOT_PX, slots_of
from licodec.batch.worker import Worker
from licodec.errors import LicodecError

RESULT = Result(
    width=1,
    height=1,
    num_bytes=1,
    bpp=8.0,
    quality=50.0,
    profile="balanced",
    tune="psnr",
    coding="photo",
)


@dataclass
class Paint:
    """Work that writes the name of its input; counts what is coded at the same time."""

    pixels: dict[str, float] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    together: Counter[str] = field(default_factory=Counter)
    seen: list[set[str]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)
    command: str = "paint"
    settings: dict[str, Any] = field(default_factory=dict)

    def find_finished(self, job: Job) -> Result | None:
        return RESULT if Path(job.target).exists() else None

    def num_pixels(self, job: Job) -> float:
        return self.pixels.get(job.source, 1)

    def code(self, job: Job, worker: Worker) -> Coded:
        with self.lock:
            self.together[job.source] += 1
            self.seen.append(set(+self.together))
        time.sleep(0.02)
        with self.lock:
            self.together[job.source] -= 1
        if job.source in self.errors:
            raise self.errors[job.source]
        return Coded(job.source.encode(), RESULT)


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads in the place of processes, which would not know `Paint`."""

    def make(count: int, device: str, max_pixels: int) -> tuple[ThreadPoolExecutor, list[Any]]:
        processes._here[:] = [Worker(device, max_pixels)]
        return ThreadPoolExecutor(count), []

    monkeypatch.setattr(processes, "_processes", make)


def run(work: Paint, folder: Path, names: str, **options: Any) -> dict[str, Outcome]:
    ended: dict[str, Outcome] = {}
    jobs = [Job(name, str(folder / name)) for name in names]

    def add(outcome: Outcome) -> None:
        assert outcome.job.source not in ended
        ended[outcome.job.source] = outcome

    run_jobs(jobs, work, add, **options)
    return ended


def test_default_is_at_least_one_and_at_most_eight() -> None:
    assert 1 <= default_jobs() <= 8


@pytest.mark.parametrize(
    ("num_pixels", "count", "slots"),
    [
        (0, 2, 1),
        (SLOT_PX, 2, 1),
        (2 * SLOT_PX + 1, 3, 3),
        (2 * SLOT_PX, 4, 2),
        (100 * SLOT_PX, 2, 2),
        (math.inf, 5, 5),
    ],
)
def test_picture_takes_slots_by_its_size_and_all_of_them_at_most(
    num_pixels: float, count: int, slots: int
) -> None:
    assert slots_of(num_pixels, count) == slots


@pytest.mark.parametrize("num_workers", [1, 3])
def test_every_job_ends_once_and_leaves_its_output(tmp_path: Path, num_workers: int) -> None:
    ended = run(Paint(), tmp_path, "abcdef", num_workers=num_workers)
    assert sorted(ended) == list("abcdef")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {n: n for n in "abcdef"}


def test_large_picture_is_coded_alone(tmp_path: Path) -> None:
    work = Paint(pixels={"c": 3 * SLOT_PX, "e": math.inf})
    run(work, tmp_path, "abcdefgh", num_workers=2)
    assert {"c"} in work.seen
    assert all(names == {"c"} for names in work.seen if "c" in names)
    assert all(names == {"e"} for names in work.seen if "e" in names)
    assert max(map(len, work.seen)) == 2


@pytest.mark.parametrize("num_workers", [1, 2])
def test_slots_come_back_after_a_failure(tmp_path: Path, num_workers: int) -> None:
    work = Paint(
        pixels=dict.fromkeys("abc", math.inf),
        errors={"a": LicodecError("bad"), "b": ZeroDivisionError()},
    )
    ended = run(work, tmp_path, "abc", num_workers=num_workers)
    assert [type(ended[name].error) for name in "abc"] == [
        LicodecError, ZeroDivisionError, type(None)
    ]  # fmt: skip
    assert os.listdir(tmp_path) == ["c"]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_error_of_all_jobs_ends_the_run(tmp_path: Path, num_workers: int) -> None:
    work = Paint(errors={"b": FatalError("no weights")})
    with pytest.raises(FatalError, match="no weights"):
        run(work, tmp_path, "ab" + "cdefghijkl", num_workers=num_workers)
    assert len(os.listdir(tmp_path)) < 11


@pytest.mark.parametrize("num_workers", [1, 2])
def test_finished_outputs_are_skipped_and_others_refused(tmp_path: Path, num_workers: int) -> None:
    (tmp_path / "a").write_text("earlier")
    again = run(Paint(), tmp_path, "ab", num_workers=num_workers, is_continued=True)
    assert again["a"].result == RESULT
    refused = run(Paint(), tmp_path, "ab", num_workers=num_workers)
    assert all("exists" in str(outcome.error) for outcome in refused.values())
    assert (tmp_path / "a").read_text() == "earlier"


@pytest.mark.parametrize("num_workers", [1, 2])
def test_interrupt_in_any_place_leaves_outputs_that_were_told(
    tmp_path: Path, num_workers: int
) -> None:
    for delay in range(12):
        folder = tmp_path / str(delay)
        ended: list[str] = []

        def add(outcome: Outcome, ended: list[str] = ended) -> None:
            time.sleep(0.001)
            ended.append(outcome.job.source)

        timer = threading.Timer(0.005 * delay + 0.002, os.kill, (os.getpid(), signal.SIGINT))
        jobs = [Job(name, str(folder / name)) for name in "abcdefghijklmnopqrst"]
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            run_jobs(jobs, Paint(), add, num_workers=num_workers)
        timer.join()
        made = os.listdir(folder) if folder.exists() else []
        assert sorted(ended) == sorted(made)
        assert len(made) < 20


def test_work_that_takes_an_interrupt_for_its_own_does_not_go_on(tmp_path: Path) -> None:
    class Search(Paint):
        def code(self, job: Job, worker: Worker) -> Coded:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                return super().code(job, worker)
            raise AssertionError

    with pytest.raises(KeyboardInterrupt):
        run(Search(), tmp_path, "ab", num_workers=1)
    assert os.listdir(tmp_path) == []
    assert run(Search(), tmp_path, "a")["a"].result == RESULT  # of one picture, the best is kept


def test_what_a_caller_raises_ends_the_run(tmp_path: Path) -> None:
    def refuse(outcome: Outcome) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_jobs([Job(n, str(tmp_path / n)) for n in "abc"], Paint(), refuse, num_workers=2)
