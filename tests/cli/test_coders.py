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

import numpy as np
import pytest
import torch
from PIL import Image

from licodec.cli import coders as module
from licodec.cli.codecs import FatalError
from licodec.cli.coders import Coder, Coders
from licodec.config import MAX_PIXELS
from licodec.errors import CorruptFileError, ModelError
from licodec.image.picture import Picture
from licodec.native.threads import set_num_threads

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def photo(seed: int, height: int = 40, width: int = 56) -> Picture:
    random = np.random.default_rng(seed)
    rows = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return Picture(pixels=rows.repeat(8, 0).repeat(8, 1), exif=b"II*\x00\x08\x00\x00\x00")


@pytest.fixture
def coders() -> Iterator[Coders]:
    found = Coders(2, "cpu", MAX_PIXELS)
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


def test_other_process_gives_the_same_file_and_picture(coders: Coders) -> None:
    picture, here = photo(1), Coder("cpu", MAX_PIXELS)
    coded = coders.encode(picture, "fast", "psnr", quality=40, effort=1)
    assert coded.result == here.encode(picture, "fast", "psnr", {"quality": 40, "effort": 1}).result
    assert coded.model_seconds > 0
    assert coded.seconds > sum(coded.stages_s.values()) > 0
    decoded = coders.decode(coded.result, 40 * 56, "fast", "psnr", max_size=28)
    wanted = here.decode(coded.result, "fast", "psnr", {"max_size": 28})
    np.testing.assert_array_equal(decoded.result.pixels, wanted.result.pixels)
    assert decoded.result.exif == picture.exif


def test_errors_come_back_as_they_are(coders: Coders) -> None:
    data = bytearray(coders.encode(photo(1), "fast", "psnr", effort=0).result)
    data[-1] ^= 1
    with pytest.raises(CorruptFileError):
        coders.decode(bytes(data), 40 * 56, "fast", "psnr")
    with pytest.raises(ModelError, match="nosuch"):
        coders.decode(bytes(data), 40 * 56, "nosuch", "psnr")
    with pytest.raises(FatalError, match="nosuch"):
        coders.encode(photo(1), "nosuch", "psnr")


def test_process_that_is_killed_ends_the_run_with_advice(coders: Coders) -> None:
    coders.encode(photo(1), "fast", "psnr", effort=0)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(FatalError, match="-j"):
        coders.encode(photo(1), "fast", "psnr", effort=0)


def test_process_codes_with_its_share_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_here", [Coder("cpu", MAX_PIXELS)])
    before = torch.get_num_threads()

    def num_threads(coder: Coder) -> int:
        return torch.get_num_threads()

    try:
        all_threads = module._code(num_threads, 1.0, ())
        assert module._code(num_threads, 1e-3, ()) == 1
        assert module._code(num_threads, 1.0, ()) == all_threads
    finally:
        torch.set_num_threads(before)
        set_num_threads(None)


@needs_signals
def test_processes_end_with_a_parent_that_is_killed() -> None:
    script = """
import multiprocessing, sys, time
import numpy as np
from licodec.cli.coders import Coders
from licodec.image.picture import Picture
from licodec.native.threads import set_num_threads
if __name__ == "__main__":
    coders = Coders(2, "cpu", 1 << 20)
    coders.encode(Picture(pixels=np.zeros((8, 8), np.uint8)), "fast", "psnr", effort=0)
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
    *told, last = lines
    assert 1 <= len(told) < 8
    assert last == (
        f"licodec: interrupted; {len(told)} of 8 files are finished, --continue does the others\n"
    )
    made = [line.split(" -> ")[1].split("  ")[0] for line in told]
    assert sorted(made) == sorted(map(str, (tmp_path / "out").iterdir()))
