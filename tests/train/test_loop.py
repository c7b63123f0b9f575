"""A run trains, saves, and goes on where it stopped."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from licodec.config import FamilyConfig, family_to_json
from licodec.errors import TrainingError
from licodec.prior.decision import quantize_rounding
from licodec.train import loop
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from licodec.train.data import CropSampler, Pictures
from licodec.transform.quality import knot_weights
from tests.photos import crop
from tests.tiny import NETS, TINY_FAMILY, TINY_SYNTHESIS, rgb_batch
from tests.train.conftest import TRAINED_STEPS
from tests.train.pictures import tiny_trainer, use_fake_clock


@pytest.fixture(autouse=True)
def fake_clock(monkeypatch):
    """A step a second."""
    use_fake_clock(monkeypatch)


def nothing(row: object) -> None:
    """A report that nobody reads."""


def changed_parts(before: dict, after: dict) -> set[str]:
    """First words of the names of tensors that differ."""
    return {name.split(".")[0] for name in before if not before[name].equal(after[name])}


def test_finished_run_has_a_checkpoint_of_finite_numbers_and_a_log(checkpoint):
    state = load_checkpoint(checkpoint)
    assert state["step"] == state["run_step"] == TRAINED_STEPS
    assert state["elapsed_s"] == state["total_s"] == TRAINED_STEPS
    for kind in ("network", "ema"):
        assert all(bool(t.isfinite().all()) for t in state[kind].values())
    rows = [json.loads(line) for line in (checkpoint.parent / "log.jsonl").read_text().splitlines()]
    (progress, *_), (*_, valid) = rows, rows
    assert {"step", "loss", "bpp", "distortion_db", "rate_factor", "gradient_norm"} <= set(progress)
    assert all(math.isfinite(v) for v in progress.values())
    assert valid["step"] == TRAINED_STEPS
    assert [position for position, _, _ in valid["valid"]] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert math.isfinite(valid["valid_score"])


def test_checkpoint_knows_the_shapes_that_it_was_trained_with(checkpoint):
    family, synthesis = checkpoint_configs(checkpoint)
    assert family_to_json(family) == family_to_json(TINY_FAMILY)
    assert synthesis == TINY_SYNTHESIS


def test_training_lowers_the_loss_of_held_back_crops(tmp_path):
    trainer = tiny_trainer(tmp_path, 60, learning_rate=4e-3, linear_share=0.9)
    before = trainer.validate()["valid_score"]
    trainer.run(nothing)
    assert trainer.validate()["valid_score"] < before - 0.05


def test_same_seed_trains_the_same_weights(tmp_path):
    first, again, other = (
        tiny_trainer(tmp_path / name, 4, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    for trainer in (first, again, other):
        torch.manual_seed(0)  # of the noise, which the constructor seeds too
        trainer.run(nothing)
    assert not changed_parts(first.network.state_dict(), again.network.state_dict())
    assert changed_parts(first.network.state_dict(), other.network.state_dict())


def test_linear_share_trains_the_prior_alone_first(tmp_path):
    trainer = tiny_trainer(tmp_path, 6, linear_share=1.0)
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    trainer.run(nothing)
    assert changed_parts(before, trainer.network.state_dict()) == {"prior"}


def test_validation_leaves_the_weights_in_training_alone(checkpoint, tmp_path):
    trainer = tiny_trainer(tmp_path, 30)
    trainer.resume(checkpoint)
    trainer.network.prior.low_log_scale.data.add_(1)
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    assert trainer.validate()
    assert not changed_parts(before, trainer.network.state_dict())


def test_run_without_held_back_pictures_trains_and_saves(tmp_path):
    tiny_trainer(tmp_path, 2, valid=Pictures([], [])).run(nothing)
    assert load_checkpoint(tmp_path / "last.pt")["step"] == 2


def test_finished_run_goes_on_with_a_new_decay_and_counts_all_steps(checkpoint, tmp_path):
    trainer = tiny_trainer(tmp_path, 3)
    trainer.resume(checkpoint)
    assert (trainer.step, trainer.run_step, trainer.elapsed_s) == (TRAINED_STEPS, 0, 0)
    trainer.run(nothing)
    state = load_checkpoint(tmp_path / "last.pt")
    assert state["step"] == TRAINED_STEPS + 3
    assert (state["run_step"], state["elapsed_s"]) == (3, 3)
    assert state["total_s"] == TRAINED_STEPS + 3


def test_interrupted_run_goes_on_at_its_last_checkpoint(tmp_path, monkeypatch):
    use_fake_clock(monkeypatch, tick_s=21.0)

    def interrupt(row: object) -> None:
        if trainer.elapsed_s > 300:
            raise KeyboardInterrupt

    trainer = tiny_trainer(tmp_path, 600)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(interrupt)
    state = load_checkpoint(tmp_path / "last.pt")
    assert trainer.elapsed_s - 300 < state["elapsed_s"] < 300  # at most five minutes are lost
    resumed = tiny_trainer(tmp_path, 600)
    resumed.resume(tmp_path / "last.pt")
    assert resumed.elapsed_s == state["elapsed_s"]
    assert resumed.run_step == state["run_step"] == state["step"]
    assert not changed_parts(state["network"], resumed.network.state_dict())
    for part, kept in resumed.optimizer.state_dict().items():
        assert kept["state"].keys() == state["optimizer"][part]["state"].keys() != set()
    resumed.run(nothing)
    assert load_checkpoint(tmp_path / "last.pt")["elapsed_s"] >= 600


def test_validation_takes_a_tenth_of_the_time_and_checkpoints_between_keep_its_score(
    tmp_path, monkeypatch
):
    use_fake_clock(monkeypatch, tick_s=21.0)
    trainer = tiny_trainer(tmp_path, 3000)
    scores, saved = iter(range(100)), []

    def slow_validation() -> dict[str, object]:
        for _ in range(4):
            loop.time.monotonic()
        return {"valid": [], "valid_score": next(scores)}

    def keep(path: Path, state: dict[str, object]) -> None:
        saved.append((state["valid_score"], state["elapsed_s"]))

    monkeypatch.setattr(trainer, "validate", slow_validation)
    monkeypatch.setattr("licodec.train.loop.save_checkpoint", keep)
    trainer.run(nothing)
    assert [score for score, _ in saved[:6]] == [0, 0, 0, 0, 1, 1]
    assert max(later - earlier for (_, earlier), (_, later) in pairwise(saved)) < 300
    assert saved[-1][0] > saved[-2][0]  # the end is always validated


def test_run_that_stops_early_goes_on_in_the_same_schedule(tmp_path):
    tiny_trainer(tmp_path, 12, stop_after_s=5).run(nothing)
    state = load_checkpoint(tmp_path / "last.pt")
    assert (state["step"], state["elapsed_s"], state["time_limit_s"]) == (5, 5, 12)
    resumed = tiny_trainer(tmp_path, 12, stop_after_s=50)
    resumed.resume(tmp_path / "last.pt")
    assert (resumed.run_step, resumed.elapsed_s) == (5, 5)
    resumed.run(nothing)
    assert load_checkpoint(tmp_path / "last.pt")["step"] == 12


def test_run_whose_gradients_are_no_numbers_any_more_ends_with_advice(tmp_path):
    trainer = tiny_trainer(tmp_path, 1000)
    with torch.no_grad():
        trainer.network.log_low_steps.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"100 steps in a row are no numbers.*--learning-rate"):
        trainer.run(nothing)


def test_run_that_goes_on_draws_other_crops(tmp_path, monkeypatch):
    drawn: list[torch.Tensor] = []
    batch = CropSampler.batch

    def noted(sampler: CropSampler) -> torch.Tensor:
        drawn.append(batch(sampler))
        return drawn[-1]

    first = tiny_trainer(tmp_path, 12, stop_after_s=3)
    monkeypatch.setattr(CropSampler, "batch", noted)
    first.run(nothing)
    before, drawn[:] = list(drawn), []
    resumed = tiny_trainer(tmp_path, 12, stop_after_s=3)
    resumed.resume(tmp_path / "last.pt")
    drawn.clear()
    resumed.run(nothing)
    assert len(before) == len(drawn) == 3
    assert not any(a.equal(b) for a in before for b in drawn)


def test_checkpoint_of_another_family_shape_is_refused(checkpoint, tmp_path):
    wider = FamilyConfig(
        num_knots=3, widths=dict.fromkeys(NETS, 24), depths=dict.fromkeys(NETS, 2),
        head_widths=dict.fromkeys(NETS, 16), analysis_width=16, analysis_blocks=1,
    )  # fmt: skip
    trainer = tiny_trainer(tmp_path, 1, family=wider)
    with pytest.raises(TrainingError, match=r"family tensors .* do not fit"):
        trainer.resume(checkpoint)


def test_grown_network_codes_as_the_checkpoint_did(checkpoint, tmp_path):
    family, synthesis = checkpoint_configs(checkpoint)
    analysis = replace(family.analysis, num_blocks=3, fine_blocks=2)
    trainer = tiny_trainer(
        tmp_path / "grown", 1, family=family.with_analysis(analysis),
        synthesis=replace(synthesis, num_blocks=2),
    )  # fmt: skip
    with pytest.raises(TrainingError, match="do not fit"):
        trainer.resume(checkpoint)
    same = tiny_trainer(tmp_path / "same", 1)
    same.resume(checkpoint)
    trainer.resume(checkpoint, grows=True)
    picture, at = rgb_batch([crop(64, 64)]), torch.tensor([0.5])
    with torch.no_grad():
        grown, start = (t.network(picture, at, quantize=quantize_rounding) for t in (trainer, same))
    torch.testing.assert_close(grown, start)


def test_what_grew_begins_a_new_decay(tmp_path):
    tiny_trainer(tmp_path, 9, stop_after_s=2).run(nothing)
    deeper = replace(TINY_SYNTHESIS, num_blocks=2)
    trainer = tiny_trainer(tmp_path, 9, synthesis=deeper)
    trainer.resume(tmp_path / "last.pt", grows=True)
    assert trainer.elapsed_s == 0


def test_a_synthesis_that_contains_the_checkpoints_begins_as_that(checkpoint, tmp_path):
    synthesis = checkpoint_configs(checkpoint)[1]
    larger = replace(synthesis, width=24, num_blocks=2, fine_width=12, fine_blocks=3)
    trainer, same = tiny_trainer(tmp_path, 1, synthesis=larger), tiny_trainer(tmp_path, 1)
    trainer.resume(checkpoint)
    same.resume(checkpoint)
    planes = rgb_batch([crop(64, 64)]).float() - 128
    where = knot_weights(torch.tensor([0.3]), 3), torch.tensor([4.0])
    made = trainer.network.synthesis(planes, *where)
    torch.testing.assert_close(made, same.network.synthesis(planes, *where))
    made.square().sum().backward()
    for layer in (trainer.network.synthesis.out, trainer.network.synthesis.fine.out):
        assert layer.weight.grad[:, -1].any()  # of a unit that is new
    assert trainer.network.synthesis.fine.blocks[2].back.weight.grad.any()


@pytest.mark.parametrize("change", [{"width": 8}, {"fine_blocks": 0}, {"patch_px": 4}])
def test_a_synthesis_that_does_not_contain_the_checkpoints_begins_anew(
    change, checkpoint, tmp_path
):
    other = replace(checkpoint_configs(checkpoint)[1], **change)
    trainer = tiny_trainer(tmp_path, 1, synthesis=other)
    own = {k: v.clone() for k, v in trainer.network.synthesis.state_dict().items()}
    trainer.resume(checkpoint)
    torch.testing.assert_close(trainer.network.synthesis.state_dict(), own, rtol=0, atol=0)


def test_an_analysis_does_not_grow_into_another_kind(checkpoint, tmp_path):
    family = checkpoint_configs(checkpoint)[0]
    coarser = family.with_analysis(replace(family.analysis, patch_px=4))
    with pytest.raises(TrainingError, match=r"family tensors analysis\."):
        tiny_trainer(tmp_path, 1, family=coarser).resume(checkpoint, grows=True)


def test_steps_leave_cudnn_on_and_let_it_choose(tmp_path, monkeypatch):
    trainer = tiny_trainer(tmp_path, 2)
    seen = []
    losses = trainer.task.losses

    def looking(share):
        seen.append((torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark))
        return losses(share)

    monkeypatch.setattr(trainer.task, "losses", looking)
    trainer.run(nothing)
    assert set(seen) == {(True, True)}


def test_run_of_another_optimizer_cannot_go_on(tmp_path):
    tiny_trainer(tmp_path, 9, stop_after_s=2).run(nothing)
    state = load_checkpoint(tmp_path / "last.pt")
    state["optimizer"] = {"state": {}, "param_groups": []}
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="another --time-limit"):
        tiny_trainer(tmp_path, 9).resume(tmp_path / "other.pt")


def test_a_prior_can_grow_but_not_shrink(checkpoint, tmp_path):
    family = checkpoint_configs(checkpoint)[0]
    wider, narrower = (replace(family, widths=dict.fromkeys(NETS, n)) for n in (24, 4))
    tiny_trainer(tmp_path, 1, family=wider).resume(checkpoint, grows=True)
    with pytest.raises(TrainingError, match=r"family tensors prior\."):
        tiny_trainer(tmp_path, 1, family=narrower).resume(checkpoint, grows=True)


def test_damaged_checkpoint_is_refused_on_resume(checkpoint, tmp_path):
    cut = tmp_path / "cut.pt"
    cut.write_bytes(checkpoint.read_bytes()[:-2000])
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        tiny_trainer(tmp_path, 1).resume(cut)


def test_new_schedule_logs_what_it_starts_from(checkpoint, tmp_path):
    trainer = tiny_trainer(tmp_path, 3, linear_share=0)
    trainer.resume(checkpoint)
    start = trainer.validate()["valid_score"]
    trainer.run(nothing)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    first, last = (row for row in rows if "valid_score" in row)
    assert (first["step"], first["valid_score"]) == (TRAINED_STEPS, start)
    assert [first["valid_score"], last["valid_score"]] == trainer.scores
