"""A release is measured, and gets a scale of qualities by which N gives about N points."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from licodec.codec.model import Family, Synthesis, load_synthesis, read_family
from licodec.errors import TrainingError
from licodec.metrics.ssimulacra2 import ssimulacra2
from licodec.profiles import read_metadata, read_profile, read_scale
from licodec.quality_scale import EVEN, QualityScale
from licodec.train.checkpoint import load_checkpoint
from licodec.train.export import find_scale, write_release
from licodec.train.quality_scale import code_picture, main, measure_scores, write_scale
from tests.train.pictures import pictures, save_crops, some_crops


@pytest.fixture
def folder(release, tmp_path: Path) -> Path:
    """A released family of squared error."""
    write_release(release[0], tmp_path / "family", write_family=True)
    return tmp_path / "family"


@pytest.fixture
def weights(folder: Path) -> tuple[Family, Synthesis]:
    family = read_family(folder / "family.safetensors")
    return family, load_synthesis(read_profile("balanced", folder), family.config)


def test_release_for_the_eye_has_a_measured_scale_and_another_has_none(
    release, folder: Path, weights, checkpoint: Path
) -> None:
    assert release[0].scale.points == EVEN
    assert "quality_points" not in read_metadata(folder / "family.safetensors")
    state = load_checkpoint(checkpoint)
    assert find_scale(state, None, *weights, pictures(2), print).points == EVEN
    scale = find_scale(state | {"tune": "visual"}, None, *weights, pictures(2), print)
    assert scale.points != EVEN
    write_release(replace(release[0], scale=scale), folder, write_family=True)
    assert read_scale(folder / "family.safetensors") == scale
    quality, index = scale.points[len(scale.points) // 2]
    assert mean_score(*weights, round(index)) == pytest.approx(quality, abs=2)


def are_measured_at(indices: list[int]) -> bool:
    """Whether these are those of a release's figures, whose qualities have one decimal."""
    pairs = zip(indices, (26, 77, 128, 179, 230), strict=True)
    return all(abs(found - wanted) <= 1 for found, wanted in pairs)


def mean_score(family, synthesis: Synthesis, index: int) -> float:
    scores = [ssimulacra2(p, code_picture(p, family, synthesis, index)[1]) for p in some_crops(2)]
    return sum(scores) / len(scores)


def test_scale_of_a_release_is_measured_and_written_by_a_command(
    folder: Path, tmp_path: Path
) -> None:
    photos = save_crops(tmp_path / "photos", 2)
    names = ("family", "synthesis-balanced")
    before = {name: load_file(folder / f"{name}.safetensors") for name in names}
    metadata = read_metadata(folder / "family.safetensors")
    outcome = CliRunner().invoke(main, [str(folder), str(photos)])
    assert outcome.exit_code == 0, outcome.output
    scale = read_scale(folder / "family.safetensors")
    assert scale.points != EVEN
    after = read_metadata(folder / "family.safetensors")
    assert {k: v for k, v in after.items() if k != "quality_points"} == metadata
    for name in names:
        tensors = load_file(folder / f"{name}.safetensors")
        assert tensors.keys() == before[name].keys()
        assert all(torch.equal(tensors[k], v) for k, v in before[name].items())
    rd = json.loads(read_metadata(folder / "synthesis-balanced.safetensors")["rd"])
    assert are_measured_at([scale.to_index(row[0]) for row in rd])


def test_synthesis_that_joins_a_family_takes_its_scale(
    folder: Path, weights, checkpoint: Path
) -> None:
    scale = QualityScale(((1, 0), (40, 50), (100, 255)))
    write_scale(folder, scale)
    path = folder / "family.safetensors"
    assert find_scale(load_checkpoint(checkpoint), path, *weights, pictures(1), print) == scale


def test_nothing_to_measure_is_one_line(folder: Path, tmp_path: Path, weights) -> None:
    with pytest.raises(TrainingError, match="no picture is held back"):
        measure_scores(*weights, [], lambda line: None)
    tiny = [some_crops(1)[0][:7, :20]]
    with pytest.raises(TrainingError, match=r"picture of \(7, 20\) pixels has no SSIMULACRA 2"):
        measure_scores(*weights, tiny, lambda line: None, 2)
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ([folder, tmp_path / "empty"], "no picture of at least 64 px"),
        ([tmp_path / "empty", tmp_path / "empty"], "cannot be read"),
        (
            [folder, tmp_path / "empty", "-p", "nosuch"],
            "'nosuch' of family family is not installed",
        ),
    ):
        outcome = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert (outcome.exit_code, message in outcome.output) == (1, True), outcome.output
