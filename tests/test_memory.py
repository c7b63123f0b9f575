"""What will not fit into memory is refused beforehand, with the amounts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from licodec import memory
from licodec.api import Codec
from licodec.check import check_symbols_of
from licodec.codec.padding import padding_bytes
from licodec.errors import NotEnoughMemoryError
from licodec.memory import LARGE_PX, check_memory, decode_bytes, encode_bytes, free_bytes

ROOT = Path(__file__).parents[1]
CHECKED_BYTES = 200_000_000


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


def test_files_that_a_container_caches_count_as_free(machine: Path) -> None:
    (machine / "memory.max").write_text("50000000\n")
    (machine / "memory.current").write_text("40000000\n")
    stat = "anon 9000000\nfile 30000000\ninactive_file 20000000\nactive_file 4000000\n"
    (machine / "memory.stat").write_text(stat + "slab_reclaimable 1000000\nslab 2000000\n")
    assert free_bytes() == 35_000_000
    (machine / "memory.stat").write_text("")
    assert free_bytes() == 10_000_000


def test_message_has_what_is_needed_what_is_free_and_what_to_do(machine: Path) -> None:
    with pytest.raises(NotEnoughMemoryError) as caught:
        check_memory(4000, 2500, CHECKED_BYTES, "do something else")
    expected = "4000x2500 pixels need 0.2 GB of memory, 0.1 GB are free; do something else"
    assert str(caught.value) == expected


def test_what_fits_and_what_is_small_goes_on(machine: Path) -> None:
    check_memory(4000, 2500, CHECKED_BYTES // 2, "")
    (machine / "meminfo").write_text("MemAvailable: 0 kB\n")
    check_memory(1000, 1000, 20_000_000, "")


def test_picture_that_does_not_fit_is_neither_encoded_nor_decoded(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((100, 50, 3), np.uint8)
    data = codec.encode(pixels, content="photo")
    monkeypatch.setattr(memory, "_UNCHECKED_BYTES", 0)
    (machine / "meminfo").write_text("MemAvailable: 90 kB\n")
    with pytest.raises(NotEnoughMemoryError, match="encode a smaller picture"):
        codec.encode(pixels, content="photo")
    with pytest.raises(NotEnoughMemoryError, match="--max-size"):
        codec.decode(data)
    with pytest.raises(NotEnoughMemoryError, match="larger machine"):
        check_symbols_of(data)
    assert codec.decode(data, max_size=20).size == (10, 20)


def test_preview_counts_the_alpha_plane_of_the_whole_picture(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.full((100, 50, 4), 90, np.uint8)
    opaque, transparent = (
        codec.encode(pixels[..., :3], content="photo"),
        codec.encode(pixels, content="photo"),
    )
    monkeypatch.setattr(memory, "_UNCHECKED_BYTES", 0)
    (machine / "meminfo").write_text("MemAvailable: 70 kB\n")  # of 5000 pixels by 16 bytes
    assert codec.decode(opaque, max_size=20).size == (10, 20)
    with pytest.raises(NotEnoughMemoryError):
        codec.decode(transparent, max_size=20)
    (machine / "meminfo").write_text("MemAvailable: 90 kB\n")
    assert codec.decode(transparent, max_size=20).size == (10, 20)


def test_a_search_needs_most_and_large_pictures_least_by_pixel() -> None:
    side = 64 * 91
    assert (side - 64) * side < LARGE_PX < side * side
    large = encode_bytes(side, side, is_searched=False) / side**2
    small = encode_bytes(side, side - 64, is_searched=False) / (side * (side - 64))
    assert large < small < encode_bytes(side, side, is_searched=True) / side**2


def test_sides_count_as_the_multiples_of_64_that_they_are_padded_to() -> None:
    assert decode_bytes(1, 4096, has_alpha=False) == decode_bytes(64, 4096, has_alpha=False)
    for is_searched in (False, True):
        whole = encode_bytes(4096, 128, is_searched=is_searched)
        assert encode_bytes(4090, 65, is_searched=is_searched) == whole


def test_column_that_needs_more_by_its_padding_is_neither_encoded_nor_decoded(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((64, 1), np.uint8)
    data = codec.encode(pixels, content="photo")
    monkeypatch.setattr(memory, "_UNCHECKED_BYTES", 0)
    (machine / "meminfo").write_text("MemAvailable: 50 kB\n")
    for work in (lambda: codec.encode(pixels, content="photo"), lambda: codec.decode(data)):
        with pytest.raises(NotEnoughMemoryError, match="1x64 pixels need"):
            work()


@pytest.mark.parametrize("level", [2, 4, 6])
def test_preview_needs_a_quarter_by_level(level: int) -> None:
    whole = decode_bytes(6400, 3200, has_alpha=False)
    assert decode_bytes(6400, 3200, has_alpha=False, level=level) == whole >> 2 * (level - 1)


def test_padding_is_counted_by_the_side_that_it_runs_along() -> None:
    assert padding_bytes(640, 6400) == 0
    assert padding_bytes(630, 6400) == 6400 * 40 * 180
    assert padding_bytes(640, 6390) == 640 * 40 * 180
    assert padding_bytes(630, 6390) == padding_bytes(630, 6400)
    assert padding_bytes(1, 6400) == 6400 * 64 * 180


def test_long_picture_whose_padding_does_not_fit_is_refused(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_UNCHECKED_BYTES", 0)
    needed = encode_bytes(65, 64, is_searched=False)
    (machine / "meminfo").write_text(f"MemAvailable: {needed // 1024 + 1} kB\n")
    assert codec.encode(np.zeros((64, 128), np.uint8), content="photo")
    with pytest.raises(NotEnoughMemoryError, match="encode a smaller picture"):
        codec.encode(np.zeros((64, 65), np.uint8), content="photo")


def test_picture_that_fits_at_a_low_effort_may_not_at_a_high_one(
    machine: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((64, 128, 3), np.uint8)
    monkeypatch.setattr(memory, "_UNCHECKED_BYTES", 0)
    low, high = (encode_bytes(128, 64, is_searched=s) // 1024 for s in (False, True))
    (machine / "meminfo").write_text(f"MemAvailable: {(low + high) // 2} kB\n")
    assert codec.encode(pixels, effort=4, content="photo")
    with pytest.raises(NotEnoughMemoryError, match="choose a lower effort"):
        codec.encode(pixels, effort=5, content="photo")


_MEASURE = """
import resource, sys
import numpy as np
from tests.photos import crop
from licodec.api import Codec

tile = crop(600, 400)
mirrored = np.concatenate([tile, tile[:, ::-1]], 1)
block = np.concatenate([mirrored, mirrored[::-1]])
pixels = np.tile(block, (11, 10, 1))[:8334]
codec = Codec(device="cpu")
if sys.argv[1] == "encode":
    open(sys.argv[2], "wb").write(codec.encode(pixels, content="photo"))
else:
    del pixels
    assert codec.decode(open(sys.argv[2], "rb").read()).size == (12000, 8334)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
assert "torch" not in sys.modules
"""


@pytest.mark.slow
def test_a_hundred_megapixels_take_no_more_than_is_asked_for_before(tmp_path: Path) -> None:
    asked = {
        "encode": encode_bytes(12000, 8334, is_searched=False),
        "decode": decode_bytes(12000, 8334, has_alpha=False),
    }
    for direction, num_bytes in asked.items():
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, direction, str(tmp_path / "a.lic")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        print(direction, done.stdout)
        assert int(done.stdout) * 1024 < num_bytes, direction
