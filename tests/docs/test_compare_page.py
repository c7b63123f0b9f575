"""Commands in docs/compare.md parse, its Python runs, and its figures are those of the code."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from licodec.cli.main import cli
from licodec.evaluate import comparison, page
from licodec.evaluate.metrics import MAX_PX
from tests.docs.test_examples import ROOT, _python_blocks

PAGE = ROOT / "docs" / "compare.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^licodec ([^#\n]+)", TEXT, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "examples" / "photos" / "chelsea.png", tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_command_is_valid_usage(line: str, folder: Path) -> None:
    name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_python_example_writes_a_page(folder: Path) -> None:
    (block,) = _python_blocks(PAGE)
    exec(compile("\n" * block[0] + block[1], str(PAGE), "exec"), {"__name__": "example"})
    assert (folder / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_limits_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    assert f"more than {page.MARKED_DEVIATION:.0%} is marked".replace("%", " %") in text
    assert f"above {comparison.MAX_WHOLE_PX / 1e6:g} megapixels" in text
    assert f"the centre, {comparison.CROP_PX / 1e6:g} megapixels of it" in text
    assert MAX_PX["ssimulacra2"] == MAX_PX["butteraugli"]
    assert f"above {MAX_PX['ssimulacra2'] / 1e6:.1f} megapixels" in text
    assert f"MS-SSIM above {MAX_PX['ms_ssim'] / 1e6:.1f}" in text


def test_screenshot_is_small() -> None:
    assert (ROOT / "docs" / "compare.png").stat().st_size < 150_000
