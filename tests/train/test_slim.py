"""A slim checkpoint is small, goes on, and gives the release that the whole one gives."""

from __future__ import annotations

import torch
from click.testing import CliRunner

from licodec.train.checkpoint import load_checkpoint, save_checkpoint
from licodec.train.export import export
from licodec.train.slim import main
from tests.train.pictures import pictures, tiny_trainer, use_fake_clock


def test_half_of_a_checkpoint_exports_to_the_same_synthesis(checkpoint, release, tmp_path):
    slim = tmp_path / "slim.pt"
    result = CliRunner().invoke(main, [str(checkpoint), str(slim), "--half"])
    assert result.exit_code == 0, result.output
    assert slim.stat().st_size < checkpoint.stat().st_size / 3
    assert "MB" in result.stderr
    ema = load_checkpoint(slim)["ema"]
    kinds = {k: v.dtype for k, v in ema.items() if k.startswith("synthesis.")}
    assert set(kinds.values()) == {torch.float16}
    whole = load_checkpoint(checkpoint)["ema"]
    assert all(ema[k].equal(whole[k]) for k in ema if k not in kinds)
    again = export(slim, "balanced", pictures(), pictures(1), lambda line: None)
    expected = release[0].synthesis_tensors
    assert all(again.synthesis_tensors[k].equal(v) for k, v in expected.items())


def test_training_goes_on_from_a_slim_checkpoint_in_float32(checkpoint, tmp_path, monkeypatch):
    use_fake_clock(monkeypatch)
    slim = tmp_path / "slim.pt"
    assert CliRunner().invoke(main, [str(checkpoint), str(slim), "--half"]).exit_code == 0
    trainer = tiny_trainer(tmp_path, 3)
    trainer.resume(slim)
    assert {v.dtype for v in trainer.ema.values()} == {torch.float32}
    trainer.run(lambda row: None)
    assert load_checkpoint(tmp_path / "last.pt")["step"] == trainer.step == 27


def test_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"x")
    result = CliRunner().invoke(main, [str(bad), str(tmp_path / "out.pt")])
    assert result.exit_code == 1
    assert "not a readable checkpoint" in result.stderr
    assert not (tmp_path / "out.pt").exists()
    save_checkpoint(tmp_path / "ok.pt", {"ema": {}, "time_limit_s": 1.0})
    result = CliRunner().invoke(main, [str(tmp_path / "ok.pt"), str(bad / "out.pt")])
    assert result.exit_code == 1
