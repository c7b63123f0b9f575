"""Examples in README.md and docs/ run, commands parse, and docs/api.md lists what there is."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import fields
from pathlib import Path

import click
import pytest

import licodec
from licodec.cli.main import cli
from licodec.inspect import Info

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^[^`\n]*?\blicodec ((?:train|export) .+)$", TRAINING, re.MULTILINE)


def _python_blocks(path: Path) -> list[tuple[int, str]]:
    """Line number and code of each ```python block."""
    text = path.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


@pytest.mark.parametrize("name", ["README.md", "docs/api.md"])
def test_python_examples_run_one_after_the_other(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "examples" / "photos" / "chelsea.png", tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    blocks = _python_blocks(ROOT / name)
    assert blocks
    names: dict[str, object] = {"__name__": "example"}
    for line, code in blocks:
        padded = "\n" * line + code  # so that a traceback names the line of the document
        exec(compile(padded, str(ROOT / name), "exec"), names)


@pytest.mark.parametrize("name", licodec.__all__)
def test_public_name_stands_in_the_api_reference(name: str) -> None:
    assert re.search(rf"\b{name}\b", API)


@pytest.mark.parametrize("name", [*(field.name for field in fields(Info)), "bpp"])
def test_field_of_info_stands_in_its_table(name: str) -> None:
    assert re.search(rf"^\|[^|]*`{name}`", API, re.MULTILINE)


def test_error_tree_is_the_one_of_the_package() -> None:
    stated = re.findall(r"^[│├└─ ]*(\w+Error)\b", API, re.MULTILINE)
    assert set(stated) == {name for name in licodec.__all__ if name.endswith("Error")}


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_training_page_is_valid_usage(line: str) -> None:
    name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_training_page_names_every_quantizer_to_finetune_on() -> None:
    command = cli.get_command(click.Context(cli), "finetune")
    assert command is not None
    (quantizer,) = (option for option in command.params if option.name == "quantizer")
    assert isinstance(quantizer.type, click.Choice)
    for name in quantizer.type.choices:
        assert f"`{name}`" in TRAINING
