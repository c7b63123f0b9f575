"""`licodec train` and `licodec export`: a run from folder to weights, and wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from licodec.cli.main import cli
from licodec.config import SYNTHESES, FamilyConfig
from licodec.errors import LicodecError, TrainingError
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from tests.train.pictures import save_crops

SMALL_RUN = ["--time-limit", "1s", "--crop", "64", "--batch-size", "1", "--device", "cpu"]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return save_crops(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory) -> Result:
    """A run of a second with networks of full size."""
    out = tmp_path_factory.mktemp("run")
    result = call("train", photos, "-o", out, *SMALL_RUN)
    result.checkpoint = out / "last.pt"  # type: ignore[attr-defined]
    return result


def test_train_reports_its_pictures_and_writes_a_checkpoint(trained):
    assert trained.exit_code == 0, trained.output
    assert "5 pictures, 0 Mpx to train on, 1 held back, 0 too small for" in trained.stderr
    assert load_checkpoint(trained.checkpoint)["step"] >= 1
    assert trained.stdout == ""


@pytest.mark.parametrize(("more", "stage"), [([], "joint"), (["--integers"], "joint on integers")])
def test_train_resumes(more, stage, trained, photos, tmp_path):
    before = load_checkpoint(trained.checkpoint)["step"]
    extra = ["--resume", trained.checkpoint, "--linear-share", "0", *more]
    result = call("train", photos, "-o", tmp_path, *SMALL_RUN, *extra)
    assert result.exit_code == 0, result.output
    state = load_checkpoint(tmp_path / "last.pt")
    assert state["stage"] == f"{stage}, visual"
    assert state["step"] > before


def test_train_keeps_the_tune_of_the_checkpoint_unless_told(checkpoint, photos, tmp_path):
    for tune, stage in (([], "joint"), (["--tune", "visual"], "joint, visual")):
        out = tmp_path / stage
        extra = ["--resume", checkpoint, "--linear-share", "0", *tune]
        result = call("train", photos, "-o", out, *SMALL_RUN, *extra)
        assert result.exit_code == 0, result.output
        assert load_checkpoint(out / "last.pt")["stage"] == stage


def test_train_keeps_the_profile_of_the_checkpoint_unless_told(photos, tmp_path):
    first = call("train", photos, "-o", tmp_path / "a", *SMALL_RUN, "-p", "fast")
    assert first.exit_code == 0, first.output
    start = tmp_path / "a" / "last.pt"
    for more, profile in (([], "fast"), (["-p", "balanced"], "balanced")):
        out = tmp_path / profile
        result = call("train", photos, "-o", out, *SMALL_RUN, "--resume", start, *more)
        assert result.exit_code == 0, result.output
        assert checkpoint_configs(out / "last.pt")[1] == SYNTHESES[profile]


def linear_rows(run: Path) -> list[bool]:
    """Of each validation in a run's log, whether it was of the linear stage."""
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row["is_linear"] for row in rows if "valid_score" in row]


def test_trained_weights_skip_the_linear_stage_and_a_run_that_was_cut_off_goes_on_in_it(
    trained, photos, tmp_path
):
    done = call("train", photos, "-o", tmp_path / "a", *SMALL_RUN, "--resume", trained.checkpoint)
    assert done.exit_code == 0, done.output
    assert linear_rows(tmp_path / "a") == [False, False]
    out = tmp_path / "b"
    pieces = (*SMALL_RUN[2:], "--time-limit", "1h", "--stop-after", "1s")
    for more in ([], ["--resume", out / "last.pt"]):
        done = call("train", photos, "-o", out, *pieces, *more)
        assert done.exit_code == 0, done.output
    assert linear_rows(out) == [True, True]
    state = load_checkpoint(out / "last.pt")
    rates = {group["base_lr"] for group in state["optimizer"]["muon"]["param_groups"]}
    assert max(rates) == pytest.approx(0.002)  # of its first piece


def test_train_does_not_replace_a_run(trained, photos):
    before = trained.checkpoint.read_bytes()
    result = call("train", photos, "-o", trained.checkpoint.parent, *SMALL_RUN)
    assert isinstance(result.exception, TrainingError)
    assert "add --resume" in str(result.exception)
    assert trained.checkpoint.read_bytes() == before


def test_grow_brings_an_older_shape_up_to_date(trained, photos, tmp_path):
    extra = ["--resume", trained.checkpoint, "--linear-share", "0", "--grow"]
    result = call("train", photos, "-o", tmp_path, *SMALL_RUN, *extra)
    assert result.exit_code == 0, result.output
    assert checkpoint_configs(tmp_path / "last.pt")[0].analysis == FamilyConfig().analysis
    assert call("train", photos, "-o", tmp_path / "a", *SMALL_RUN, "--grow").exit_code == 2


def test_export_writes_weights_and_card_and_replaces_them_only_by_force(trained, photos, tmp_path):
    arguments = ("export", trained.checkpoint, photos, "-o", tmp_path)
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    names = {"family.safetensors", "synthesis-balanced.safetensors", "README.md"}
    assert {p.name for p in tmp_path.iterdir()} == names
    before = (tmp_path / "family.safetensors").read_bytes()
    again = call(*arguments)
    assert isinstance(again.exception, LicodecError)
    assert "exists; add --force to replace it" in str(again.exception)
    assert (tmp_path / "family.safetensors").read_bytes() == before


@pytest.mark.parametrize("text", ["", "0", "-5m", "2 weeks", "nan", "inf", "s", "1e99h"])
def test_train_refuses_a_time_limit_that_is_no_duration(text, photos, tmp_path):
    result = call("train", photos, "-o", tmp_path, f"--time-limit={text}")
    assert result.exit_code == 2
    assert "is not a duration; write 90s, 30m, 2h or 2h10m" in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--crop", "100"], "100 is not a multiple of 64"),
        (["--crop", "32"], "not in the range"),
        (["--batch-size", "0"], "not in the range"),
        (["--learning-rate", "0"], "not in the range"),
        (["--seed", "-1"], "not in the range"),
        (["--linear-share", "1.5"], "not in the range"),
        (["--profile", "nonsense"], "nonsense"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_train_refuses_wrong_usage(option, message, photos, tmp_path):
    result = call("train", photos, "-o", tmp_path, *option)
    assert result.exit_code == 2
    assert message in result.output
    assert not list(tmp_path.iterdir())


def test_train_without_data_or_folder_is_wrong_usage(photos, tmp_path):
    assert call("train", "-o", tmp_path).exit_code == 2
    assert call("train", photos).exit_code == 2
    assert call("export", tmp_path / "last.pt", photos).exit_code == 2


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("absent", [], "no such folder or shard"),
        ("photos:x", [], "expected a number above 0"),
        ("empty", [], "no picture of at least 64 px"),
        ("photos", ["--resume", "absent.pt"], "no such checkpoint"),
    ],
)
def test_train_reports_unusable_data_and_checkpoints(data, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_crops(tmp_path / "photos", 2)
    (tmp_path / "empty").mkdir()
    result = call("train", data, "-o", "out", *SMALL_RUN, *options)
    assert isinstance(result.exception, TrainingError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_export_reports_unusable_checkpoints_and_writes_nothing(photos, tmp_path):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"no checkpoint")
    for path, message in ((tmp_path / "absent.pt", "no such"), (bad, "not a readable checkpoint")):
        result = call("export", path, photos, "-o", tmp_path / "out")
        assert isinstance(result.exception, TrainingError)
        assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_export_keeps_a_checkpoint_that_is_there(checkpoint, photos, tmp_path):
    kept = tmp_path / "kept.pt"
    kept.write_bytes(b"of another run")
    result = call("export", checkpoint, photos, "-o", tmp_path / "out", "--keep-checkpoint", kept)
    assert isinstance(result.exception, LicodecError)
    assert "kept.pt exists; add --force to replace it" in str(result.exception)
    assert kept.read_bytes() == b"of another run"


def test_export_without_a_picture_held_back_is_refused(trained, tmp_path):
    data = tmp_path / "data"
    save_crops(data, 1)
    result = call("export", trained.checkpoint, data, "-o", tmp_path / "out")
    assert isinstance(result.exception, TrainingError)
    assert "held back" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_export_of_a_synthesis_without_its_family_is_refused(trained, photos, tmp_path):
    result = call("export", trained.checkpoint, photos, "-o", tmp_path, "--synthesis-only")
    assert isinstance(result.exception, TrainingError)
    assert "released family cannot be read" in str(result.exception)
    assert not list(tmp_path.iterdir())
