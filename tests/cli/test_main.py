"""The entry point: help without heavy imports, exit codes, no tracebacks."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from licodec import __version__
from licodec.cli.main import cli, run
from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo

HEAVY = {"torch", "numpy", "PIL", "rich", "safetensors", "constriction"}


def heavy_modules_after(*arguments: str) -> set[str]:
    """Heavy packages that a fresh interpreter has loaded after `licodec ARGUMENTS`."""
    code = (
        "import sys; from licodec.cli.main import run; run(sys.argv[1:]); "
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return HEAVY & set(done.stdout.rsplit("LOADED", 1)[1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["--version"], ["compress", "--help"], ["decompress", "--help"],
        ["info", "--help"], ["profiles"], ["train", "--help"], ["export", "--help"],
        ["bench", "--help"], ["compare", "--help"], ["thumbnail", "--help"],
        ["integrate", "--dry-run"], ["completion", "zsh"], ["nonsense"],
        ["compress", "-q", "400", "a.png"],
    ],
)  # fmt: skip
def test_help_and_wrong_usage_import_nothing_heavy(arguments: list[str]) -> None:
    assert heavy_modules_after(*arguments) == set()


def test_info_imports_nothing_heavy(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    licodec("compress", tmp_path / "a.png")
    assert heavy_modules_after("info", str(tmp_path / "a.lic")) == set()
    assert heavy_modules_after("info", "--json", str(tmp_path / "a.lic")) == set()


def test_refused_picture_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert "torch" not in heavy_modules_after("compress", str(tmp_path / "a.png"))


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, licodec; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_every_listed_command_exists_and_its_help_fits_80_columns(
    licodec: Licodec, name: str
) -> None:
    outcome = licodec(name, "--help")
    lines = outcome.out.decode().splitlines()
    assert outcome.code == 0
    assert lines[0].startswith(f"Usage: licodec {name}")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_every_command_takes_debug(licodec: Licodec, name: str) -> None:
    assert "  --debug " in licodec(name, "--help").out.decode()


def test_group_help_fits_80_columns_and_lists_all_commands(licodec: Licodec) -> None:
    text = licodec("--help").out.decode()
    assert max(map(len, text.splitlines())) <= 80
    for name in cli.list_commands(click.Context(cli)):
        assert f"\n  {name} " in text


def test_version_is_the_packages(licodec: Licodec) -> None:
    assert licodec("--version").out.decode() == f"licodec, version {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"]])
def test_wrong_usage_is_exit_code_2(licodec: Licodec, arguments: list[str]) -> None:
    assert licodec(*arguments).code == 2


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_interrupt_is_exit_code_130(licodec: Licodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licodec.profiles.list_profiles", raising(KeyboardInterrupt()))
    outcome = licodec("profiles")
    assert outcome.code == 130
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("error", [ZeroDivisionError("a\nb"), MemoryError(), OSError(28, "full")])
def test_defect_is_one_line_without_traceback(
    licodec: Licodec, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("licodec.profiles.list_profiles", raising(error))
    outcome = licodec("profiles")
    assert outcome.code == 1
    assert outcome.err.startswith("licodec: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--debug", "profiles"], ["profiles", "--debug"]])
def test_debug_lets_the_traceback_through(
    licodec: Licodec, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr("licodec.profiles.list_profiles", raising(ZeroDivisionError("oh")))
    with pytest.raises(ZeroDivisionError):
        licodec(*arguments)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_stdout_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "licodec", "--version"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "licodec: output: No space left on device\n"


def test_closed_streams_do_not_stop_a_run(
    fake_codec: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "b.png")
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert run(["compress", "--json", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.lic", "b.lic"]
    assert run(["info", str(tmp_path / "out" / "a.lic")]) == 0
    assert run(["nonsense"]) == 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("stdin", ["compress", "-", "-o", "a.lic"]),
        ("stdin", ["info", "-"]),
        ("stdout", ["compress", "a.png", "-o", "-"]),
    ],
)
def test_pipe_of_a_closed_stream_is_wrong_usage(
    fake_codec: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert run(arguments) == 2
    assert f"{name} is closed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("comprss", "compress"),
        ("Decode", "decode"),
        ("photo.png", "licodec compress photo.png"),
        ("photo.lic", "licodec decompress photo.lic"),
        ("holiday", "licodec compress holiday"),
    ],
)
def test_word_that_is_no_command_says_what_may_have_been_meant(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, meant: str
) -> None:
    for name in ("photo.png", "photo.lic"):
        (tmp_path / name).touch()
    (tmp_path / "holiday").mkdir()
    monkeypatch.chdir(tmp_path)
    outcome = licodec(word)
    assert outcome.code == 2
    assert outcome.err.endswith(f"Error: No such command {word!r}. Did you mean: {meant}?\n")


def test_word_that_is_like_nothing_is_wrong_usage(licodec: Licodec) -> None:
    outcome = licodec("xyzzy")
    assert outcome.code == 2
    assert outcome.err.endswith("Error: No such command 'xyzzy'.\n")


@pytest.mark.parametrize(("policy", "expected"), [(None, "passive"), ("active", "active")])
def test_threads_of_torch_wait_without_spinning_unless_told_otherwise(
    policy: str | None, expected: str
) -> None:
    code = (
        "import os, sys\n"
        "from licodec.__main__ import main\n"
        "sys.argv = ['licodec', '--version']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if policy is not None:
        environment["OMP_WAIT_POLICY"] = policy
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split()[-1] == expected
