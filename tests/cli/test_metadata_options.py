"""`licodec compress --keep` and `--strip`, and `keep` in Python."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec as package
from licodec.image.colours import convert_to_srgb
from licodec.image.icc import DISPLAY_P3, make_profile
from tests.cli.conftest import Licodec
from tests.cli.pictures import read_photo, save_photo

XMP = b"<x:xmpmeta/>"
PROFILE = make_profile(DISPLAY_P3)


def full_photo(path: Path) -> np.ndarray:
    """A photo with a profile, EXIF that turns it and XMP; returns its pixels, not turned."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "maker", 3
    return save_photo(path, lossless=True, exif=tags, xmp=XMP, icc_profile=PROFILE)


def found_in(path: Path) -> str:
    with Image.open(path) as image:
        keys = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}
        return ",".join(name for name, key in keys.items() if image.info.get(key))


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ([], "icc,exif,xmp"),
        (["--keep", "icc,exif,xmp"], "icc,exif,xmp"),
        (["--keep", "xmp, ICC"], "icc,xmp"),
        (["--keep", "exif"], "exif"),
        (["--strip"], ""),
    ],
)
def test_what_is_named_stays(
    licodec: Licodec, tmp_path: Path, arguments: list[str], kept: str
) -> None:
    pixels = full_photo(tmp_path / "a.webp")
    outcome = licodec("compress", *arguments, tmp_path / "a.webp")
    assert outcome.code == 0
    assert licodec("decompress", tmp_path / "a.lic").code == 0
    assert found_in(tmp_path / "a.lic.png") == kept
    upright = np.rot90(pixels, 2)
    expected = upright if "icc" in kept else convert_to_srgb(upright, PROFILE)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.lic.png"), expected)
    assert ("note: colours converted to sRGB" in outcome.err) == ("icc" not in kept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--keep", "gps"], "has gps, expected any of icc, exif, xmp"),
        (["--keep", ""], "an empty name; use --strip for none"),
        (["--keep", "icc,"], "an empty name; use --strip for none"),
        (["--strip", "--keep", "icc"], "exclude each other"),
        (["--keep", "icc", "--strip"], "exclude each other"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    licodec: Licodec, tmp_path: Path, arguments: list[str], message: str
) -> None:
    full_photo(tmp_path / "a.webp")
    outcome = licodec("compress", *arguments, tmp_path / "a.webp")
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert not (tmp_path / "a.lic").exists()


def test_keep_in_python_takes_kinds(fake_codec: None, tmp_path: Path) -> None:
    full_photo(tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as image:
        shown = package.decode(package.encode(image, keep=["xmp"]))
        with pytest.raises(ValueError, match="has tags, expected"):
            package.encode(image, keep=["tags"])
    assert shown.info == {"xmp": XMP}
