"""A tiny checkpoint and what is released of it, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from licodec.train.export import Release, export, write_release
from tests.train.pictures import pictures, tiny_trainer, use_fake_clock

TRAINED_STEPS = 24


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """last.pt of a finished joint run of 24 steps, a third of them on the plain wavelet."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        use_fake_clock(patch)
        tiny_trainer(folder, TRAINED_STEPS).run(lambda row: None)
    return folder / "last.pt"


@pytest.fixture(scope="session")
def release(checkpoint) -> tuple[Release, list[str]]:
    """Released weights of the checkpoint, and the lines reported on the way."""
    lines: list[str] = []
    return export(checkpoint, "balanced", pictures(), pictures(2), lines.append), lines


@pytest.fixture(scope="session")
def family_path(release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """family.safetensors of the release."""
    folder = tmp_path_factory.mktemp("family")
    write_release(release[0], folder, write_family=True)
    return folder / "family.safetensors"
