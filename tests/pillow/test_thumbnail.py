"""`licodec thumbnail`: small upright PNG files, also as a desktop calls it."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from licodec.cli.main import run
from tests.pillow.conftest import PROFILE, lic_bytes, small_picture


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A picture of 300x150 pixels."""
    path = tmp_path / "a photo.lic"
    path.write_bytes(lic_bytes(small_picture(size=(300, 150)), quality=20))
    return path


def thumbnail(*arguments: object) -> int:
    return run(["thumbnail", *map(str, arguments)])


def test_longer_side_has_the_size_and_the_file_is_a_png(source: Path, tmp_path: Path) -> None:
    assert thumbnail(source, tmp_path / "small", "--size", 100) == 0
    with Image.open(tmp_path / "small") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (100, 50))


def test_small_picture_keeps_its_size(tmp_path: Path) -> None:
    (tmp_path / "a.lic").write_bytes(lic_bytes(small_picture("LA")))
    assert thumbnail(tmp_path / "a.lic", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size) == ("LA", (37, 21))


def test_orientation_of_the_file_is_applied(tmp_path: Path) -> None:
    from licodec.api import Codec
    from licodec.image.convert import picture_from
    from licodec.image.picture import Picture

    exif = Image.Exif()
    exif[0x0112] = 6  # a file of another encoder: this one would turn the pixels
    picture = Picture(
        pixels=picture_from(small_picture()).pixels, exif=exif.tobytes().removeprefix(b"Exif\0\0")
    )
    (tmp_path / "a.lic").write_bytes(Codec(device="cpu").encode_picture(picture))
    assert thumbnail(tmp_path / "a.lic", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (21, 37)
        assert image.getexif().get(0x0112, 1) == 1


def test_profile_that_is_not_installed_does_not_stop_a_thumbnail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("licodec.encoder.PROFILE_IDS", {"balanced": 7})
        (tmp_path / "a.lic").write_bytes(lic_bytes(small_picture()))
    assert thumbnail(tmp_path / "a.lic", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (37, 21)


def test_damaged_exif_does_not_stop_a_thumbnail_and_its_profile_is_kept(tmp_path: Path) -> None:
    data = lic_bytes(small_picture(), exif=b"Exif\0\0no tags", icc_profile=PROFILE)
    (tmp_path / "a.lic").write_bytes(data)
    assert thumbnail(tmp_path / "a.lic", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (37, 21)
        assert image.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("arguments", [("-", "a.png"), ("a.lic", "-")])
def test_pipes_are_wrong_usage(arguments: tuple[str, str]) -> None:
    assert thumbnail(*arguments) == 2


def test_existing_output_is_refused_unless_forced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "small.png"
    target.touch()
    assert thumbnail(source, target) == 1
    assert target.read_bytes() == b""
    assert "replace it with --force" in capsys.readouterr().err
    assert thumbnail(source, target, "--force") == 0
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("change", ["text", "cut", "damaged", "missing", "huge"])
def test_bad_file_is_one_line_and_leaves_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    data = source.read_bytes()
    bad = tmp_path / "bad.lic"
    huge = data[:12] + b"\x80\x80\x80\x08" * 2 + data[16:]  # 2^24 x 2^24 pixels
    contents = {
        "text": b"text", "cut": data[:-5], "damaged": data[:-5] + b"12345", "huge": huge
    }  # fmt: skip
    if change in contents:
        bad.write_bytes(contents[change])
    assert thumbnail(bad, tmp_path / "small.png") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"licodec: {bad}: ")
    assert not (tmp_path / "small.png").exists()


def test_thumbnailer_that_integrate_installs_makes_a_thumbnail(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert run(["integrate"]) == 0
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(tmp_path / "data" / "thumbnailers" / "licodec.thumbnailer")
    target = tmp_path / "made before the call"
    target.touch()
    values = {"%s": "128", "%i": str(source), "%o": str(target)}
    words = shlex.split(parser["Thumbnailer Entry"]["Exec"])
    subprocess.run([values.get(word, word) for word in words], check=True)
    with Image.open(target) as image:
        assert (image.format, image.size) == ("PNG", (128, 64))
