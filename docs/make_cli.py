"""Writes docs/cli.md from the commands' help: `make docs`."""

import sys
from pathlib import Path

import click

from licodec.cli.main import cli

TARGET = Path(__file__).parent / "cli.md"

_INTRODUCTION = """\
# Command line

What `--help` prints, for each command; made by `make docs`. [pillow.md](pillow.md) tells more of
`thumbnail`, `integrate` and `completion`, [training.md](training.md) of `train` and `export`.
"""


def render() -> str:
    """The whole page."""
    settings = cli.context_settings
    with click.Context(cli, info_name="licodec", terminal_width=80, **settings) as group:
        parts = [_INTRODUCTION, _section("licodec", cli.get_help(group))]
        for name in cli.list_commands(group):
            command = cli.get_command(group, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=group) as context:
                parts.append(_section(f"licodec {name}", command.get_help(context)))
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.strip()}\n```\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(TARGET.read_text(encoding="utf-8") != render())
    TARGET.write_text(render(), encoding="utf-8")
