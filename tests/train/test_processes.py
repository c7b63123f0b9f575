"""Two processes of a `torchrun` train one network on different crops."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from licodec.train.checkpoint import load_checkpoint
from licodec.train.processes import first_process_value, joined_processes

ROOT = Path(__file__).parents[2]


def test_two_processes_end_with_the_same_weights_after_the_same_steps(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "-m", "tests.train.joined_run", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"rank{r}.pt", weights_only=True) for r in (0, 1))
    assert first["step"] == second["step"] > 0
    assert not first["crop"].equal(second["crop"])
    assert first["shared"] == second["shared"] == 0.25
    for name, tensor in first["network"].items():
        assert tensor.equal(second["network"][name]), name
    assert load_checkpoint(tmp_path / "last.pt")["step"] == first["step"]


def test_process_alone_joins_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_processes("cpu") as device:
        assert device == "cpu"
        assert first_process_value(7.5) == 7.5
        assert not torch.distributed.is_initialized()
