import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from licodec.cli.measuring import bench
from licodec.cli.options import METRIC_NAMES
from licodec.cli.report import print_tables
from licodec.errors import LicodecError
from licodec.evaluate.bench import licodec_codec
from licodec.evaluate.measures import MEASURES
from licodec.evaluate.report import Table
from tests.evaluate.benches import FakeCodec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(5)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("one.png", "two.png"):
        pixels = generator.integers(90, 160, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((112, 80)).save(pictures / name)
    return pictures


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(bench, [str(argument) for argument in arguments])


def test_peers_are_measured_printed_and_written(folder, tmp_path):
    out = tmp_path / "out"
    found = run(folder, "--codecs", "jpeg,webp", "--metrics", "psnr", "--out", out, "--threads", 1)
    assert found.exit_code == 0, found.output
    assert "BD-rate" in found.stdout
    assert "jpeg" in found.stdout
    assert json.loads((out / "results.json").read_text())["images"] == ["one.png", "two.png"]


def test_one_bad_picture_gives_one_line_and_exit_code_1_after_the_results(folder, tmp_path):
    (folder / "bad.png").write_bytes(b"\x89PNG cut")
    out = tmp_path / "out"
    found = run(folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out)
    assert found.exit_code == 1
    errors = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "bad.png" in errors[0]
    assert json.loads((out / "results.json").read_text())["images"] == ["one.png", "two.png"]


def test_limit_takes_the_first_pictures_by_name(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out, "--limit", 1)
    assert json.loads((out / "results.json").read_text())["images"] == ["one.png"]


def test_the_readme_block_is_rewritten_with_a_link_relative_to_the_readme(folder, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("top\n<!-- bench:begin -->\n<!-- bench:end -->\nbottom\n")
    out = tmp_path / "docs" / "bench"
    found = run(folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out, "--readme", readme)
    assert found.exit_code == 0, found.output
    text = readme.read_text()
    assert text.startswith("top\n<!-- bench:begin -->\n![")
    assert "](docs/bench/rd.svg)" in text
    assert "](docs/bench/results.md)" in text
    assert text.endswith("<!-- bench:end -->\nbottom\n")


def test_a_readme_without_markers_is_refused_before_anything_is_measured(folder, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no markers\n")
    out = tmp_path / "out"
    found = run(folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out, "--readme", readme)
    assert isinstance(found.exception, LicodecError)
    assert "README.md" in str(found.exception)
    assert not out.exists()


def test_anchor_patterns_stand_for_all_their_files(folder, tmp_path):
    for name, factor in (("half", 0.5), ("double", 2.0)):
        curve = {"name": name, "bpp": [factor * 0.3, factor * 4], "psnr": [22, 45]}
        (tmp_path / f"{name}.json").write_text(json.dumps(curve))
    out = tmp_path / "out"
    found = run(
        folder,
        "--codecs",
        "jpeg",
        "--metrics",
        "psnr",
        "--out",
        out,
        "--anchors",
        tmp_path / "*.json",
    )
    assert found.exit_code == 0, found.output
    entries = json.loads((out / "results.json").read_text())["bd_rates"]
    assert {entry["against"] for entry in entries} == {"half", "double"}


def test_an_anchor_that_is_not_there_is_reported(folder, tmp_path):
    found = run(folder, "--codecs", "jpeg", "--out", tmp_path / "out", "--anchors", "none-*.json")
    assert isinstance(found.exception, LicodecError)
    assert "matches no file" in str(found.exception)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--qualities", "0,50"),
        ("--qualities", "50,high"),
        ("--qualities", ""),
        ("--codecs", "jpeg,gif"),
        ("--threads", "0"),
        ("--limit", "0"),
        ("--device", "tpu"),
        ("--metrics", "psnr,vmaf"),
        ("--tune", "ms-ssim"),
        ("--metrics", ""),
    ],
)
def test_wrong_usage_ends_with_exit_code_2(folder, option, value):
    assert run(folder, option, value).exit_code == 2


def test_earlier_results_are_replaced_only_with_force(folder, tmp_path):
    out = tmp_path / "out"
    arguments = (folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out)
    assert run(*arguments).exit_code == 0
    assert isinstance(run(*arguments).exception, LicodecError)
    assert run(*arguments, "--force").exit_code == 0


def test_a_measure_that_one_picture_is_too_small_for_is_told(folder, tmp_path):
    Image.new("RGB", (7, 9)).save(folder / "small.png")
    out, page = tmp_path / "out", tmp_path / "page.html"
    metrics = "ssimulacra2,butteraugli,psnr"
    found = run(folder, "--codecs", "jpeg", "--metrics", metrics, "--out", out, "--html", page)
    assert found.exit_code == 0, found.output
    line = "o mean SSIMULACRA 2: 1 picture is too small or too large for it"
    assert f"licodec: note: n{line}\n" in found.stderr
    assert found.stderr.count("note:") == 2
    for text in ((out / "results.md").read_text(), page.read_text()):
        assert f" N{line}. " in text


def test_curves_that_lie_in_the_folder_are_replaced_only_with_force(folder, tmp_path):
    curve = tmp_path / "curves" / "jpeg.json"
    curve.parent.mkdir()
    curve.write_text("mine")
    arguments = (folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", tmp_path)
    assert "curves exists; choose another --out" in str(run(*arguments).exception)
    assert curve.read_text() == "mine"
    assert run(*arguments, "--force").exit_code == 0


def test_a_quality_named_twice_is_measured_once():
    assert licodec_codec("balanced", "cpu", (50, 20, 50), FakeCodec).qualities == (50, 20)


def test_help_loads_neither_torch_nor_numpy_nor_rich():
    check = (
        "import sys, licodec.cli.measuring as measuring\n"
        "measuring.bench(['--help'], standalone_mode=False)\n"
        "assert not {'torch', 'numpy', 'rich', 'PIL'} & set(sys.modules)\n"
    )
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_the_html_page_is_written_beside_the_results(folder, tmp_path):
    page = tmp_path / "pages" / "bench.html"
    arguments = (folder, "--codecs", "jpeg,webp", "--metrics", "psnr", "--out", tmp_path / "out")
    found = run(*arguments, "--html", page)
    assert found.exit_code == 0, found.output
    text = page.read_text(encoding="utf-8")
    assert "<h1>pictures</h1>" in text
    assert "one.png" in text
    assert f"page {page}" in found.stderr


def test_names_that_are_no_text_reach_all_results(folder, tmp_path):
    odd = tmp_path / os.fsdecode(b"f\xe9")
    folder.rename(odd)
    (odd / "one.png").rename(odd / os.fsdecode(b"caf\xe9.png"))
    (odd / os.fsdecode(b"bad\n\xe9.png")).write_bytes(b"no picture")
    page, out = tmp_path / "bench.html", tmp_path / "out"
    found = run(odd, "--codecs", "jpeg", "--metrics", "psnr", "--out", out, "--html", page)
    assert found.exit_code == 1
    assert len(found.stderr.splitlines()) == 2
    assert "caf\ufffd.png" in (out / "results.csv").read_text(encoding="utf-8")
    assert "caf\ufffd.png" in page.read_text(encoding="utf-8")


def test_an_existing_html_page_is_refused_before_anything_is_measured(folder, tmp_path):
    page, out = tmp_path / "bench.html", tmp_path / "out"
    page.write_text("mine")
    arguments = (folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", out, "--html", page)
    found = run(*arguments)
    assert isinstance(found.exception, LicodecError)
    assert (page.read_text(), out.exists()) == ("mine", False)
    assert run(*arguments, "--force").exit_code == 0
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("option", ["--out", "--html"])
@pytest.mark.parametrize("obstacle", ["file", "right"])
def test_a_folder_that_cannot_be_written_is_noticed_before_anything_is_measured(
    folder, tmp_path, monkeypatch, option, obstacle
):
    (tmp_path / "file").write_text("mine")
    if obstacle == "right":
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    place = tmp_path / ("file" if obstacle == "file" else "new") / "below"
    monkeypatch.setattr("licodec.evaluate.bench.run_bench", None)  # a call would be a TypeError
    found = run(folder, "--codecs", "jpeg", "--metrics", "psnr", option, place)
    assert isinstance(found.exception, LicodecError)
    assert str(found.exception).startswith("folder ")


def test_tables_are_printed_even_if_files_cannot_be_written(folder, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise LicodecError("disk full")

    monkeypatch.setattr("licodec.evaluate.report.write_file", fail)
    found = run(folder, "--codecs", "jpeg,webp", "--metrics", "psnr", "--out", tmp_path / "out")
    assert "disk full" in str(found.exception)
    assert "BD-rate" in found.stdout


def test_the_readme_may_be_a_link(folder, tmp_path):
    readme, link = tmp_path / "README.md", tmp_path / "link.md"
    readme.write_text("<!-- bench:begin -->\n<!-- bench:end -->\n")
    link.symlink_to(readme)
    found = run(
        folder, "--codecs", "jpeg", "--metrics", "psnr", "--out", tmp_path / "out", "--readme", link
    )
    assert found.exit_code == 0, found.output
    assert link.is_symlink()
    assert "rd.svg" in readme.read_text()


def test_brackets_in_names_reach_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = (("AVIF [s6]",), ("a [/b]",))
    print_tables([Table(title="of [two]", num_names=1, columns=("codec",), rows=rows)])
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("of [two]", "AVIF [s6]", "a [/b]"))


def test_names_of_measures_are_those_of_the_report():
    assert tuple(name.replace("-", "_") for name in METRIC_NAMES) == tuple(MEASURES)


def test_only_the_measures_asked_for_are_taken(folder, tmp_path):
    out = tmp_path / "out"
    found = run(folder, "--codecs", "jpeg", "--metrics", "butteraugli,psnr", "--out", out)
    assert found.exit_code == 0, found.output
    row = json.loads((out / "results.json").read_text())["codecs"][0]["per_image"][0]
    assert row["butteraugli"] > 0
    assert row["ssimulacra2"] is row["ms_ssim"] is None
