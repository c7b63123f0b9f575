"""Folders and names as they come: what can be done is done, and what is left is named."""

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Licodec
from tests.cli.pictures import read_photo, save_photo

README = Path(__file__).parents[2] / "README.md"


def test_first_lines_of_the_readme_work_as_written(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = README.read_text(encoding="utf-8")
    lines = text.split("```")[1].strip().splitlines()
    assert len(lines) == 3
    monkeypatch.chdir(tmp_path)
    pixels = save_photo(tmp_path / "photo.png")
    before = (tmp_path / "photo.png").read_bytes()
    for line in lines:
        command, _, made = line.partition("#")
        outcome = licodec(*shlex.split(command)[1:])
        assert outcome.code == 0
        made = made.strip()
        assert "." not in made or (tmp_path / made).exists()
    assert (tmp_path / "photo.png").read_bytes() == before
    np.testing.assert_array_equal(read_photo(tmp_path / "photo.lic.png"), pixels)


def test_commands_of_the_readme_work_one_after_the_other(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = README.read_text(encoding="utf-8").partition("## Commands")[2].split("```")
    lines = [line for block in blocks[1:4:2] for line in block.strip().splitlines()]
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "a.jpg", "b.jpg", "holiday/day1/c.jpg"):
        save_photo(tmp_path / name)
    licodec("compress", "photo.png")
    licodec("decompress", "photo.lic")
    for line in lines:
        if not set("<>|") & set(line):
            assert licodec(*shlex.split(line)[1:]).code == 0, line
    assert (tmp_path / "back/day1/c.png").exists()
    assert (tmp_path / "photo.webp").exists()


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_decompress_without_an_output_never_meets_the_original(
    licodec: Licodec, tmp_path: Path, force: tuple[str, ...]
) -> None:
    for suffix in (".png", ".jpg", ".webp"):
        save_photo(tmp_path / f"a{suffix}")
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    licodec("compress", tmp_path / "a.png")
    for name in ("png", "jpeg", "webp"):
        assert licodec("decompress", *force, "--format", name, tmp_path / "a.lic").code == 0
    for path, data in before.items():
        assert path.read_bytes() == data
    assert licodec("decompress", tmp_path / "a.lic").code == 1  # a.lic.png exists


def test_equal_names_of_two_folders_clash_for_their_own_files_only(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x/a.png", "y/a.png", "y/b.png"):
        save_photo(tmp_path / name)
    outcome = licodec("compress", "x", "y", "-o", "out")
    assert outcome.code == 1
    assert os.listdir("out") == ["b.lic"]
    assert "--keep-folders" in outcome.err
    assert licodec("compress", "--keep-folders", "x", "y", "-o", "all").code == 0
    assert sorted(os.listdir("all")) == ["x", "y"]
    assert sorted(os.listdir("all/y")) == ["a.lic", "b.lic"]
    files = [tmp_path / "x/a.png", "y/a.png"]
    assert licodec("compress", "--keep-folders", *files, "-o", "named").code == 0
    assert (tmp_path / "named/y/a.lic").exists()
    assert (tmp_path / "named" / Path(*tmp_path.parts[1:]) / "x/a.lic").exists()


def test_file_named_twice_is_done_once(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "in/a.png")
    assert licodec("compress", "in/a.png", "in/a.png", "in/../in/a.png").code == 0
    outcome = licodec("compress", "in", tmp_path / "in", "./in", "-o", "out")
    assert (outcome.code, outcome.err.count("\n")) == (0, 1)


def test_advice_on_a_clash_names_the_option_that_helps(licodec: Licodec, tmp_path: Path) -> None:
    for name in ("x/a.png", "y/a.png", "z/b.png", "z/b.bmp"):
        save_photo(tmp_path / name)
    folders = [tmp_path / name for name in "xyz"]
    printed = licodec("compress", *folders, "-o", tmp_path / "out").err
    for line in printed.splitlines():
        assert ("--keep-folders" in line) == ("a.png" in line)
        assert ("--keep-extension" in line) == ("b.bmp" in line)


def test_picture_is_done_beside_files_of_its_name_that_are_none(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "in/IMG_1.png")
    for name in ("IMG_1.mov", "IMG_1.aae", "IMG_1.heic"):
        (tmp_path / "in" / name).write_bytes(b"x")
    outcome = licodec("compress", *sorted((tmp_path / "in").iterdir()), "-o", tmp_path / "out")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (1, ["IMG_1.lic"])
    assert "1 done, 3 failed" in outcome.err


def test_names_that_macos_takes_for_one_clash_there(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "A.bmp", "\u00e9.png", "e\u0301.bmp"):
        save_photo(tmp_path / "in" / name)
    if len(os.listdir(tmp_path / "in")) < 4:
        pytest.skip("the file system takes them for one")
    assert licodec("compress", tmp_path / "in", "-o", tmp_path / "out").code == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    outcome = licodec("compress", "--force", tmp_path / "in", "-o", tmp_path / "out")
    assert (outcome.code, "files   4 failed" in outcome.err) == (1, True)


@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_folder_that_cannot_be_listed_is_reported_and_the_others_are_done(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    save_photo(tmp_path / "in/a.png")
    licodec("compress", tmp_path / "in/a.png")
    (tmp_path / "in/closed").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = licodec(command, tmp_path / "in", "-o", tmp_path / "out")
    assert (outcome.code, len(os.listdir(tmp_path / "out"))) == (1, 1)
    assert "closed: cannot be listed: Permission denied" in outcome.err


def test_link_that_leads_nowhere_is_reported(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "in/a.png")
    (tmp_path / "in/b.png").symlink_to("missing.png")
    (tmp_path / "in/c.png").symlink_to("c.png")
    outcome = licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (1, ["a.lic"])
    assert "b.png: cannot be read: No such file" in outcome.err
    assert "1 done, 2 failed" in outcome.err


def test_picture_never_meets_the_original_in_a_folder_that_is_named(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    licodec("compress", "a.png")
    for output in (".", str(tmp_path), "./"):
        assert licodec("decompress", "--force", "a.lic", "-o", output).code == 0
    assert licodec("decompress", "--force", ".", "-o", ".").code == 0
    assert sorted(os.listdir()) == ["a.lic", "a.lic.png", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == before


def test_folder_without_pictures_among_several_is_told(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "album/a/1.png")
    (tmp_path / "album/empty").mkdir()
    outcome = licodec("compress", *sorted((tmp_path / "album").iterdir()), "-o", tmp_path / "out")
    assert outcome.code == 0
    assert "empty: note: nothing to do in this folder" in outcome.err
    assert os.listdir(tmp_path / "out") == ["1.lic"]
    alone = licodec("compress", tmp_path / "album/empty", "-o", tmp_path / "other")
    assert alone.code == 1
    assert "no pictures in this folder" in alone.err


@pytest.mark.parametrize("name", ["e\x1b[31mred.png", "new\nline.png", "\u202egnp.exe.png"])
def test_names_are_shown_on_one_line_without_what_terminals_obey(
    licodec: Licodec, tmp_path: Path, name: str
) -> None:
    save_photo(tmp_path / name)
    outcome = licodec("compress", tmp_path / name)
    assert outcome.code == 0
    again = licodec("compress", tmp_path / name)
    assert again.code == 1
    wrong = licodec("compress", tmp_path, "-o", tmp_path / name)
    for text in (outcome.err, again.err, wrong.err):
        assert not set("\x1b\u202e") & set(text)
    assert outcome.err.count("\n") == again.err.count("\n") == 1


def test_outputs_that_were_meant_otherwise_are_refused(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    for name in ("out.jpg", "out.GIF", "out.heic", "out.jxl"):
        outcome = licodec("compress", tmp_path / "a.png", "-o", tmp_path / name)
        assert outcome.code == 2
        assert "compress writes .lic files" in outcome.err
    positional = (
        ("compress", "a.png", "out.lic"),
        ("compress", "a.png", "folder/"),
        ("decompress", "a.lic", "b.png"),
    )
    for command, *names in positional:
        outcome = licodec(command, *(f"{tmp_path}/{name}" for name in names))
        assert outcome.code == 2
        assert "the output goes after -o" in outcome.err


@pytest.mark.parametrize("name", ["b.png", "b.lic", "b.WEBP"])
def test_extension_of_another_format_than_the_one_asked_for_is_refused(
    licodec: Licodec, tmp_path: Path, name: str
) -> None:
    save_photo(tmp_path / "a.png")
    licodec("compress", tmp_path / "a.png")
    outcome = licodec("decompress", tmp_path / "a.lic", "--format", "jpeg", "-o", tmp_path / name)
    assert (outcome.code, (tmp_path / name).exists()) == (2, False)
    assert "is not one of JPEG files" in outcome.err
    good = licodec("decompress", tmp_path / "a.lic", "--format", "jpeg", "-o", tmp_path / "b.JPE")
    assert good.code == 0


@pytest.mark.parametrize("quality", ["0", "0.5", "101", "nan", "-1"])
def test_quality_out_of_range_names_the_range(licodec: Licodec, quality: str) -> None:
    outcome = licodec("compress", "-q", quality, "a.png")
    assert (outcome.code, "expected 1 to 100" in outcome.err) == (2, True)


def test_file_of_the_other_direction_is_named(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    licodec("compress", tmp_path / "a.png")
    outcome = licodec("compress", tmp_path / "a.lic")
    assert outcome.code == 1
    assert "is a .lic file already" in outcome.err
    for command in ("decompress", "info"):
        outcome = licodec(command, tmp_path / "a.png")
        assert outcome.code == 1
        assert "is a PNG file, no .lic file; licodec compress" in outcome.err


def test_lic_file_beside_a_picture_of_its_name_is_refused_alone(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.png")
    licodec("compress", tmp_path / "a.png")
    outcome = licodec("compress", "--force", tmp_path / "a.lic", tmp_path / "a.png")
    assert (outcome.code, "1 done, 1 failed" in outcome.err) == (1, True)
    assert "a.lic: is a .lic file already" in outcome.err
    assert sorted(os.listdir(tmp_path)) == ["a.lic", "a.png"]


def test_info_takes_several_files(licodec: Licodec, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / f"{name}.png")
        licodec("compress", tmp_path / f"{name}.png")
    names = [tmp_path / name for name in ("a.png", "a.lic", "missing.lic", "b.lic")]
    outcome = licodec("info", *names)
    assert outcome.code == 1
    assert [text.split()[:2] for text in outcome.out.decode().split("\n\n")] == [
        ["file", str(tmp_path / "a.lic")],
        ["file", str(tmp_path / "b.lic")],
    ]
    assert outcome.err.count("\n") == 2
    outcome = licodec("info", "--json", *names)
    lines = [json.loads(line) for line in outcome.out.decode().splitlines()]
    assert [line["ok"] for line in lines] == [False, True, False, True]
    assert len({tuple(line) for line in lines}) == 1
    assert lines[0]["error"].startswith("is a PNG file")
    assert lines[1]["error"] is None


@pytest.mark.parametrize("command", ["info", "decompress"])
def test_what_comes_by_a_pipe_is_named_as_files_are(licodec: Licodec, command: str) -> None:
    assert "is empty" in licodec(command, "-", stdin=b"").err
    assert "is a PNG file" in licodec(command, "-", stdin=b"\x89PNG\r\n\x1a\n").err


def test_empty_file_is_told_as_such(licodec: Licodec, tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert licodec("compress", tmp_path / "a.png").err.endswith("a.png: is empty; get it again\n")


def test_side_too_long_for_a_format_is_told_in_one_line(tmp_path: Path) -> None:
    code = (
        "import numpy as np\n"
        "from licodec.image.files import render_picture\n"
        "from licodec.image.formats import WRITE_FORMATS\n"
        "from licodec.image.picture import Picture\n"
        "wide = Picture(pixels=np.zeros((1, 65501), np.uint8))\n"
        "try: render_picture(wide, WRITE_FORMATS['jpeg'])\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "import os, sys; sys.stdout.flush(); os._exit(0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert ended.stdout.startswith("ImageError has 65501x1 pixels, JPEG files no side above 65,500")
