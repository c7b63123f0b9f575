"""The mean of checkpoints has their weights by share, and is a checkpoint like any other."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner

from licodec.train.average import main
from licodec.train.checkpoint import load_checkpoint, save_checkpoint
from licodec.train.export import export
from tests.train.pictures import pictures, tiny_trainer, use_fake_clock


@pytest.fixture
def other(checkpoint, tmp_path):
    state = load_checkpoint(checkpoint)
    state["ema"] = {k: v + 1 for k, v in state["ema"].items()}
    save_checkpoint(tmp_path / "other.pt", {k: v for k, v in state.items() if k != "format"})
    return tmp_path / "other.pt"


@pytest.mark.parametrize(("shares", "expected"), [([], 0.5), (["--shares", "3,1"], 0.25)])
def test_weights_are_the_mean_by_share(shares, expected, checkpoint, other, tmp_path):
    out = tmp_path / "mean.pt"
    result = CliRunner().invoke(main, [str(checkpoint), str(other), "-o", str(out), *shares])
    assert result.exit_code == 0, result.output
    found, first = load_checkpoint(out), load_checkpoint(checkpoint)
    for name, weights in first["ema"].items():
        torch.testing.assert_close(found["ema"][name], weights + expected)
    assert found["step"] == first["step"]


def test_what_is_the_same_in_all_stays_the_same(checkpoint, release, tmp_path):
    out = tmp_path / "mean.pt"
    both = [str(checkpoint), str(checkpoint), "--shares", "7,3", "-o", str(out)]
    assert CliRunner().invoke(main, both).exit_code == 0
    again = export(out, "balanced", pictures(), pictures(2), lambda line: None)
    assert all(again.family_tensors[k].equal(v) for k, v in release[0].family_tensors.items())


def test_training_begins_a_new_schedule_from_a_mean(checkpoint, other, tmp_path, monkeypatch):
    use_fake_clock(monkeypatch)
    out = tmp_path / "mean.pt"
    assert CliRunner().invoke(main, [str(checkpoint), str(other), "-o", str(out)]).exit_code == 0
    trainer = tiny_trainer(tmp_path / "next", 3)
    trainer.resume(out)
    assert trainer.elapsed_s == 0
    trainer.run(lambda row: None)
    assert load_checkpoint(tmp_path / "next" / "last.pt")["step"] == 27


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{a}", "{missing}"], 1, "no such checkpoint"),
        (["{a}", "{shape}"], 1, "other shapes"),
        (["{a}", "--shares", "1,2"], 2, "2 shares for 1 checkpoints"),
        (["{a}", "--shares", "x"], 2, "not a list of numbers"),
        (["{a}", "--shares", "0"], 2, "not a list of numbers"),
        ([], 2, "CHECKPOINTS"),
    ],
)
def test_wrong_input_is_one_line_and_no_file(arguments, code, message, checkpoint, tmp_path):
    state = load_checkpoint(checkpoint) | {"synthesis": "{}"}
    save_checkpoint(tmp_path / "shape.pt", {k: v for k, v in state.items() if k != "format"})
    paths = {"a": checkpoint, "missing": tmp_path / "x.pt", "shape": tmp_path / "shape.pt"}
    out = tmp_path / "out.pt"
    result = CliRunner().invoke(main, [*(a.format(**paths) for a in arguments), "-o", str(out)])
    assert result.exit_code == code
    assert message in result.stderr
    assert not out.exists()
