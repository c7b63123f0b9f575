"""A finetuning trains its parts alone, on what real encodes give, and gets better at it."""

from __future__ import annotations

import json

import pytest
import torch

from licodec.codec.decode import decode_pixels
from licodec.codec.encode import encode_pixels
from licodec.codec.model import Synthesis, read_family
from licodec.config import CorrectionConfig
from licodec.container.format import Header
from licodec.container.read import read_container
from licodec.container.write import write_container
from licodec.errors import TrainingError
from licodec.train.checkpoint import checkpoint_configs, load_checkpoint
from tests.photos import psnr_db
from tests.tiny import TINY_SYNTHESIS, tiny_synthesis
from tests.train.conftest import TRAINED_STEPS
from tests.train.pictures import (
    some_crops,
    tiny_finetuner,
    tiny_options,
    tiny_trainer,
    use_fake_clock,
)


@pytest.fixture(autouse=True)
def fake_clock(monkeypatch):
    """A step a second."""
    use_fake_clock(monkeypatch)


def nothing(row: object) -> None:
    """A report that nobody reads."""


def changed_parts(before: dict, after: dict) -> set[str]:
    """First words of the names of tensors that differ."""
    return {name.split(".")[0] for name in before if not before[name].equal(after[name])}


GAINS = {"log_detail_steps", "log_low_steps"}


@pytest.mark.parametrize(
    ("parts", "quantizer", "changed"),
    [
        (("synthesis",), "dead-zone", {"synthesis"}),
        (("synthesis", "prior"), "dead-zone", {"prior", "synthesis"}),
        (("synthesis", "prior", "gains"), "rounding", {"prior", "synthesis"} | GAINS),
        (("prior",), "rounding", {"prior"}),
        (("gains",), "dead-zone", GAINS),
    ],
)
def test_chosen_parts_are_trained_and_the_others_kept_to_the_last_bit(
    parts, quantizer, changed, checkpoint, family_path, tmp_path
):
    tiny_finetuner(tmp_path, 8, checkpoint, family_path, parts=parts, quantizer=quantizer).run(
        nothing
    )
    before, after = load_checkpoint(checkpoint)["ema"], load_checkpoint(tmp_path / "last.pt")
    assert changed_parts(before, after["network"]) == changed
    assert changed_parts(before, after["ema"]) == changed
    assert after["stage"] == f"{'+'.join(parts)} on {quantizer}"
    assert after["step"] == TRAINED_STEPS + 8


def test_finetuning_lowers_the_loss_of_held_back_pictures(checkpoint, family_path, tmp_path):
    trainer = tiny_finetuner(tmp_path, 150, checkpoint, family_path, learning_rate=4e-3)
    trainer.run(nothing)
    assert trainer.scores[-1] < trainer.scores[0] - 0.01
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    valid = [row["valid"] for row in rows if "valid" in row]
    assert [bpp for _, bpp, _ in valid[0]] == [bpp for _, bpp, _ in valid[-1]]


def test_validation_measures_what_real_files_decode_to(checkpoint, family_path, tmp_path):
    trainer = tiny_finetuner(tmp_path, 1, checkpoint, family_path)
    trainer.task.prepare(0.0, seed=1)
    trainer.network.requires_grad_(False)
    family, cpu = read_family(family_path), "cpu"
    crop = some_crops(1)[0][16:80, 32:96]  # the centre, a multiple of 64
    for position, index in ((0.1, 26), (0.9, 230)):
        encoded = encode_pixels(crop, family, index, cpu, choice="dead-zone")
        header = Header(
            family_id=1, profile_id=1, family_fingerprint=bytes(4), synthesis_fingerprint=bytes(2),
            width=64, height=64, quality_index=index, is_grey=False,
            quantizer_id=0, is_all_coded=encoded.is_all_coded,
        )  # fmt: skip
        data = write_container(header, (), encoded.payload, encoded.symbols)
        synthesis = Synthesis(bytes(2), tiny_synthesis(trainer.network))
        decoded = decode_pixels(read_container(data), family, synthesis, {})
        (bpp,), (mse,) = trainer.task.measure(position)
        assert float(bpp) * 64 * 64 == pytest.approx(8 * len(encoded.payload))
        found = 10 * torch.log10(255**2 / mse).item()
        assert found == pytest.approx(psnr_db(crop, decoded), abs=0.1)


def test_other_synthesis_starts_anew_and_keeps_the_family(checkpoint, family_path, tmp_path):
    wider = CorrectionConfig(width=24, num_blocks=2)
    trainer = tiny_finetuner(tmp_path, 4, checkpoint, family_path, synthesis=wider)
    assert bool((trainer.network.synthesis.log_gain == 0).all())  # nothing taken over
    trainer.run(nothing)
    family, synthesis = checkpoint_configs(tmp_path / "last.pt")
    assert (family, synthesis) == (checkpoint_configs(checkpoint)[0], wider)
    before, after = load_checkpoint(checkpoint)["ema"], load_checkpoint(tmp_path / "last.pt")["ema"]
    assert all(after[k].equal(v) for k, v in before.items() if not k.startswith("synthesis."))


def test_interrupted_finetuning_goes_on_at_its_last_checkpoint(
    checkpoint, family_path, tmp_path, monkeypatch
):
    use_fake_clock(monkeypatch, tick_s=21.0)

    def interrupt(row: object) -> None:
        if trainer.elapsed_s > 300:
            raise KeyboardInterrupt

    trainer = tiny_finetuner(tmp_path, 600, checkpoint, family_path)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(interrupt)
    state = load_checkpoint(tmp_path / "last.pt")
    resumed = tiny_finetuner(tmp_path, 600, tmp_path / "last.pt", family_path)
    assert resumed.elapsed_s == state["elapsed_s"]
    assert not changed_parts(state["network"], resumed.network.state_dict())
    resumed.run(nothing)
    assert load_checkpoint(tmp_path / "last.pt")["elapsed_s"] >= 600


def test_other_quantizer_or_other_parts_begin_a_new_schedule(checkpoint, family_path, tmp_path):
    trainer = tiny_finetuner(tmp_path, 8, checkpoint, family_path)
    trainer.elapsed_s, trainer.run_step = 4.0, 4
    tiny_options(tmp_path, 8).out.mkdir(exist_ok=True)
    trainer.task.prepare(0.0, seed=1)
    trainer.save()
    start = tmp_path / "last.pt"
    assert tiny_finetuner(tmp_path, 8, start, family_path).run_step == 4
    for changes in ({"quantizer": "rounding"}, {"parts": ("prior",)}):
        assert tiny_finetuner(tmp_path, 8, start, family_path, **changes).run_step == 0


def test_checkpoint_that_is_not_of_the_released_family_is_refused(
    checkpoint, family_path, tmp_path
):
    other = tiny_trainer(tmp_path / "other", 6)
    other.resume(checkpoint)
    other.run(nothing)
    with pytest.raises(TrainingError, match="the checkpoint is of another family"):
        tiny_finetuner(tmp_path / "out", 1, tmp_path / "other" / "last.pt", family_path)
    assert not (tmp_path / "out").exists()


def test_released_synthesis_has_the_shape_that_the_tests_train(family_path, checkpoint):
    assert checkpoint_configs(checkpoint)[1] == TINY_SYNTHESIS
    assert read_family(family_path).fingerprint != bytes(4)
