"""`scripts/train_profile.py` runs all stages, from pictures to weights that load."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from licodec import profiles
from licodec.api import Codec
from licodec.config import DEFAULT_TUNE, family_of
from licodec.train.checkpoint import load_checkpoint
from tests.photos import crop, psnr_db

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "train_profile.py"


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_profile", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i in range(3):
        Image.fromarray(crop(128, 128, left=80 * i, top=50 * i)).save(folder / f"{i}.png")
    return folder


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)


def test_stages_of_balanced_end_with_its_synthesis_on_real_files(recipe, tmp_path):
    args = recipe.parse(["balanced", "a", "b:0.3", "-o", str(tmp_path), "--hours", "10"])
    stages = recipe.stages(args)
    assert [s.name for s in stages] == [
        "joint", "large", "real", "export-real", "synthesis", "export-synthesis",
    ]  # fmt: skip
    times = [s.command[s.command.index("--time-limit") + 1] for s in stages if s.resume]
    assert times == ["21600.0s", "7200.0s", "3600.0s", "3600.0s"]
    joint, large = stages[0].command, stages[1].command
    assert joint[:3] == ["train", "a", "b:0.3"]
    assert "--linear-share" not in joint
    assert large[-8:] == [
        "--crop", "384", "--batch-size", "2", "--learning-rate", "0.0003", "--linear-share", "0",
    ]  # fmt: skip
    assert stages[-1].command[-1] == "--synthesis-only"


def test_family_goes_on_from_a_checkpoint_of_former_shapes(recipe, tmp_path):
    args = recipe.parse(["balanced", "a", "-o", str(tmp_path), "--start", "former.pt"])
    joint, *others = (s.command for s in recipe.stages(args))
    assert joint[-5:] == ["--resume", "former.pt", "--grow", "--linear-share", "0"]
    assert not any("--grow" in command for command in others)


def test_stages_of_another_profile_leave_the_family_alone(recipe, tmp_path):
    args = recipe.parse(["best", "photos", "-o", str(tmp_path)])
    finetune, export = (s.command for s in recipe.stages(args))
    family = ROOT / "models" / family_of(DEFAULT_TUNE)
    assert finetune[:2] == ["finetune", str(ROOT / f"checkpoints/{family.name}-balanced.pt")]
    assert finetune[-4:] == ["--family", str(family), "-p", "best"]
    assert "--freeze" not in finetune
    assert export[-3:] == ["-p", "best", "--synthesis-only"]


def test_what_is_done_is_left_out_and_what_is_begun_goes_on(recipe, tmp_path, capsys):
    (tmp_path / "joint.done").touch()
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "last.pt").touch()
    args = recipe.parse(["balanced", "a", "-o", str(tmp_path), "--dry-run"])
    assert recipe.run(args) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0].endswith(f"--resume {tmp_path}/large/last.pt")
    assert "--resume" not in lines[1]


@pytest.mark.parametrize("option", [["--hours", "0"], ["--hours", "nan"], ["--device", "tpu"]])
def test_wrong_usage_is_refused(option, recipe, tmp_path):
    with pytest.raises(SystemExit) as caught:
        recipe.parse(["fast", "a", "-o", str(tmp_path), *option])
    assert caught.value.code == 2


def test_missing_family_is_named_and_nothing_written(recipe, tmp_path, capsys):
    args = recipe.parse(
        ["fast", "a", "-o", str(tmp_path / "out"), "--family", str(tmp_path / "absent")]
    )
    assert recipe.run(args) == 1
    assert "no such file; name a released family" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["balanced", "fast", "best"])
def test_weights_of_a_run_of_seconds_decode_a_picture(profile, photos, tmp_path, monkeypatch):
    out = tmp_path / "out"
    small = ["--hours", 0.003, "--crop", 64, "--batch-size", 1, "--device", "cpu"]
    done = train(profile, photos, "-o", out, *small)
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(out / f"{profile}.pt")["step"] > 0
    again = train(profile, photos, "-o", out, *small)
    assert (again.returncode, again.stderr) == (0, "")

    models = tmp_path / "models"
    shutil.copytree(out / "family", models / family_of(DEFAULT_TUNE))
    monkeypatch.setattr(profiles, "find_models_dir", lambda: models)
    codec = Codec(profile, device="cpu")
    pixels = crop(90, 70)
    assert psnr_db(pixels, np.asarray(codec.decode(codec.encode(pixels, quality=90)))) > 25
    limits = {"fast": 6, "balanced": 25, "best": 200}
    assert profiles.find_profile(profile).kmac_per_px[0] <= limits[profile]
