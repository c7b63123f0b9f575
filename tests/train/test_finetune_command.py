"""`licodec finetune`: from a checkpoint to a checkpoint, and wrong usage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from licodec.cli.main import cli
from licodec.cli.training import IN_LOOP
from licodec.cli.training import PARTS as PART_NAMES
from licodec.config import SYNTHESES
from licodec.errors import TrainingError
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from licodec.train.end_to_end import IN_LOOP_QUANTIZERS
from licodec.train.finetune import PARTS
from tests.train.conftest import TRAINED_STEPS
from tests.train.pictures import save_crops

SMALL_RUN = ["--time-limit", "1s", "--crop", "64", "--batch-size", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return save_crops(tmp_path_factory.mktemp("photos"), 4)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["finetune", *map(str, arguments)])


def test_names_of_the_options_are_those_of_the_training():
    assert tuple(PARTS) == PART_NAMES
    assert tuple(IN_LOOP_QUANTIZERS) == IN_LOOP


def test_finetune_writes_a_checkpoint_and_a_cache_and_resumes(
    checkpoint, family_path, photos, tmp_path
):
    out = tmp_path / "run"
    arguments = (checkpoint, photos, "-o", out, "--family", family_path.parent, *SMALL_RUN)
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    assert "3 pictures, 0 Mpx to train on, 1 held back, 0 too small for" in result.stderr
    assert "validation score" in result.stderr
    assert result.stdout == ""
    step = load_checkpoint(out / "last.pt")["step"]
    assert step > TRAINED_STEPS
    assert list((out / "cache").rglob("*.safetensors"))

    before = (out / "last.pt").read_bytes()
    again = call(*arguments)
    assert isinstance(again.exception, TrainingError)
    assert "exists; add --resume to go on" in str(again.exception)
    assert (out / "last.pt").read_bytes() == before

    resumed = call(*arguments, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert load_checkpoint(out / "last.pt")["step"] > step


def test_finetune_trains_another_profile_from_a_shared_cache(
    checkpoint, family_path, photos, tmp_path
):
    extra = ["--family", family_path.parent, "--cache", tmp_path / "cache", "-p", "fast"]
    result = call(checkpoint, photos, "-o", tmp_path / "run", *extra, *SMALL_RUN)
    assert result.exit_code == 0, result.output
    assert checkpoint_configs(tmp_path / "run" / "last.pt")[1] == SYNTHESES["fast"]
    assert not (tmp_path / "run" / "cache").exists()
    assert list((tmp_path / "cache").rglob("*.safetensors"))


def test_processes_encode_what_a_single_one_does(checkpoint, family_path, photos, tmp_path):
    files = []
    for jobs in (1, 2):
        cache = tmp_path / str(jobs)
        extra = ["--family", family_path.parent, "--cache", cache, "-j", jobs]
        result = call(checkpoint, photos, "-o", tmp_path / f"run{jobs}", *extra, *SMALL_RUN)
        assert result.exit_code == 0, result.output
        files.append({p.name: p.read_bytes() for p in cache.rglob("*.safetensors")})
    shared = files[0].keys() & files[1].keys()  # how many more there are is a matter of time
    assert len(shared) > 5  # five of them are for validation, which one process makes
    assert all(files[0][name] == files[1][name] for name in shared)


@pytest.mark.parametrize(
    ("tune", "stage"),
    [
        ([], "synthesis+prior on dead-zone"),
        (["--tune", "visual"], "synthesis+prior on dead-zone, visual"),
    ],
)
def test_finetune_of_the_prior_needs_no_released_family_and_keeps_the_tune_unless_told(
    checkpoint, photos, tmp_path, tune, stage
):
    extra = ["--freeze", "gains", "--family", tmp_path / "absent", *tune]
    result = call(checkpoint, photos, "-o", tmp_path / "run", *extra, *SMALL_RUN)
    assert result.exit_code == 0, result.output
    assert load_checkpoint(tmp_path / "run" / "last.pt")["stage"] == stage


def test_finetune_that_goes_on_keeps_the_tune_of_the_run(checkpoint, photos, tmp_path):
    arguments = (checkpoint, photos, "-o", tmp_path / "run", "--freeze", "synthesis,prior")
    for more in (["--tune", "visual"], ["--resume"]):
        result = call(*arguments, *SMALL_RUN, *more)
        assert result.exit_code == 0, result.output
        assert load_checkpoint(tmp_path / "run" / "last.pt")["tune"] == "visual"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--crop", "100"], "100 is not a multiple of 64"),
        (["--quantizer", "nonsense"], "nonsense"),
        (["--freeze", "analysis"], "'analysis' is not one of synthesis, prior, gains, none"),
        (["--freeze", "gains,prior,synthesis"], "nothing is left to train"),
        (["--freeze", "gains", "--quantizer", "tcq8"], "tcq8 needs real encodes"),
        (["--freeze", "none", "--quantizer", "rdoq"], "choose rounding or dead-zone"),
        (["--cache-size", "0"], "not in the range"),
        (["--learning-rate", "0"], "not in the range"),
        (["--time-limit", "soon"], "is not a duration; write 90s, 30m, 2h or 2h10m"),
    ],
)
def test_finetune_refuses_wrong_usage(options, message, checkpoint, photos, tmp_path):
    result = call(checkpoint, photos, "-o", tmp_path / "run", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


def test_finetune_without_data_or_folder_is_wrong_usage(checkpoint, photos, tmp_path):
    assert call(checkpoint, "-o", tmp_path).exit_code == 2
    assert call(checkpoint, photos).exit_code == 2


def test_finetune_reports_unusable_checkpoints_and_families(
    checkpoint, family_path, photos, tmp_path
):
    out, bad = tmp_path / "run", tmp_path / "bad"
    bad.mkdir()
    shutil.copy(checkpoint, bad / "last.pt")
    (bad / "last.pt").write_bytes(checkpoint.read_bytes()[:5000])
    (bad / "family.safetensors").write_bytes(family_path.read_bytes()[:5000])
    family = ["--family", family_path.parent]
    for arguments, message in (
        ((tmp_path / "absent.pt", *family), "no such checkpoint"),
        ((bad / "last.pt", *family), "not a readable checkpoint"),
        ((checkpoint, "--resume", *family), "no such checkpoint"),
        ((checkpoint, "--family", bad), "released family cannot be read"),
        ((checkpoint, "--family", tmp_path / "absent"), "released family cannot be read"),
        ((checkpoint,), "the checkpoint is of another family"),  # the installed one
    ):
        result = call(*arguments[:1], photos, "-o", out, *arguments[1:], *SMALL_RUN)
        assert isinstance(result.exception, TrainingError), result.output
        assert message in str(result.exception)
        assert not out.exists()
