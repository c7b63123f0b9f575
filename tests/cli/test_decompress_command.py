"""`licodec decompress`: names, formats, profiles, refusals and messages."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from licodec.container import Container, read_front
from licodec.profiles import ProfileInfo
from tests.cli.conftest import Licodec
from tests.cli.pictures import read_photo, save_photo


def compressed(licodec: Licodec, path: Path, *options: str, **picture: object) -> np.ndarray:
    """A .lic file at `path`, and nothing beside it; returns the pixels."""
    source = path.with_suffix(".source.png")
    pixels = save_photo(source, **picture)  # type: ignore[arg-type]
    assert licodec("compress", *options, source, "-o", path).code == 0
    source.unlink()
    return pixels


def test_picture_comes_back_beside_the_file_as_png(licodec: Licodec, tmp_path: Path) -> None:
    pixels = compressed(licodec, tmp_path / "a.lic")
    outcome = licodec("decompress", tmp_path / "a.lic")
    assert outcome.code == 0
    assert outcome.err.startswith(f"{tmp_path / 'a.lic'} -> {tmp_path / 'a.lic.png'}  11x7  ")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.lic.png"), pixels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_mode_comes_back(licodec: Licodec, tmp_path: Path, mode: str) -> None:
    pixels = compressed(licodec, tmp_path / "a.lic", mode=mode)
    licodec("decode", tmp_path / "a.lic")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.lic.png"), pixels)


def test_orientation_is_applied_once(licodec: Licodec, tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 8
    pixels = compressed(licodec, tmp_path / "a.lic", exif=tags)
    licodec("decompress", tmp_path / "a.lic")
    with Image.open(tmp_path / "a.lic.png") as image:
        assert image.getexif()[0x0112] == 1
        np.testing.assert_array_equal(np.asarray(image), np.rot90(pixels))


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["-o", "b.webp"], "b.webp", "WEBP"),
        (["--format", "tiff"], "a.lic.tif", "TIFF"),
        (["--format", "jpeg", "-o", "b.dat"], "b.dat", "JPEG"),
    ],
)
def test_format_comes_from_extension_or_option(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], name: str, expected: str,
) -> None:  # fmt: skip
    compressed(licodec, tmp_path / "a.lic")
    monkeypatch.chdir(tmp_path)
    assert licodec("decompress", "a.lic", *arguments).code == 0
    with Image.open(name) as image:
        assert image.format == expected


@pytest.mark.parametrize(
    ("arguments", "expected"), [([], b"\x89PNG"), (["--format", "bmp"], b"BM")]
)
def test_pipe_in_and_out(
    licodec: Licodec, tmp_path: Path, arguments: list[str], expected: bytes
) -> None:
    compressed(licodec, tmp_path / "a.lic")
    outcome = licodec("decompress", "-", *arguments, stdin=(tmp_path / "a.lic").read_bytes())
    assert outcome.code == 0
    assert outcome.out.startswith(expected)


def test_own_profile_of_each_file_is_used_and_loaded_once(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    for name, profile in (("a", "fast"), ("b", "best"), ("c", "fast")):
        compressed(licodec, tmp_path / f"{name}.lic", "-p", profile)
    codecs_made.clear()
    assert licodec("decompress", *(tmp_path / f"{n}.lic" for n in "abc")).code == 0
    assert sorted(codecs_made) == ["best", "fast"]  # by threads: in either order


def test_another_profile_can_be_chosen(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    compressed(licodec, tmp_path / "a.lic")
    codecs_made.clear()
    assert licodec("decompress", "-p", "best", tmp_path / "a.lic").code == 0
    assert codecs_made == ["best"]


def test_missing_profile_names_one_that_decodes(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compressed(licodec, tmp_path / "a.lic", "-p", "best")
    profile = ProfileInfo(
        name="fast", family="psnr4", family_path=tmp_path, synthesis_path=tmp_path,
        family_fingerprint=b"", synthesis_fingerprint=b"", file_bytes=0, kmac_per_px=(0.0, 0.0),
        rd=(),
    )  # fmt: skip
    monkeypatch.setattr("licodec.inspect.list_profiles", lambda *_: (profile,))
    outcome = licodec("decompress", tmp_path / "a.lic")
    assert outcome.code == 1
    assert "profile best, which is not installed" in outcome.err
    assert "for instance fast (option -p" in outcome.err


def test_folder_is_decompressed_into_another(licodec: Licodec, tmp_path: Path) -> None:
    compressed(licodec, tmp_path / "in" / "deep" / "a.lic")
    assert licodec("decompress", tmp_path / "in", "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "deep" / "a.png").exists()


def test_transparency_into_jpeg_is_refused_without_a_file(licodec: Licodec, tmp_path: Path) -> None:
    compressed(licodec, tmp_path / "a.lic", mode="RGBA")
    outcome = licodec("decompress", tmp_path / "a.lic", "-o", tmp_path / "a.jpg")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "choose PNG" in outcome.err
    assert os.listdir(tmp_path) == ["a.lic"]


@pytest.mark.parametrize("arguments", [["-o", "a.docx"], ["--format", "docx"], ["-o", "a"]])
def test_unknown_format_is_wrong_usage(licodec: Licodec, arguments: list[str]) -> None:
    outcome = licodec("decompress", "a.lic", *arguments)
    assert outcome.code == 2
    assert "choose png" in outcome.err


@pytest.mark.parametrize("content", [b"", b"GIF89a" * 9, b"\x8cLIC", b"\x8cLIC\xf0" + bytes(40)])
def test_bad_file_gives_one_line_and_no_picture(
    licodec: Licodec, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.lic").write_bytes(content)
    outcome = licodec("decompress", tmp_path / "a.lic")
    assert outcome.code == 1
    assert outcome.err.startswith(f"licodec: {tmp_path / 'a.lic'}: ")
    assert outcome.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.lic"]


def test_every_proper_prefix_gives_one_line(licodec: Licodec, tmp_path: Path) -> None:
    compressed(licodec, tmp_path / "whole.lic")
    data = (tmp_path / "whole.lic").read_bytes()
    for length in range(len(data)):
        (tmp_path / "a.lic").write_bytes(data[:length])
        outcome = licodec("decompress", tmp_path / "a.lic")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert not (tmp_path / "a.lic.png").exists()


def test_pixel_limit_is_checked_before_the_codec_is_loaded(
    licodec: Licodec, tmp_path: Path, codecs_made: list[str]
) -> None:
    compressed(licodec, tmp_path / "a.lic")
    codecs_made.clear()
    outcome = licodec("decompress", "--max-pixels", "76", tmp_path / "a.lic")
    assert outcome.code == 1
    assert "--max-pixels" in outcome.err
    assert codecs_made == []


def test_existing_picture_is_refused(licodec: Licodec, tmp_path: Path) -> None:
    compressed(licodec, tmp_path / "a.lic")
    (tmp_path / "a.lic.png").write_bytes(b"precious")
    assert licodec("decompress", tmp_path / "a.lic").code == 1
    assert (tmp_path / "a.lic.png").read_bytes() == b"precious"
    assert licodec("decompress", "--force", tmp_path / "a.lic").code == 0


def test_region_is_what_the_option_names(licodec: Licodec, tmp_path: Path) -> None:
    pixels = compressed(licodec, tmp_path / "a.lic")
    outcome = licodec("decompress", tmp_path / "a.lic", "--region", "2,1,5,4")
    assert outcome.code == 0
    assert "  5x4  " in outcome.err
    np.testing.assert_array_equal(read_photo(tmp_path / "a.lic.png"), pixels[1:5, 2:7])


def test_preview_has_the_size_that_the_option_names(licodec: Licodec, tmp_path: Path) -> None:
    compressed(licodec, tmp_path / "a.lic")
    assert licodec("decompress", tmp_path / "a.lic", "--max-size", "6").code == 0
    assert max(read_photo(tmp_path / "a.lic.png").shape[:2]) == 6


@pytest.mark.parametrize(
    "options",
    [
        ("--region", "1,2,3"),
        ("--region", "1,2,3,x"),
        ("--region", "-1,0,3,3"),
        ("--region", "0,0,0,3"),
        ("--max-size", "0"),
        ("--region", "0,0,1,1", "--max-size", "3"),
    ],
)
def test_wrong_region_or_size_is_wrong_usage(
    licodec: Licodec, tmp_path: Path, options: tuple[str, ...]
) -> None:
    compressed(licodec, tmp_path / "a.lic")
    assert licodec("decompress", tmp_path / "a.lic", *options).code == 2
    assert not (tmp_path / "a.lic.png").exists()


def test_header_is_read_once(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compressed(licodec, tmp_path / "a.lic")
    calls = []

    def count(data: bytes, max_pixels: int | None = None) -> Container:
        calls.append(len(data))
        return read_front(data, max_pixels)

    for module in ("licodec.container.read", "licodec.inspect"):
        monkeypatch.setattr(f"{module}.read_front", count)
    assert licodec("decompress", tmp_path / "a.lic").code == 0
    assert len(calls) == 1
