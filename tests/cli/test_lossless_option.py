"""`licodec compress --lossless` and what other commands make of such files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Licodec
from tests.photos import crop


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A small PNG with colours under alpha 0."""
    alpha = np.tile(np.arange(40, dtype=np.uint8) // 20 * 255, (30, 1))
    Image.fromarray(np.dstack([crop(40, 30), alpha])).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def samples(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_every_pixel_comes_back_without_a_codec(
    licodec: Licodec, picture: Path, codecs_made: list[str]
) -> None:
    lic = picture.with_suffix(".lic")
    assert licodec("compress", "--lossless", picture).code == 0
    back, part, small = (picture.with_name(name) for name in ("back.png", "part.png", "small.png"))
    assert licodec("decompress", lic, "-o", back).code == 0
    assert licodec("decompress", lic, "--region", "10,5,20,8", "-o", part).code == 0
    assert licodec("decompress", lic, "--max-size", "20", "-o", small).code == 0
    np.testing.assert_array_equal(samples(back), samples(picture))
    np.testing.assert_array_equal(samples(part), samples(picture)[5:13, 10:30])
    assert samples(small).shape == (15, 20, 4)
    assert codecs_made == []


def test_json_and_info_say_lossless(licodec: Licodec, picture: Path) -> None:
    line = json.loads(licodec("compress", "--lossless", "--json", picture).out)
    assert (line["coding"], line["quality"], line["profile"]) == ("lossless", None, None)
    lic = picture.with_suffix(".lic")
    printed = licodec("info", "--check", lic).out.decode()
    assert "coding       lossless: every pixel is as it was" in printed
    assert "check        picture matches the checksum" in printed
    about = json.loads(licodec("info", "--json", lic).out)
    assert (about["coding"], about["family"]) == ("lossless", None)


@pytest.mark.parametrize(
    "others",
    [
        ("-q", "80"),
        ("--bpp", "1"),
        ("--size", "9000"),
        ("--psnr", "40"),
        ("--ssimulacra2", "80"),
        ("--tune", "psnr"),
        ("--time-budget", "3"),
        ("--quantizer", "tcq8"),
        ("--content", "photo"),
    ],
)
def test_options_of_lossy_files_are_wrong_usage(
    others: tuple[str, str], licodec: Licodec, picture: Path
) -> None:
    outcome = licodec("compress", "--lossless", *others, picture)
    assert outcome.code == 2
    name = {"-q": "--quality"}.get(others[0], others[0])
    assert f"--lossless excludes {name}; leave one of them out" in outcome.err


def test_continue_knows_lossless_files_from_others(licodec: Licodec, picture: Path) -> None:
    first, second = picture.parent / "first", picture.parent / "second"
    lossless, lossy = ("--lossless",), ("--content", "photo")
    licodec("compress", *lossless, picture, "-o", f"{first}/")
    licodec("compress", *lossy, picture, "-o", f"{second}/")
    again = licodec("compress", "--continue", *lossless, picture, "-o", f"{first}/")
    assert again.code == 0
    assert "finished earlier" in again.err
    other = licodec("compress", "--continue", *lossless, picture, "-o", f"{second}/")
    assert (other.code, "was not made lossless" in other.err) == (1, True)
    other = licodec("compress", "--continue", *lossy, picture, "-o", f"{first}/")
    assert (other.code, "was made as lossless, not as photo" in other.err) == (1, True)


def test_damaged_lossless_file_fails_the_check(licodec: Licodec, picture: Path) -> None:
    lic = picture.with_suffix(".lic")
    licodec("compress", "--lossless", picture)
    data = bytearray(lic.read_bytes())
    data[-3] ^= 4
    lic.write_bytes(data)
    outcome = licodec("info", "--check", lic)
    assert (outcome.code, "checksum of header and payload" in outcome.err) == (1, True)


def test_thumbnail_of_a_lossless_file_is_made(licodec: Licodec, picture: Path) -> None:
    licodec("compress", "--lossless", picture)
    small = picture.with_name("thumbnail.png")
    assert licodec("thumbnail", picture.with_suffix(".lic"), small, "--size", "20").code == 0
    assert samples(small).shape == (15, 20, 4)
