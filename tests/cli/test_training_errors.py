"""What the commands that train tell where something is missing."""

from pathlib import Path

import pytest

from licodec.cli.main import run
from tests.cli.pictures import save_photo


def test_unusable_device_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    save_photo(tmp_path / "a.png")
    arguments = ["train", tmp_path, "-o", tmp_path / "run", "--device", "cuda"]
    assert run([str(argument) for argument in arguments]) == 1
    message = "licodec: device cuda: torch finds no CUDA device; use --device cpu\n"
    assert capsys.readouterr().err == message


def test_file_that_is_no_tar_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tar").write_bytes(b"no tar" * 200)
    arguments = ["train", tmp_path / "a.tar", "-o", tmp_path / "run", "--device", "cpu"]
    assert run([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "a.tar: not a readable tar file" in printed


def test_export_looks_at_the_checkpoint_before_the_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tar").write_bytes(b"no tar")
    arguments = ["export", tmp_path / "none.pt", tmp_path / "a.tar", "-o", tmp_path / "out"]
    assert run([str(argument) for argument in arguments]) == 1
    assert "none.pt: no such checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(("least", "has_advice"), [(64, False), (128, True)])
def test_smaller_crop_is_proposed_where_there_is_one(
    tmp_path: Path, least: int, has_advice: bool
) -> None:
    from licodec.errors import TrainingError
    from licodec.train.data import load_pictures, parse_source

    save_photo(tmp_path / "a.png")
    with pytest.raises(TrainingError, match="give a larger set") as raised:
        load_pictures([parse_source(str(tmp_path))], least)
    assert ("--crop" in str(raised.value)) == has_advice
