"""Small folders of photographs to train on, and a clock that ticks once per look."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from licodec.train.data import Pictures
from licodec.train.loop import Trainer, TrainOptions
from tests.photos import crop
from tests.tiny import TINY_FAMILY, TINY_SYNTHESIS


def some_crops(number: int = 6) -> list[np.ndarray]:
    """(96, 128, 3) uint8 each, all different."""
    return [crop(128, 96, left=60 * i, top=40 * i) for i in range(number)]


def pictures(number: int = 6) -> Pictures:
    """The crops as a training set."""
    return Pictures(some_crops(number), [1.0] * number)


def save_crops(folder: Path, number: int = 6) -> Path:
    """Write the crops as PNG files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, pixels in enumerate(some_crops(number)):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def use_fake_clock(monkeypatch: pytest.MonkeyPatch, tick_s: float = 1.0) -> None:
    """Let a training step take tick_s, whatever the machine: n seconds are about n steps."""
    ticks = count()
    clock: Callable[[], float] = lambda: next(ticks) * tick_s  # noqa: E731
    monkeypatch.setattr("licodec.train.loop.time", SimpleNamespace(monotonic=clock))


def tiny_trainer(out: Path, time_limit_s: float, **options: object) -> Trainer:
    """Trainer of the tiny networks on the crops."""
    settings: dict[str, object] = {"crop_px": 64, "batch_size": 2, "seed": 1}
    told = TrainOptions(out=out, time_limit_s=time_limit_s, **(settings | options))  # type: ignore[arg-type]
    return Trainer(told, TINY_FAMILY, TINY_SYNTHESIS, pictures(), pictures(1))
