"""Folders and names as they come: what can be done is done, and what is left is named."""

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


def test_file_named_twice_is_done_once(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    assert licodec("compress", tmp_path / "a.png", tmp_path / "a.png").code == 0


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


def test_pictures_that_are_not_read_are_counted_and_named(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "in/1.png")
    for name in ("IMG_2.heic", "IMG_3.JXL", "IMG_4.NEF", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"x")
    outcome = licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    assert outcome.code == 1
    assert "1 done, 3 not read: " in outcome.err
    for name in ("IMG_2.heic", "IMG_3.JXL", "IMG_4.NEF"):
        assert name in outcome.err
    assert "notes.txt" not in outcome.err
    quiet = licodec("compress", "--quiet", "--force", tmp_path / "in", "-o", tmp_path / "out")
    assert quiet.err.startswith("licodec: 3 not read: ")
    printed = licodec("compress", "--json", "--force", tmp_path / "in", "-o", tmp_path / "out")
    lines = [json.loads(line) for line in printed.out.decode().splitlines()]
    assert [line["ok"] for line in lines] == [True, False, False, False]
    (tmp_path / "in/1.png").unlink()
    assert licodec("compress", tmp_path / "in", "-o", tmp_path / "out").code == 1


@pytest.mark.parametrize(
    "side", ["._a.png", "@eaDir/a.png", ".thumbnails/a.png", "__MACOSX/._a.png", "x/@eaDir/b.jpg"]
)
@pytest.mark.parametrize("way", ["folder", "pattern"])
def test_side_files_are_left_out(licodec: Licodec, tmp_path: Path, side: str, way: str) -> None:
    save_photo(tmp_path / "in/photo.png")
    (tmp_path / "in" / side).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "in" / side).write_bytes(b"no picture")
    source = tmp_path / "in" if way == "folder" else f"{tmp_path}/in/**"
    outcome = licodec("compress", source, "-o", tmp_path / "out")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (0, ["photo.lic"])


@pytest.mark.parametrize("way", ["", "/*", "/**"])
def test_pipe_in_a_folder_is_passed_over(licodec: Licodec, tmp_path: Path, way: str) -> None:
    save_photo(tmp_path / "in/a.png")
    os.mkfifo(tmp_path / "in/b.png")
    outcome = licodec("compress", f"{tmp_path}/in{way}", "-o", f"{tmp_path}/out/")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (0, ["a.lic"])


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
    outcome = licodec("compress", tmp_path / "a.png", "-o", tmp_path / "out.jpg")
    assert outcome.code == 2
    assert "compress writes .lic files" in outcome.err
    for command, names in (("compress", ("a.png", "out.lic")), ("decompress", ("a.lic", "b.png"))):
        outcome = licodec(command, *(tmp_path / name for name in names))
        assert outcome.code == 2
        assert "the output goes after -o" in outcome.err


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
    outcome = licodec("info", tmp_path / "a.lic", tmp_path / "a.png", tmp_path / "b.lic")
    assert outcome.code == 1
    assert outcome.out.decode().count("picture ") == 2
    assert outcome.err.count("\n") == 1
    lines = licodec("info", "--json", tmp_path / "a.lic", tmp_path / "b.lic").out.decode()
    assert [json.loads(line)["input"][-5:] for line in lines.splitlines()] == ["a.lic", "b.lic"]


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
