"""What will not fit into memory is refused beforehand, with the amounts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from licodec import memory
from licodec.codec.codec import Codec
from licodec.errors import NotEnoughMemoryError
from licodec.memory import LARGE_PX, check_memory, encode_bytes_per_px, free_bytes

ROOT = Path(__file__).parents[1]
CHECKED_PX = 10_000_000


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 100 MB free and no other limit."""
    (tmp_path / "meminfo").write_text("MemTotal: 900000 kB\nMemAvailable:  100000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    return tmp_path


def test_free_memory_is_what_the_system_says(machine: Path) -> None:
    assert free_bytes() == 102_400_000


def test_limit_of_a_container_counts(machine: Path) -> None:
    (machine / "memory.max").write_text("50000000\n")
    (machine / "memory.current").write_text("20000000\n")
    assert free_bytes() == 30_000_000
    (machine / "memory.max").write_text("max\n")
    assert free_bytes() == 102_400_000


def test_message_has_what_is_needed_what_is_free_and_what_to_do(machine: Path) -> None:
    with pytest.raises(NotEnoughMemoryError) as caught:
        check_memory(CHECKED_PX, 20, "do something else")
    expected = "10 megapixels need 0.2 GB of memory, 0.1 GB are free; do something else"
    assert str(caught.value) == expected


def test_what_fits_and_what_is_small_goes_on(machine: Path) -> None:
    check_memory(CHECKED_PX, 10, "")
    (machine / "meminfo").write_text("MemAvailable: 0 kB\n")
    check_memory(1 << 20, 20, "")


def test_picture_that_does_not_fit_is_neither_encoded_nor_decoded(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((100, 50, 3), np.uint8)
    data = codec.encode(pixels)
    monkeypatch.setattr(memory, "_UNCHECKED_PX", 0)
    (machine / "meminfo").write_text("MemAvailable: 90 kB\n")
    with pytest.raises(NotEnoughMemoryError, match="encode a smaller picture"):
        codec.encode(pixels)
    with pytest.raises(NotEnoughMemoryError, match="--max-size"):
        codec.decode(data)
    assert codec.decode(data, max_size=20).size == (10, 20)


def test_a_search_needs_most_and_large_pictures_least_by_pixel() -> None:
    large = encode_bytes_per_px(LARGE_PX + 1, is_searched=False)
    small = encode_bytes_per_px(LARGE_PX, is_searched=False)
    assert large < small < encode_bytes_per_px(LARGE_PX + 1, is_searched=True)


def test_picture_that_fits_at_a_low_effort_may_not_at_a_high_one(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((100, 50, 3), np.uint8)
    monkeypatch.setattr(memory, "_UNCHECKED_PX", 0)
    low, high = (encode_bytes_per_px(5000, is_searched=s) * 5000 // 1024 for s in (False, True))
    (machine / "meminfo").write_text(f"MemAvailable: {(low + high) // 2} kB\n")
    assert codec.encode(pixels, effort=4)
    with pytest.raises(NotEnoughMemoryError, match="choose a lower effort"):
        codec.encode(pixels, effort=5)


_MEASURE = """
import resource, sys
import numpy as np
import torch
from tests.photos import crop
from licodec.codec.codec import Codec

torch.set_num_threads(1)
tile = crop(600, 400)
mirrored = np.concatenate([tile, tile[:, ::-1]], 1)
block = np.concatenate([mirrored, mirrored[::-1]])
pixels = np.tile(block, (11, 10, 1))[:8334]
codec = Codec(device="cpu")
if sys.argv[1] == "encode":
    open(sys.argv[2], "wb").write(codec.encode(pixels))
else:
    del pixels
    assert codec.decode(open(sys.argv[2], "rb").read()).size == (12000, 8334)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_hundred_megapixels_are_coded_in_less_than_three_gigabytes(tmp_path: Path) -> None:
    for direction in ("encode", "decode"):
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, direction, str(tmp_path / "a.lic")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) * 1024 < 3_000_000_000, direction
