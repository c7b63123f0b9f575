"""Completion: what the scripts offer in real shells, and that it stays light."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from licodec.cli.desktop import completion_script
from licodec.profiles import list_profiles
from tests.cli.conftest import Licodec
from tests.cli.test_main import HEAVY

SHELLS = ("bash", "zsh", "fish")
PRESENT = [shell for shell in SHELLS if shutil.which(shell)]

# Each prints what a shell that has read the script offers for the words that are its arguments,
# the last of which is incomplete. zsh completes in an interactive line only, so its builtins are
# replaced by ones that print what they are given.
_DRIVERS = {
    "bash": """
        source "$1"; shift
        compopt() { :; }
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _licodec_completion licodec
        printf '%s\\n' "${COMPREPLY[@]}"
        """,
    "fish": """
        source $argv[1]
        complete -C (string join ' ' -- $argv[2..]) | string replace --regex '\\t.*' ''
        """,
    "zsh": """
        compdef() { : }
        compset() { : }
        compadd() { print -l -- ${(P)argv[-1]} }
        _describe() { print -l -- ${${(P)argv[3]}%%:*} }
        _files() { setopt localoptions extendedglob nullglob; print -l -- ${~2} *(-/) }
        _path_files() { print -l -- *(N) }
        source $1; shift
        words=("$@"); CURRENT=$#
        _licodec_completion
        """,
}


@pytest.fixture(params=PRESENT)
def offered(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., set[str]]:
    """What a shell offers in a folder with some files."""
    shell: str = request.param
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    for name in ("photo.lic", "a b,c.LIC", "photo.png", "notes.txt", ".hidden.lic"):
        (folder / name).touch()
    script = tmp_path / "script"
    script.write_text(completion_script(shell))
    command = tmp_path / "bin" / "licodec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m licodec "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    # No file of the user's or the system's is read.
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    names = [] if shell == "fish" else [shell]

    def call(*words: str) -> set[str]:
        done = subprocess.run(
            [shell, *options, "-c", _DRIVERS[shell], *names, script, "licodec", *words],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return {line.rstrip("/") for line in done.stdout.splitlines() if line}

    call.__name__ = shell
    return call


def test_some_shell_is_there_to_test_with() -> None:
    assert PRESENT


def test_commands_are_offered(offered: Callable[..., set[str]]) -> None:
    assert {"compress", "decompress", "info", "thumbnail"} <= offered("")
    assert offered("deco") == {"decompress"}


def test_options_are_offered(offered: Callable[..., set[str]]) -> None:
    assert {"--quality", "--profile", "--output"} <= offered("compress", "--")


def test_installed_profiles_are_offered(offered: Callable[..., set[str]]) -> None:
    installed = {profile.name for profile in list_profiles()}
    assert offered("compress", "-p", "") == installed
    assert offered("decompress", "--profile", "b") == {n for n in installed if n.startswith("b")}


@pytest.mark.parametrize("command", ["compress", "decompress", "info", "thumbnail", "compare"])
def test_files_are_left_to_the_shell(command: str) -> None:
    environment = os.environ | {
        "_LICODEC_COMPLETE": "bash_complete",
        "COMP_WORDS": f"licodec {command} pho",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-m", "licodec"], env=environment, capture_output=True, check=True
    )
    assert done.stdout == b"file,pho\n"


def test_formats_are_offered(offered: Callable[..., set[str]]) -> None:
    assert offered("decompress", "--format", "ti") == {"tiff"}


@pytest.mark.parametrize("words", ["licodec ", "licodec compress -p ", "licodec info "])
def test_completing_imports_nothing_heavy(words: str) -> None:
    code = (
        "import atexit, sys; "
        "atexit.register(lambda: print('LOADED', *{n.split('.')[0] for n in sys.modules})); "
        "from licodec.cli.main import main; main([])"
    )
    environment = os.environ | {
        "_LICODEC_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(done.stdout.rsplit("LOADED", 1)[1].split())


@pytest.mark.parametrize("shell", SHELLS)
def test_command_prints_the_script(licodec: Licodec, shell: str) -> None:
    outcome = licodec("completion", shell)
    assert (outcome.code, outcome.out.decode()) == (0, completion_script(shell))


def test_unknown_shell_is_wrong_usage(licodec: Licodec) -> None:
    assert licodec("completion", "tcsh").code == 2
