"""A checkpoint becomes released weights that load, code pictures and join syntheses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from licodec import profiles
from licodec.api import Codec
from licodec.codec.model import fingerprint_of
from licodec.config import DEFAULT_TUNE, CorrectionConfig, family_of, quality_to_index
from licodec.entropy.tables import NUM_SCALES, TOTAL
from licodec.errors import ModelError, TrainingError
from licodec.profiles import read_metadata
from licodec.train.card import write_card
from licodec.train.export import count_symbols, export, write_release
from tests.photos import crop, psnr_db
from tests.train.pictures import pictures, tiny_finetuner, tiny_trainer, use_fake_clock


@pytest.fixture
def models(release, tmp_path, monkeypatch) -> Path:
    """Installs the release; returns the family's folder."""
    folder = tmp_path / "models" / family_of(DEFAULT_TUNE)
    write_release(release[0], folder, write_family=True)
    monkeypatch.setattr(profiles, "find_models_dir", lambda: tmp_path / "models")
    return folder


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (128, 96)])
def test_released_weights_load_and_round_trip_a_picture(width, height, mode, models):
    codec = Codec(device="cpu")
    pixels = crop(width, height, mode)
    decoded = np.asarray(codec.decode(codec.encode(pixels, quality=90)))
    assert decoded.shape == pixels.shape
    assert psnr_db(pixels, decoded) > 28


def test_release_states_its_figures(release, models):
    found, lines = release
    assert [quality for quality, _, _ in found.rd] == [11.1, 30.9, 50.7, 70.5, 90.3]
    bpps, psnrs = [b for _, b, _ in found.rd], [p for _, _, p in found.rd]
    assert (bpps, psnrs) == (sorted(bpps), sorted(psnrs))
    assert len(found.integer_losses) == 5
    assert "bounds proven" in lines[0]
    info = profiles.find_profile("balanced")
    assert info.rd == tuple(found.rd)
    assert info.kmac_per_px == pytest.approx(found.kmac_per_px, abs=0.006)
    files = (models / "family.safetensors", models / "synthesis-balanced.safetensors")
    assert info.file_bytes == sum(f.stat().st_size for f in files)


def test_tables_of_a_release_sum_up_and_cover_every_scale(release):
    tensors = release[0].family_tensors
    reaches = tensors["table_reaches"].tolist()
    assert len(reaches) == 3 * NUM_SCALES  # of rounding, and of both quantizers of the trellis
    for half in torch.split(tensors["table_halves"].long(), [r + 2 for r in reaches]):
        assert int(half[0] + 2 * half[1:-1].sum() + half[-1]) == TOTAL
    assert 1 <= int(tensors["skip_below"][0]) <= int(tensors["trellis_from"][0]) < NUM_SCALES


def test_fingerprint_covers_all_that_symbols_depend_on_and_not_the_analysis(release, models):
    path = models / "family.safetensors"
    tensors = load_file(path)
    assert any(name.startswith("analysis.") for name in tensors)
    kept = {k: v for k, v in tensors.items() if not k.startswith("analysis.")}
    stated = read_metadata(path)["fingerprint"]
    assert fingerprint_of(kept) == stated
    for name in ("compand", "skip_below", "net.fine.first.weight0"):
        assert fingerprint_of(kept | {name: kept[name] + 1}) != stated


@pytest.mark.parametrize(
    ("name", "tensor"), [("family", "compand"), ("synthesis-balanced", "out.bias")]
)
def test_changed_weights_are_refused(name, tensor, models):
    path = models / f"{name}.safetensors"
    metadata, tensors = read_metadata(path), load_file(path)
    tensors[tensor][5] += 1
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ModelError, match=r"weights have fingerprint .* is stated"):
        Codec(device="cpu")


@pytest.mark.parametrize("num_bytes", [0, 5, 100, -100])
def test_cut_weights_are_refused(num_bytes, models):
    path = models / "family.safetensors"
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(ModelError, match=r"family\.safetensors: .* reinstall licodec"):
        Codec(device="cpu")


def test_profile_that_is_not_installed_is_refused_by_the_names_of_those_that_are(models):
    with pytest.raises(ModelError, match=r"'best' .* not installed \(installed: balanced\)"):
        Codec("best")


def test_second_synthesis_joins_the_family_and_decodes_its_files(
    checkpoint, release, models, tmp_path, monkeypatch
):
    use_fake_clock(monkeypatch)
    path = models / "family.safetensors"
    wider = CorrectionConfig(width=24, num_blocks=1)
    tiny_finetuner(tmp_path / "fast", 3, checkpoint, path, synthesis=wider).run(lambda row: None)
    before = path.read_bytes()
    joined = export(
        tmp_path / "fast" / "last.pt", "fast", pictures(2), pictures(1), lambda line: None, path
    )
    write_release(joined, models, write_family=False)
    assert path.read_bytes() == before
    assert [info.name for info in profiles.list_profiles()] == ["fast", "balanced"]
    pixels = crop(90, 70)
    data = Codec("balanced", "cpu").encode(pixels, quality=80)
    assert psnr_db(pixels, np.asarray(Codec("fast", "cpu").decode(data))) > 25


def test_synthesis_of_a_retrained_family_does_not_join(checkpoint, models, tmp_path, monkeypatch):
    use_fake_clock(monkeypatch)
    trainer = tiny_trainer(tmp_path / "other", 6)
    trainer.resume(checkpoint)
    trainer.run(lambda row: None)
    with pytest.raises(TrainingError, match="the checkpoint is of another family"):
        export(
            tmp_path / "other" / "last.pt", "fast", pictures(1), pictures(1),
            lambda line: None, models / "family.safetensors",
        )  # fmt: skip


def test_card_shows_figures_and_learning_curve(checkpoint, release, tmp_path):
    write_card(release[0], checkpoint, tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    for quality, bpp, psnr in release[0].rd:
        assert f"| {quality_to_index(quality)} | {bpp:.3f} | {psnr:.2f} |" in text
    last = json.loads((checkpoint.parent / "log.jsonl").read_text().splitlines()[-1])
    assert f"| {last['step']} | " in text
    assert f"{last['valid_score']:.4f}" in text


def test_symbols_are_counted_by_scale_and_size_and_large_ones_as_escapes():
    counts = [torch.zeros(4), torch.zeros(4)]  # reach 2
    symbols = np.array([0, 1, -1, 2, -3, 900, 0], np.int16)
    count_symbols(counts, symbols, np.array([0, 0, 0, 0, 0, 1, 1], np.uint8))
    assert counts[0].tolist() == [1, 2, 1, 1]
    assert counts[1].tolist() == [1, 0, 0, 1]
