"""Examples in docs/pillow.md run, commands parse, and its tables list what there is."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from licodec.cli.desktop import places
from licodec.cli.main import cli
from tests.docs.test_examples import ROOT, _python_blocks

PAGE = (ROOT / "docs" / "pillow.md").read_text(encoding="utf-8")
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"\blicodec ([^\n|)]+)", SHELL)


def test_python_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "examples" / "photos" / "chelsea.png", tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for line, code in _python_blocks(ROOT / "docs" / "pillow.md"):
        padded = "\n" * line + code  # so that a traceback names the line of the document
        exec(compile(padded, "docs/pillow.md", "exec"), names)


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_command_is_valid_usage(line: str) -> None:
    name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_every_installed_file_stands_in_the_table() -> None:
    assert set(re.findall(r"^\| `([a-z-]+/[^`]+)` \|", PAGE, re.MULTILINE)) == set(places())
