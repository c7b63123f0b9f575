"""Pictures coded in other processes, with the shipped weights."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from licodec.batch import Compression, EncodeOptions, FatalError, Job
from licodec.batch import processes as module
from licodec.batch.decompress import Decompression
from licodec.batch.processes import WorkerPool
from licodec.batch.worker import Worker
from licodec.config import MAX_PIXELS
from licodec.errors import CorruptFileError, ModelError
from licodec.native.threads import set_num_threads
from tests.photos import crop

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


FAST = Compression(options=EncodeOptions(quality=40, effort=1, tune="psnr"), profile="fast")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = crop(56, 40)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path, exif=b"Exif\0\0II*\x00\x08\x00\x00\x00\x00\x00")
    return path


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    found = WorkerPool(2, "cpu", MAX_PIXELS)
    yield found
    found.stop()


def wait_until(is_so: Callable[[], bool]) -> bool:
    for _ in range(200):
        if is_so():
            return True
        time.sleep(0.05)
    return False


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    # What has ended but was not asked for its exit code has a number still.
    status = Path(f"/proc/{process_id}/stat")
    return not status.exists() or ") Z" not in status.read_text()


def test_other_process_gives_the_same_file_and_picture(pool: WorkerPool, photo: Path) -> None:
    here, job = Worker("cpu", MAX_PIXELS), Job(str(photo), "a.lic")
    coded = pool.coded(pool.submit(FAST, job, 0.5))
    assert coded.data == FAST.code(job, here).data
    assert coded.result.model_seconds > 0
    assert coded.result.seconds > sum(coded.result.stages_s.values()) > 0
    photo.with_suffix(".lic").write_bytes(coded.data)
    part, back = Decompression(max_size=28), Job(str(photo.with_suffix(".lic")), "a.png")
    assert pool.coded(pool.submit(part, back, 0.5)).data == part.code(back, here).data


def test_errors_come_back_as_they_are(pool: WorkerPool, photo: Path) -> None:
    data = bytearray(pool.coded(pool.submit(FAST, Job(str(photo), "a.lic"), 1.0)).data)
    data[-1] ^= 1
    damaged = Job(str(photo.with_suffix(".lic")), "a.png")
    Path(damaged.source).write_bytes(data)
    with pytest.raises(CorruptFileError):
        pool.coded(pool.submit(Decompression(), damaged, 1.0))
    data[-1] ^= 1
    Path(damaged.source).write_bytes(data)
    with pytest.raises(ModelError, match="nosuch"):
        pool.coded(pool.submit(Decompression(profile="nosuch"), damaged, 1.0))
    with pytest.raises(FatalError, match="nosuch"):
        pool.coded(pool.submit(Compression(profile="nosuch"), Job(str(photo), "a.lic"), 1.0))


def test_process_that_is_killed_ends_the_run_with_advice(pool: WorkerPool, photo: Path) -> None:
    job = Job(str(photo), "a.lic")
    pool.coded(pool.submit(FAST, job, 1.0))
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(FatalError, match="-j"):
        pool.coded(pool.submit(FAST, job, 1.0))


def test_end_of_a_pool_leaves_other_processes_alone(pool: WorkerPool, photo: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(100,))
    other.start()
    pool.coded(pool.submit(FAST, Job(str(photo), "a.lic"), 1.0))
    own = [process for process in multiprocessing.active_children() if process is not other]
    pool.stop()
    assert own
    assert not any(process.is_alive() for process in own)
    assert other.is_alive()
    other.kill()
    other.join()


def test_process_codes_with_its_share_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_here", [Worker("cpu", MAX_PIXELS)])
    before = torch.get_num_threads()

    class Work(Compression):
        def code(self, job: Job, worker: Worker) -> int:  # type: ignore[override]
            return torch.get_num_threads()

    try:
        all_threads = module._code(Work(), Job("", ""), 1.0)
        assert module._code(Work(), Job("", ""), 1e-3) == 1
        assert module._code(Work(), Job("", ""), 1.0) == all_threads
    finally:
        torch.set_num_threads(before)
        set_num_threads(None)


@needs_signals
def test_processes_end_with_a_parent_that_is_killed() -> None:
    script = """
import multiprocessing, sys, time
from licodec.batch import Compression, Job
from licodec.batch.processes import WorkerPool
if __name__ == "__main__":
    pool = WorkerPool(2, "cpu", 1 << 20)
    try: pool.coded(pool.submit(Compression(), Job("no file", "a.lic"), 1.0))
    except Exception: pass
    print(*(p.pid for p in multiprocessing.active_children()), flush=True)
    time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [int(word) for word in parent.stdout.readline().split()]
        assert children
        parent.kill()
    assert wait_until(lambda: not any(map(is_running, children)))


@needs_signals
def test_ctrl_c_ends_all_processes_and_keeps_finished_files(tmp_path: Path) -> None:
    for number in range(8):  # each takes all slots; the first is among the first four that do
        Image.new("L", (2100, 2100)).save(tmp_path / f"{number}.png")
    arguments = ["compress", "-j", "2", tmp_path, "-o", tmp_path / "out"]
    with subprocess.Popen(
        [sys.executable, "-m", "licodec", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to all processes of a terminal
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline()]
        os.killpg(process.pid, signal.SIGINT)
        lines += process.stderr.readlines()
    assert process.returncode == 130
    *reported, last = lines
    assert 1 <= len(reported) < 8
    assert last == (
        f"licodec: interrupted; {len(reported)} of 8 files are finished, "
        "--continue does the others\n"
    )
    made = [line.split(" -> ")[1].split("  ")[0] for line in reported]
    assert sorted(made) == sorted(map(str, (tmp_path / "out").iterdir()))
