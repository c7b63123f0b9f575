"""A tiny checkpoint, trained once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.pictures import tiny_trainer, use_fake_clock

TRAINED_STEPS = 24


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """last.pt of a finished joint run of 24 steps, a third of them on the plain wavelet."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        use_fake_clock(patch)
        tiny_trainer(folder, TRAINED_STEPS).run(lambda row: None)
    return folder / "last.pt"
