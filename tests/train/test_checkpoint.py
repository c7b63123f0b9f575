"""A checkpoint is whole or absent, and anything else is refused in one line."""

from __future__ import annotations

import pickle

import pytest
import torch

from licodec.errors import LicodecError, TrainingError
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint, save_checkpoint


class Surprise:
    """Would run on loading if pickles were trusted."""

    def __reduce__(self):
        return (print, ("executed",))


def test_state_comes_back_as_it_was_saved(tmp_path):
    path = tmp_path / "new" / "last.pt"
    save_checkpoint(path, {"step": 3, "weights": {"a": torch.arange(4)}})
    state = load_checkpoint(path)
    assert state["step"] == 3
    assert state["weights"]["a"].tolist() == [0, 1, 2, 3]
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_write_that_fails_leaves_the_last_whole_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})
    before = path.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LicodecError, match=r"last\.pt cannot be written: No space left"):
        save_checkpoint(path, {"step": 2})
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]
    assert path.read_bytes() == before
    assert load_checkpoint(path)["step"] == 1


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(TrainingError, match=r"absent\.pt: no such checkpoint"):
        load_checkpoint(tmp_path / "absent.pt")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_cut_checkpoint_is_refused_in_one_line(share, tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"weights": torch.zeros(5000)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(TrainingError, match="not a readable checkpoint") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, capsys):
    for name, write in (
        ("torch.pt", torch.save),
        ("plain.pt", lambda o, p: p.write_bytes(pickle.dumps(o, 2))),
    ):
        write({"format": 1, "x": Surprise()}, tmp_path / name)
        with pytest.raises(TrainingError, match="not a readable checkpoint") as caught:
            load_checkpoint(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("state", [[1, 2], {}, {"format": 2}, torch.zeros(3)])
def test_file_of_another_kind_is_refused(state, tmp_path):
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="not a licodec training checkpoint of this version"):
        load_checkpoint(tmp_path / "other.pt")


@pytest.mark.parametrize("family", ["{}", '{"quantum_blocks": 3}', "x", "[1]", None])
def test_networks_of_another_version_are_refused_in_one_line(family, tmp_path):
    state = {"synthesis": "{}"} | ({} if family is None else {"family": family})
    save_checkpoint(tmp_path / "other.pt", state)
    with pytest.raises(TrainingError, match=r"other\.pt: networks of another version") as caught:
        checkpoint_configs(tmp_path / "other.pt")
    assert "\n" not in str(caught.value)
