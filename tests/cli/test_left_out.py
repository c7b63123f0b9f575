"""What is no picture for licodec in a folder or a pattern is passed over, counted or refused."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo


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
    alone = licodec("compress", "--json", tmp_path / "in", "-o", tmp_path / "out")
    assert (alone.code, alone.out.count(b"\n")) == (1, 3)
    assert alone.err.startswith("files   3 not read: ")


@pytest.mark.parametrize("output", [(), ("-o", "out")])
def test_pictures_of_a_pattern_that_are_not_read_are_named(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "in/1.png")
    (tmp_path / "in/IMG_2.heic").write_bytes(b"x")
    outcome = licodec("compress", "in/**", "in/**/*", *output)
    assert outcome.code == 1
    assert "1 done, 1 not read: in/IMG_2.heic" in outcome.err
    (tmp_path / "in/1.png").unlink()
    alone = licodec("compress", "in/**", *output)
    assert (alone.code, alone.err) == (1, "files   1 not read: in/IMG_2.heic\n")


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


@pytest.mark.parametrize("way", ["shell", "pattern"])
def test_side_files_that_a_shell_names_are_left_out_with_a_note(
    licodec: Licodec, tmp_path: Path, way: str
) -> None:
    for name in ("a/1.png", "@eaDir/1.png", "__MACOSX/1.png", ".Trash-1000/files/1.png"):
        save_photo(tmp_path / "album" / name)
    (tmp_path / "album/._b.png").write_bytes(b"no picture")
    names = [tmp_path / "album/*"]
    if way == "shell":
        names = sorted((tmp_path / "album").iterdir())
    outcome = licodec("compress", *names, "-o", tmp_path / "out")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (0, ["1.lic"])
    assert "@eaDir: note: left out" in outcome.err
    meant = licodec("compress", tmp_path / "album/@eaDir", "-o", tmp_path / "other")
    assert (meant.code, os.listdir(tmp_path / "other")) == (0, ["1.lic"])


def test_pipe_or_device_that_a_shell_names_is_refused_among_several(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to("/dev/zero")
    names = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    outcome = licodec("compress", *names, "-o", tmp_path / "out")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (1, ["a.lic"])
    for name in ("b.png", "c.png"):
        assert f"{name}: is a pipe or a device" in outcome.err


@pytest.mark.parametrize("way", ["", "/*", "/**"])
def test_pipe_in_a_folder_is_passed_over(licodec: Licodec, tmp_path: Path, way: str) -> None:
    save_photo(tmp_path / "in/a.png")
    os.mkfifo(tmp_path / "in/b.png")
    outcome = licodec("compress", f"{tmp_path}/in{way}", "-o", f"{tmp_path}/out/")
    assert (outcome.code, os.listdir(tmp_path / "out")) == (0, ["a.lic"])


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("compress", ["-o", "out.lic"]),
        ("decompress", ["-o", "out.png"]),
        ("info", []),
        ("thumbnail", ["out.png"]),
    ],
)
def test_link_to_a_device_is_refused(
    licodec: Licodec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    output: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to(os.devnull)
    outcome = licodec(command, "link", *output)
    assert outcome.code == 1
    assert outcome.err == "licodec: link: is a device; name a file, or - for stdin\n"
