"""Crops that are cut on a device are those that are cut from arrays, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.train import data, finetune_task
from licodec.train.data import CropSampler, Pictures
from licodec.train.finetune_cache import Pair
from licodec.train.finetune_task import PairSampler
from licodec.train.flat_store import Draw, FlatStore, fits
from tests.photos import crop

CPU = torch.device("cpu")


@pytest.fixture
def everything_fits(monkeypatch):
    """As on a GPU with room, but on the CPU."""
    for module in (data, finetune_task):
        monkeypatch.setattr(module, "fits", lambda num_bytes, device: True)


def test_store_on_a_device_gives_the_crops_of_the_arrays(everything_fits):
    pictures = Pictures([crop(97, 64), crop(70, 131, left=50), crop(200, 90)], [1.0, 2.0, 0.5])
    cut, stored = (CropSampler(pictures, 64, 50, 7, device) for device in (None, CPU))
    for _ in range(3):
        assert stored.batch().equal(cut.batch())


def test_stored_pairs_are_the_pairs_of_the_files(everything_fits):
    random = np.random.default_rng(0)
    pairs = [
        Pair(
            torch.from_numpy(random.integers(-9000, 9000, (3, 128, 192)).astype(np.int16)),
            crop(130 + 10 * i, 100, left=9 * i)[:, ::-1],
            50 * i,
            float(i),
        )
        for i in range(3)
    ]
    cut, stored = (PairSampler(pairs, 64, 40, 3, device) for device in (None, CPU))
    for ours, theirs in zip(stored.batch(), cut.batch(), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.equal(theirs)


def test_crop_of_the_whole_picture_can_be_turned_in_eight_ways():
    picture = torch.arange(3 * 64 * 64, dtype=torch.int32).view(3, 64, 64)
    store = FlatStore([picture, picture + 1], CPU)
    turns = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], np.bool_)
    zeros = np.zeros(8, np.int64)
    crops = store.crops(Draw(zeros + 1, zeros, zeros, turns), 64)
    for (mirrored, upside_down, is_transposed), got in zip(turns, crops, strict=True):
        expected = picture + 1
        expected = expected.flip(2) if mirrored else expected
        expected = expected.flip(1) if upside_down else expected
        assert got.equal(expected.transpose(1, 2) if is_transposed else expected)


def test_pictures_on_a_cpu_stay_arrays():
    assert not fits(1, CPU)
