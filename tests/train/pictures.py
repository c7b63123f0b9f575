"""Small folders of photographs to train on, and a clock that ticks once per look."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from licodec.config import CorrectionConfig, FamilyConfig
from licodec.train.data import Pictures
from licodec.train.end_to_end import EndToEnd
from licodec.train.finetune import FinetuneOptions, finetuner
from licodec.train.finetune_task import CacheProgress
from licodec.train.loop import RunOptions, Trainer, seeded_network
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


def tiny_options(out: Path, time_limit_s: float, **options: object) -> RunOptions:
    """Options of a run on the crops."""
    settings: dict[str, object] = {
        "device": "cpu", "seed": 1, "crop_px": 64, "batch_size": 2, "learning_rate": 2e-3,
        "tune": "psnr",
    }  # fmt: skip
    return RunOptions(out=out, time_limit_s=time_limit_s, **(settings | options))  # type: ignore[arg-type]


def tiny_trainer(
    out: Path,
    time_limit_s: float,
    *,
    family: FamilyConfig = TINY_FAMILY,
    synthesis: CorrectionConfig = TINY_SYNTHESIS,
    valid: Pictures | None = None,
    linear_share: float = 0.3,
    **options: object,
) -> Trainer:
    """Trainer of the tiny networks on the crops, end to end."""
    run = tiny_options(out, time_limit_s, **options)
    network = seeded_network(family, synthesis, run.seed)
    held_back = pictures(1) if valid is None else valid
    task = EndToEnd(network, run, pictures(), held_back, linear_share=linear_share)
    task.start_from_spreads()
    return Trainer(run, network, task)


def tiny_finetuner(
    out: Path,
    time_limit_s: float,
    start: Path,
    family_path: Path,
    *,
    parts: tuple[str, ...] = ("synthesis",),
    quantizer: str = "dead-zone",
    synthesis: CorrectionConfig | None = None,
    cache: Path | None = None,
    cache_bytes: float = 2e6,
    rows: list[CacheProgress] | None = None,
    **options: object,
) -> Trainer:
    """Finetuning of a tiny checkpoint on the crops; rows takes the cache's progress."""
    tuning = FinetuneOptions(
        parts=parts,
        quantizer=quantizer,
        family_path=family_path,
        cache=cache or out / "cache",
        cache_bytes=cache_bytes,
    )
    report = (lambda row: None) if rows is None else rows.append
    run = tiny_options(out, time_limit_s, **options)
    return finetuner(start, synthesis, run, tuning, pictures(3), pictures(1), report)
