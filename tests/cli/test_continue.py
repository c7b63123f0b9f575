"""Many files in one call, again: what is skipped, what is refused, what is reported of it."""

import io
import json
import os
import time
from pathlib import Path

import pytest

from licodec.config import DEFAULT_QUALITY, DEFAULT_TUNE, family_of
from licodec.profiles import quality_scale
from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photos


def shown(quality: float) -> float:
    """A quality as files of the default tune hold it."""
    scale = quality_scale(family_of(DEFAULT_TUNE))
    return scale.shown(scale.to_index(quality))


def make_older(path: Path) -> None:
    """Let a file be an hour old."""
    os.utime(path, (time.time() - 3600,) * 2)


def test_continue_skips_finished_outputs_without_loading_the_codec(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    save_photos(tmp_path / "in", "abc")
    arguments = ("compress", "--continue", tmp_path / "in", "-o", tmp_path / "out")
    licodec(*arguments)
    codecs_made.clear()
    outcome = licodec(*arguments)
    assert (outcome.code, codecs_made) == (0, [])
    assert outcome.err.splitlines()[-1].split(maxsplit=1) == ["files", "3 finished earlier"]
    (tmp_path / "out" / "b.lic").unlink()
    assert "1 done, 2 finished earlier" in licodec(*arguments).err


def test_decompress_continues_too(licodec: Licodec, tmp_path: Path, codecs_made: list[str]) -> None:
    save_photos(tmp_path / "in", "abc")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    arguments = ("decompress", "--continue", tmp_path / "out", "-o", tmp_path / "back")
    licodec(*arguments)
    codecs_made.clear()
    assert licodec(*arguments).code == 0
    assert codecs_made == []
    make_older(tmp_path / "back" / "b.png")
    outcome = licodec(*arguments)
    assert outcome.code == 1
    assert "b.png is older than its input; replace it with --force" in outcome.err
    assert "1 done, 2 finished earlier" in licodec(*arguments, "--force").err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-q", "80"], f"made with quality {shown(DEFAULT_QUALITY)}, not {shown(80)}"),
        (["-p", "fast"], "made with profile balanced, not fast"),
        (["--tune", "psnr"], "made with tune visual, not psnr"),
        (["-e", "3"], "made with quantizer tcq128, not tcq8"),
        (["-e", "7"], "is not known to be made with effort 7"),
        (["--time-budget", "30s"], "is not known to be made with time_budget 30.0"),
        (["--ssimulacra2", "80"], "is not known to be made with ssimulacra2 80.0"),
        (["--psnr", "38"], "is not known to be made with psnr 38.0"),
        (["--strip"], "is not known to be made with no metadata"),
    ],
)
def test_continue_refuses_an_output_of_other_settings_unless_forced(
    licodec: Licodec, tmp_path: Path, options: list[str], reason: str
) -> None:
    save_photos(tmp_path / "in", "ab")
    arguments = ("compress", tmp_path / "in", "-o", tmp_path / "out")
    licodec(*arguments)
    before = (tmp_path / "out" / "a.lic").read_bytes()
    outcome = licodec(*arguments, *options, "--continue")
    assert outcome.code == 1
    assert reason in outcome.err
    assert (tmp_path / "out" / "a.lic").read_bytes() == before
    assert "2 done" in licodec(*arguments, *options, "--continue", "--force").err
    assert "2 finished earlier" in licodec(*arguments, *options, "--continue").err


def test_qualities_with_one_number_to_show_are_told_apart(licodec: Licodec, tmp_path: Path) -> None:
    save_photos(tmp_path / "in", "ab")
    scale = quality_scale(family_of(DEFAULT_TUNE))
    step = next(i for i in range(255) if scale.shown(i) == scale.shown(i + 1))
    lower, upper = (scale.to_quality(i) for i in (step, step + 1))
    arguments = ("compress", "--continue", tmp_path / "in", "-o", tmp_path / "out")
    assert "2 done" in licodec(*arguments, "-q", lower).err
    assert "2 finished earlier" in licodec(*arguments, "-q", lower).err
    outcome = licodec(*arguments, "-q", upper)
    assert outcome.code == 1
    shown_alike = scale.shown(step)
    assert f"{shown_alike} (step {step}), not {shown_alike} (step {step + 1})" in outcome.err


@pytest.mark.parametrize(
    ("earlier", "later", "reason"),
    [
        (["-e", "7"], [], "was made with effort 7, not effort 4"),
        (["-e", "0"], ["-e", "2"], "was made with effort 0, not effort 2"),
        (["--size", "2KB"], ["--size", "3KB"], "was made with size 2000.0, not size 3000.0"),
        (["--strip"], [], "was made with no metadata, not metadata exif,icc,xmp"),
        (["--keep", "icc"], ["--keep", "xmp"], "was made with metadata icc, not metadata xmp"),
    ],
)
def test_settings_that_files_do_not_tell_are_remembered_beside_them(
    licodec: Licodec, tmp_path: Path, earlier: list[str], later: list[str], reason: str
) -> None:
    save_photos(tmp_path / "in", "ab")
    arguments = ("compress", tmp_path / "in", "-o", tmp_path / "out")
    licodec(*arguments, *earlier)
    assert "2 finished earlier" in licodec(*arguments, *earlier, "--continue").err
    outcome = licodec(*arguments, *later, "--continue")
    assert outcome.code == 1
    assert reason in outcome.err
    assert "2 done" in licodec(*arguments, *later, "--continue", "--force").err
    assert "2 finished earlier" in licodec(*arguments, *later, "--continue").err
    assert licodec(*arguments, *earlier, "--continue").code == 1


def test_only_what_was_made_since_counts_as_made_with_new_settings(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photos(tmp_path / "in", "abcd")
    arguments = ("compress", tmp_path / "in", "-o", tmp_path / "out")
    licodec(*arguments)
    for name in "cd":
        (tmp_path / "out" / f"{name}.lic").unlink()
    outcome = licodec(*arguments, "-e", "7", "--continue")
    assert outcome.err.count("is not known to be made with effort 7") == 2
    assert "2 done, 2 failed" in outcome.err
    assert "2 finished earlier, 2 failed" in licodec(*arguments, "--continue").err


def test_default_settings_and_single_files_leave_no_record(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photos(tmp_path / "in", "ab")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    licodec("compress", "-e", "7", tmp_path / "in" / "a.png", "-o", tmp_path / "out" / "c.lic")
    assert sorted(os.listdir(tmp_path / "out")) == ["a.lic", "b.lic", "c.lic"]


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        (["--max-size", "4"], "max_size 4"),
        (["--region", "0,0,3,3"], "region 0,0,3,3"),
        (["-p", "fast"], "profile fast"),
    ],
)
def test_decompress_remembers_its_settings_too(
    licodec: Licodec, tmp_path: Path, options: list[str], setting: str
) -> None:
    save_photos(tmp_path / "in", "ab")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    arguments = ("decompress", tmp_path / "out", "-o", tmp_path / "back", *options)
    assert licodec(*arguments).code == 0
    assert "2 finished earlier" in licodec(*arguments, "--continue").err
    outcome = licodec(*arguments[:4], "--continue")
    assert outcome.code == 1
    assert f"was made with {setting}, not no {setting.split(maxsplit=1)[0]}" in outcome.err


def test_tune_is_told(licodec: Licodec, tmp_path: Path) -> None:
    save_photos(tmp_path / "in", "a")
    arguments = ("compress", "--force", tmp_path / "in" / "a.png", "--tune", "psnr")
    assert "  tune psnr  " in licodec(*arguments, "-v").err
    assert json.loads(licodec(*arguments, "--json").out)["tune"] == "psnr"
    back = ("decompress", "--json", tmp_path / "in" / "a.lic")
    assert json.loads(licodec(*back).out)["tune"] == "psnr"


def test_json_tells_what_was_skipped_as_what_was_done(licodec: Licodec, tmp_path: Path) -> None:
    save_photos(tmp_path / "in", "ab")
    arguments = ("compress", "--json", "--continue", tmp_path / "in", "-o", tmp_path / "out")
    first = [json.loads(line) for line in io.BytesIO(licodec(*arguments).out)]
    again = [json.loads(line) for line in io.BytesIO(licodec(*arguments).out)]
    assert [line["skipped"] for line in first] == [False, False]
    assert [line["skipped"] for line in again] == [True, True]
    for name in ("input", "output", "ok", "width", "height", "num_bytes", "bpp", "quality"):
        assert [line[name] for line in again] == [line[name] for line in first]


@pytest.mark.parametrize(
    ("options", "width", "height", "profile"),
    [
        (["--max-size", "4"], 4, 3, "balanced"),
        (["--region", "1,1,3,2"], 3, 2, "balanced"),
        (["-p", "fast"], 11, 7, "fast"),
    ],
)
def test_json_tells_the_output_of_decompress_done_or_skipped(
    licodec: Licodec, tmp_path: Path, options: list[str], width: int, height: int, profile: str
) -> None:
    save_photos(tmp_path / "in", "ab")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    arguments = ("decompress", "--json", "--continue", tmp_path / "out", "-o", tmp_path / "back")
    for is_skipped in (False, True):
        lines = [json.loads(line) for line in io.BytesIO(licodec(*arguments, *options).out)]
        for line in lines:
            assert line["skipped"] == is_skipped
            found = line["width"], line["height"], line["profile"]
            assert found == (width, height, profile)
