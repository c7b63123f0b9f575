"""`licodec integrate`: which files it writes, what it leaves alone, what it takes away."""

from __future__ import annotations

import configparser
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from licodec.cli.desktop import completion_script
from tests.cli.conftest import Licodec

needs_programs = pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
PLACES = {
    "mime/packages/licodec.xml",
    "thumbnailers/licodec.thumbnailer",
    "bash-completion/completions/licodec",
    "zsh/site-functions/_licodec",
    "fish/vendor_completions.d/licodec.fish",
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder; it is not there yet."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def written(data: Path) -> set[str]:
    """Files below the data folder, without what update-mime-database makes of them."""
    found = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("mime/") or "/packages/" in name}


def thumbnailer_command(data: Path) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(data / "thumbnailers" / "licodec.thumbnailer")
    entry = parser["Thumbnailer Entry"]
    assert entry["MimeType"] == "image/x-licodec;"
    assert Path(entry["TryExec"]).is_file()
    return shlex.split(entry["Exec"])


def test_files_are_written_and_named(licodec: Licodec, data: Path) -> None:
    outcome = licodec("integrate")
    assert outcome.code == 0
    assert written(data) == PLACES
    printed = [line for line in outcome.out.decode().splitlines() if line.startswith("wrote ")]
    assert sorted(printed) == sorted(f"wrote {data / place}" for place in PLACES)
    assert f"fpath+={data / 'zsh' / 'site-functions'}" in outcome.err


def test_mime_type_has_magic_and_extension(licodec: Licodec, data: Path) -> None:
    licodec("integrate")
    root = ET.parse(data / "mime" / "packages" / "licodec.xml").getroot()
    name = "{http://www.freedesktop.org/standards/shared-mime-info}"
    (kind,) = root.iter(f"{name}mime-type")
    (glob,) = root.iter(f"{name}glob")
    (match,) = root.iter(f"{name}match")
    assert kind.get("type") == "image/x-licodec"
    assert glob.get("pattern") == "*.lic"
    assert (match.get("type"), match.get("offset")) == ("string", "0")
    value = match.get("value", "").encode().decode("unicode_escape").encode("latin-1")
    assert value == b"\x8cLIC"


@pytest.fixture
def mime_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the system's program: notes what it is called with, and can be made to fail."""
    program = tmp_path / "bin" / "update-mime-database"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "here, mime = pathlib.Path(__file__), pathlib.Path(sys.argv[1])\n"
        "packages = sorted(path.name for path in (mime / 'packages').glob('*'))\n"
        "with (here.parent / 'calls').open('a') as stream:\n"
        "    print(mime, *packages, file=stream)\n"
        "sys.exit('no such\\ndatabase' if (here.parent / 'fails').exists() else 0)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


@needs_programs
def test_mime_database_is_told_of_the_type_and_of_its_end(
    licodec: Licodec, data: Path, mime_database: Path
) -> None:
    mime = data / "mime"
    assert f"ran update-mime-database {mime}\n" in licodec("integrate").out.decode()
    licodec("integrate", "--remove")
    calls = (mime_database.parent / "calls").read_text().splitlines()
    assert calls == [f"{mime} licodec.xml", f"{mime}"]


@needs_programs
def test_mime_database_that_fails_is_one_line(
    licodec: Licodec, data: Path, mime_database: Path
) -> None:
    (mime_database.parent / "fails").touch()
    outcome = licodec("integrate")
    assert outcome.code == 1
    assert f"licodec: update-mime-database {data / 'mime'}: no such database\n" in outcome.err


def test_missing_mime_database_is_no_error(
    licodec: Licodec, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = licodec("integrate")
    assert outcome.code == 0
    assert written(data) == PLACES


def test_completion_files_are_the_scripts_with_a_mark(licodec: Licodec, data: Path) -> None:
    licodec("integrate")
    for shell, place in (
        ("bash", "bash-completion/completions/licodec"),
        ("zsh", "zsh/site-functions/_licodec"),
        ("fish", "fish/vendor_completions.d/licodec.fish"),
    ):
        lines = (data / place).read_text().splitlines(keepends=True)
        mark = [line for line in lines if "licodec integrate" in line]
        assert "".join(line for line in lines if line not in mark) == completion_script(shell)
        if shell == "zsh":
            assert lines[0] == "#compdef licodec\n"


def test_dry_run_names_everything_and_writes_nothing(licodec: Licodec, data: Path) -> None:
    outcome = licodec("integrate", "--dry-run")
    assert outcome.out.decode().count("would write") == len(PLACES)
    assert not data.exists()
    licodec("integrate")
    outcome = licodec("integrate", "--remove", "--dry-run")
    assert outcome.out.decode().count("would remove") == len(PLACES)
    assert written(data) == PLACES


def test_second_call_renews_the_files(licodec: Licodec, data: Path) -> None:
    licodec("integrate")
    place = data / "thumbnailers" / "licodec.thumbnailer"
    fresh = place.read_text()
    place.write_text(fresh + "old")
    assert licodec("integrate").code == 0
    assert place.read_text() == fresh


@pytest.mark.parametrize("content", [b"someone else's", b"\xff\xfe"])
def test_foreign_file_stops_the_command_before_it_writes(
    licodec: Licodec, data: Path, content: bytes
) -> None:
    place = data / "fish" / "vendor_completions.d" / "licodec.fish"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    outcome = licodec("integrate")
    assert outcome.code == 1
    assert outcome.err == (
        f"licodec: {place} was not written by licodec; move it away and try again\n"
    )
    assert written(data) == {"fish/vendor_completions.d/licodec.fish"}
    assert place.read_bytes() == content


def test_remove_takes_its_own_files_only(licodec: Licodec, data: Path) -> None:
    licodec("integrate")
    place = data / "bash-completion" / "completions" / "licodec"
    place.write_text("someone else's")
    outcome = licodec("integrate", "--remove")
    assert outcome.code == 0
    assert outcome.out.decode().count("removed") == len(PLACES) - 1
    assert f"{place}: left alone" in outcome.err
    assert written(data) == {"bash-completion/completions/licodec"}


def test_remove_without_files_does_nothing(licodec: Licodec, data: Path) -> None:
    outcome = licodec("integrate", "--remove")
    assert (outcome.code, outcome.out, outcome.err) == (0, b"", "")
    assert not data.exists()


@pytest.mark.parametrize("named", ["", "relative"])
def test_default_folder_is_used_where_the_variable_names_none(
    licodec: Licodec, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", named)
    licodec("integrate")
    assert written(tmp_path / "home" / ".local" / "share") == PLACES


def test_system_means_the_systems_folder(
    licodec: Licodec, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("licodec.cli.desktop.SYSTEM_DATA", tmp_path / "system")
    assert licodec("integrate", "--system").code == 0
    assert written(tmp_path / "system") == PLACES
    assert not data.exists()


def test_both_places_at_once_are_wrong_usage(licodec: Licodec, data: Path) -> None:
    assert licodec("integrate", "--user", "--system").code == 2


def test_folder_that_cannot_be_written_is_one_line(licodec: Licodec, data: Path) -> None:
    data.write_text("a file in the way")
    outcome = licodec("integrate")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "cannot be created" in outcome.err


def test_path_of_the_program_is_quoted(
    licodec: Licodec, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "100 % mine" / "licodec"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    licodec("integrate")
    first = thumbnailer_command(data)[0]
    assert first.replace("%%", "%") == str(program)
