"""Encoded pictures are kept, found again, bounded in size, and drawn from in step with pixels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from licodec.codec.model import read_family
from licodec.errors import LicodecError, TrainingError
from licodec.train import cache_folder, finetune_cache
from licodec.train.cache_folder import CacheFolder
from licodec.train.finetune_cache import LatentCache, Pair, variant
from licodec.train.finetune_task import PairSampler
from tests.photos import crop
from tests.train.pictures import some_crops, tiny_finetuner

PAIR_BYTES = 3 * 128 * 128 * 2  # 128x96, padded to the grid of 64


@pytest.fixture
def cache(family_path, tmp_path) -> LatentCache:
    """Of the tiny family."""
    return cache_of(family_path, tmp_path)


def cache_of(family_path, folder, limit_bytes: float = 1e9) -> LatentCache:
    cpu = "cpu"
    return LatentCache(CacheFolder(folder, limit_bytes), read_family(family_path), "dead-zone", cpu)


def nothing(row: object) -> None:
    """A report that nobody reads."""


def test_planes_come_near_the_picture_and_are_padded_to_the_grid(cache):
    rgb = crop(100, 70)
    pair = cache.pair(rgb, 230, 1.0, may_make=True)
    assert (pair.planes.shape, pair.planes.dtype) == ((3, 128, 128), torch.int16)
    luma = pair.planes[0, :70, :100].numpy() / 64
    expected = (rgb.astype(np.float64) - 128).sum(2) / np.sqrt(3)
    assert np.abs(luma - expected).mean() < 10
    assert 0.1 < pair.bpp < 24


def test_pair_is_made_once_and_found_by_a_later_cache(cache, family_path, tmp_path):
    rgb = crop(90, 70)
    assert cache.pair(rgb, 100, 1.0, may_make=False) is None
    made = cache.pair(rgb, 100, 1.0, may_make=True)
    later = cache_of(family_path, tmp_path)
    found = later.pair(rgb.copy(), 100, 1.0, may_make=False)
    assert (cache.num_made, later.num_made) == (1, 0)
    assert found.planes.equal(made.planes)
    assert found.bpp == made.bpp
    for other in (crop(90, 70, left=1), rgb[:, :-1]):
        assert later.pair(other, 100, 1.0, may_make=False) is None
    assert later.pair(rgb, 101, 1.0, may_make=False) is None


def test_other_quantizer_or_analysis_does_not_find_the_pair(cache, family_path, tmp_path):
    rgb, cpu = crop(64, 64), "cpu"
    cache.pair(rgb, 100, 1.0, may_make=True)
    family, folder = read_family(family_path), CacheFolder(tmp_path, 1e9)
    other = LatentCache(folder, family, "rounding", cpu)
    assert other.pair(rgb, 100, 1.0, may_make=False) is None
    family.analysis.arrays["out.bias"][:] += 1
    other = LatentCache(folder, family, "dead-zone", cpu)
    assert other.pair(rgb, 100, 1.0, may_make=False) is None
    assert folder.num_bytes == cache.folder.num_bytes  # but its size counts


@pytest.mark.parametrize("num_bytes", [0, 7, 100, -100])
def test_cut_file_is_made_again(num_bytes, cache, tmp_path):
    rgb = crop(64, 64)
    made = cache.pair(rgb, 100, 1.0, may_make=True).planes.clone()
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:num_bytes])
    assert cache.pair(rgb, 100, 1.0, may_make=False) is None
    assert cache.pair(rgb, 100, 1.0, may_make=True).planes.equal(made)


def test_size_of_the_cache_is_bounded(family_path, tmp_path):
    cache = cache_of(family_path, tmp_path, 2.5 * PAIR_BYTES)
    found = [cache.pair(rgb, 90, 1.0, may_make=True) for rgb in some_crops(4)]
    assert [pair is not None for pair in found] == [True, True, False, False]
    assert sum(p.stat().st_size for p in tmp_path.rglob("*")) < 2.6 * PAIR_BYTES + 8192


def test_processes_share_what_is_left_of_a_cache(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    for name, size in (("one/a.safetensors", 30), ("b.safetensors", 10), ("c.part", 1000)):
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(cache_folder, "num_processes", lambda: 2)
    folder = CacheFolder(tmp_path, 100)
    assert folder.num_bytes == 40
    assert folder.has_room(30)
    assert not folder.has_room(31)


def test_picture_whose_planes_leave_16_bits_is_left_out(cache, tmp_path, monkeypatch):
    planes = np.full((3, 64, 64), 1 << 15, np.int32)
    encoded = SimpleNamespace(planes=planes, payload=b"1234")
    monkeypatch.setattr(finetune_cache, "encode_pixels", lambda *a, **choice: encoded)
    assert cache.pair(crop(64, 64), 100, 1.0, may_make=True) is None
    assert not list(tmp_path.rglob("*.safetensors"))


def test_cache_that_cannot_be_written_is_told_in_one_line(cache, tmp_path, monkeypatch):
    def fail(*arguments: object, **options: object) -> None:
        raise LicodecError("output a.safetensors cannot be written: No space left on device")

    monkeypatch.setattr(cache_folder, "write_file", fail)
    with pytest.raises(TrainingError, match="free space or name another --cache") as caught:
        cache.pair(crop(64, 64), 100, 1.0, may_make=True)
    assert "\n" not in str(caught.value)


def test_variants_of_a_picture_have_all_qualities_and_eight_orientations():
    rgb = crop(40, 24)
    variants = [variant(rgb, number) for number in range(256)]
    assert {quality for _, quality in variants} == set(range(256))
    assert len({(v.shape, v.tobytes()) for v, _ in variants}) == 8
    assert all(np.array_equal(np.sort(v, axis=None), np.sort(rgb, axis=None)) for v, _ in variants)


def test_crops_of_planes_and_pixels_belong_together_and_begin_at_a_patch():
    y, x = np.mgrid[:200, :136]
    rgb = np.stack([y, x, np.full_like(y, 7)], 2).astype(np.uint8)
    planes = torch.from_numpy(np.pad(rgb, ((0, 56), (0, 56), (0, 0)))).permute(2, 0, 1).short()
    pairs = [Pair(planes, rgb, 51, 1.5), Pair(planes, rgb, 255, 2.5)]
    got, pixels, position, bpp = PairSampler(pairs, 64, 300, seed=1).batch()
    assert got.equal(pixels.short())
    assert set(got[:, 0, 0, 0].tolist()) == set(range(0, 137, 8))
    assert set(got[:, 1, 0, 0].tolist()) == set(range(0, 73, 8))
    drawn = set(zip((255 * position).round().tolist(), bpp.tolist(), strict=True))
    assert drawn == {(51, 1.5), (255, 2.5)}


def test_heavier_pair_is_drawn_more_often():
    rgb = np.zeros((64, 64, 3), np.uint8)
    planes = torch.zeros(3, 64, 64, dtype=torch.int16)
    pairs = [Pair(planes, rgb, 0, 1.0, weight=1.0), Pair(planes, rgb, 255, 1.0, weight=0.25)]
    position = PairSampler(pairs, 64, 2000, seed=1).batch()[2]
    assert float(position.mean()) == pytest.approx(0.2, abs=0.03)


def test_second_run_finds_all_pairs_of_the_first(checkpoint, family_path, tmp_path):
    cache, room = tmp_path / "cache", 5 * 3 * 64 * 64 * 2 + 10.9 * PAIR_BYTES
    first, second = [], []
    for out, rows, seed in (("a", first, 1), ("b", second, 2)):
        trainer = tiny_finetuner(
            tmp_path / out, 1, checkpoint, family_path, cache=cache, cache_bytes=room, rows=rows,
            seed=seed,
        )  # fmt: skip
        trainer.task.prepare(60.0, seed=1)
    assert first[-1].num_pairs == second[-1].num_pairs == 10
    assert first[-1].num_made == 15  # with five of validation
    assert second[-1].num_made == 0


def test_run_without_time_for_encodes_has_one_pair(checkpoint, family_path, tmp_path):
    rows = []
    trainer = tiny_finetuner(tmp_path, 1, checkpoint, family_path, rows=rows)
    trainer.task.prepare(0.0, seed=1)
    assert [row.num_pairs for row in rows] == [1]


def test_cache_without_room_for_one_picture_is_refused(checkpoint, family_path, tmp_path):
    trainer = tiny_finetuner(tmp_path, 1, checkpoint, family_path, cache_bytes=1e4)
    with pytest.raises(TrainingError, match="no room for a single picture; raise --cache-size"):
        trainer.run(nothing)
