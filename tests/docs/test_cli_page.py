"""docs/cli.md is what the commands' help says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_page_is_the_commands_help() -> None:
    # A process of its own: click keeps a command's help option as its first caller asked for it.
    done = subprocess.run([sys.executable, str(DOCS / "make_cli.py"), "--check"])
    assert done.returncode == 0, "docs/cli.md is out of date; remake it with: make docs"
