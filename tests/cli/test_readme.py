"""The README's commands parse and its Python runs."""

import re
import shlex
from pathlib import Path

import click
import pytest
from PIL import Image

from licodec.cli.main import cli

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = sorted(
    {
        match.strip()
        for language, text in BLOCKS
        if not language
        for match in re.findall(r"\blicodec (?:[^#|<>\n])+", text)
    }
)


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_readme_is_valid_usage(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kodak").mkdir()
    (tmp_path / "README.md").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    _, name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_readme_names_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    for name in cli.list_commands(click.Context(cli)):
        assert f"licodec {name}" in text


def test_python_of_the_readme_runs(
    fake_codec: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8, 6), (9, 99, 199)).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    (code,) = (text for language, text in BLOCKS if language == "python")
    names: dict[str, Image.Image] = {}
    exec(code, names)
    assert names["back"].tobytes() == names["image"].tobytes()
