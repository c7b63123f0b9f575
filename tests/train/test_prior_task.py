"""The prior alone learns on cached crops: resumable, grown on the way, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from licodec.cli.main import cli
from licodec.config import PRIORS
from licodec.errors import TrainingError
from licodec.train.cache_folder import CacheFolder
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from licodec.train.prior_crops import CropCache
from tests.tiny import RICH_FAMILY, tiny_network
from tests.train.conftest import TRAINED_STEPS
from tests.train.pictures import save_crops, tiny_finetuner, use_fake_clock

PRIOR = ("prior",)
SMALL_RUN = ["--time-limit", "1s", "--crop", "64", "--batch-size", "1", "--device", "cpu"]


def nothing(row: object) -> None:
    """A report that nobody reads."""


@pytest.fixture
def fake_clock(monkeypatch):
    use_fake_clock(monkeypatch)


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*.safetensors")}


def test_prior_on_cached_crops_lowers_the_rate_of_real_coding(checkpoint, tmp_path, fake_clock):
    absent = tmp_path / "absent"  # no released family is needed
    trainer = tiny_finetuner(tmp_path, 120, checkpoint, absent, parts=PRIOR, learning_rate=4e-3)
    trainer.run(nothing)
    assert trainer.scores[-1] < trainer.scores[0] - 0.01
    before, after = load_checkpoint(checkpoint)["ema"], load_checkpoint(tmp_path / "last.pt")["ema"]
    changed = {name for name in before if not before[name].equal(after[name])}
    assert "prior.detail_log_scale" in changed
    assert changed <= {n for n in before if n.startswith("prior.")} - {"prior.low_log_scale"}


def test_a_run_that_goes_on_finds_its_crops_and_makes_no_more(checkpoint, tmp_path, fake_clock):
    rows: list = []
    tiny_finetuner(tmp_path, 8, checkpoint, tmp_path, parts=PRIOR, rows=rows).run(nothing)
    assert rows
    made = files_of(tmp_path / "cache")
    assert rows[-1].num_made == rows[-1].num_pairs == 32 * len(made)
    assert rows[-1].num_bytes == sum(len(data) for data in made.values()) <= 2e6

    rows.clear()
    last = tmp_path / "last.pt"
    trainer = tiny_finetuner(tmp_path, 12, last, tmp_path, parts=PRIOR, rows=rows)
    trainer.run(nothing)
    assert rows == []
    assert files_of(tmp_path / "cache") == made
    assert load_checkpoint(last)["step"] == TRAINED_STEPS + 8 + 12


def test_crops_of_another_analysis_are_not_drawn(tmp_path):
    first, second = tiny_network(1), tiny_network(2)
    folder = CacheFolder(tmp_path, 1e6)
    places = {CropCache(folder, net, 64, "dead-zone")._place for net in (first, second)}
    assert len(places) == 2
    again = tiny_network(1, RICH_FAMILY)  # another prior of the first one's analysis
    again.load_state_dict(
        {k: v for k, v in first.state_dict().items() if not k.startswith("prior.")}, strict=False
    )
    assert CropCache(folder, again, 64, "dead-zone")._place in places


def test_damaged_files_of_the_cache_are_passed_over(checkpoint, tmp_path, fake_clock):
    tiny_finetuner(tmp_path, 4, checkpoint, tmp_path, parts=PRIOR, cache_bytes=1).run(nothing)
    (path,) = (tmp_path / "cache").rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    rows: list = []
    last = tmp_path / "last.pt"
    tiny_finetuner(tmp_path, 5, last, tmp_path, parts=PRIOR, rows=rows).run(nothing)
    assert rows[-1].num_made == 32


def test_cache_that_cannot_be_written_is_reported(checkpoint, tmp_path):
    (tmp_path / "cache").write_bytes(b"a file in its place")
    trainer = tiny_finetuner(tmp_path, 4, checkpoint, tmp_path, parts=PRIOR)
    with pytest.raises(TrainingError, match="cannot be written"):
        trainer.run(nothing)


def test_command_grows_the_prior_and_goes_on_with_it(checkpoint, tmp_path):
    photos, out = save_crops(tmp_path / "photos", 4), tmp_path / "run"
    extra = ["--freeze", "synthesis,gains", "--prior", "large", "--cache-size", "0.001"]
    command = ["finetune", checkpoint, photos, "-o", out, *extra, *SMALL_RUN]
    for more in ([], ["--resume"]):
        result = CliRunner().invoke(cli, [*map(str, command), *more])
        assert result.exit_code == 0, result.output
        family = checkpoint_configs(out / "last.pt")[0]
        assert family == family.with_prior("large")
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert rows[0]["stage"] == "prior on dead-zone"


def test_joint_training_grows_the_prior_of_a_checkpoint(checkpoint, tmp_path):
    photos, out = save_crops(tmp_path / "photos", 4), tmp_path / "run"
    extra = ["--resume", checkpoint, "--grow", "--prior", "large", "--linear-share", 0]
    command = ["train", photos, "-o", out, *extra, *SMALL_RUN]
    result = CliRunner().invoke(cli, [*map(str, command)])
    assert result.exit_code == 0, result.output
    assert dict(checkpoint_configs(out / "last.pt")[0].widths) == dict(PRIORS["large"]["widths"])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["train", "--resume", "CHECKPOINT", "--prior", "large"], "needs --grow"),
        (["train", "--prior", "huge"], "huge"),
        (["finetune", "CHECKPOINT", "--prior", "large"], "leave it out of --freeze"),
    ],
)
def test_shape_of_a_prior_is_refused_where_it_cannot_be_had(command, message, checkpoint, tmp_path):
    name, *others = (str(checkpoint) if word == "CHECKPOINT" else word for word in command)
    extra = [name, *others, str(tmp_path), "-o", str(tmp_path / "run")]
    result = CliRunner().invoke(cli, extra)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


def test_prior_that_is_larger_already_is_not_shrunk(checkpoint, tmp_path):
    photos, out = save_crops(tmp_path / "photos", 4), tmp_path / "run"
    extra = ["--freeze", "synthesis,gains", "--cache-size", "0.001", *SMALL_RUN]
    grown = ["finetune", checkpoint, photos, "-o", out, "--prior", "large", *extra]
    assert CliRunner().invoke(cli, [*map(str, grown)]).exit_code == 0
    back = ["finetune", out / "last.pt", photos, "-o", tmp_path / "b", "--prior", "small", *extra]
    result = CliRunner().invoke(cli, [*map(str, back)])
    assert isinstance(result.exception, TrainingError)
    assert "do not fit" in str(result.exception)


def test_gradients_of_level_one_weigh_as_much_as_if_every_crop_had_it(checkpoint, tmp_path):
    trainer = tiny_finetuner(tmp_path, 4, checkpoint, tmp_path, parts=PRIOR, batch_size=4)
    trainer.task.prepare(0.0, seed=1)
    losses = [trainer.task.losses(0.0) for _ in range(40)]
    wanted = torch.stack([batch.wanted.mean() for batch in losses]).mean().item()
    cost = torch.stack([batch.cost.mean() for batch in losses]).mean().item()
    assert wanted == pytest.approx(cost, rel=0.1)
    assert all(len(batch.bpp) == 2 and len(batch.position) == 4 for batch in losses)
