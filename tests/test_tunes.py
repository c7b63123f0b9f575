"""Files of both tunes are made by every way in, and decode together without being asked for."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import licodec
import licodec.pillow
from licodec.api import Codec
from licodec.cli.main import run
from licodec.config import FAMILY_IDS, TUNE_FAMILIES, TUNES, family_of, tune_of
from licodec.inspect import choose_codec
from licodec.profiles import find_profile
from tests.photos import crop

PIXELS = crop(64, 48)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A file of each tune by the API."""
    return {tune: licodec.encode(PIXELS, tune=tune, effort=1, device="cpu") for tune in TUNES}


def test_every_tune_has_a_family_of_its_own_with_an_id() -> None:
    assert len({FAMILY_IDS[family] for family in TUNE_FAMILIES.values()}) == len(TUNES)
    assert [tune_of(family_of(tune)) for tune in TUNES] == list(TUNES)
    assert tune_of("another") is None
    with pytest.raises(ValueError, match="tune is 'nice', expected one of: visual, psnr"):
        family_of("nice")


@pytest.mark.parametrize("tune", TUNES)
def test_api_and_plugin_make_the_file_of_a_tune_and_tell_it(
    tune: str, files: dict[str, bytes]
) -> None:
    about = licodec.info(files[tune])
    assert (about.tune, about.family) == (tune, family_of(tune))
    assert (
        about.family_fingerprint
        == find_profile("balanced", family_of(tune)).family_fingerprint.hex()
    )
    buffer = io.BytesIO()
    licodec.pillow.register(device="cpu")
    Image.fromarray(PIXELS).save(buffer, "LIC", tune=tune, effort=1)
    assert buffer.getvalue() == files[tune]
    with Image.open(buffer) as image:
        assert image.info["tune"] == tune
        shown = np.asarray(image)
    np.testing.assert_array_equal(shown, np.asarray(licodec.decode(files[tune], device="cpu")))


def test_visual_is_what_one_gets_without_asking(files: dict[str, bytes]) -> None:
    assert licodec.encode(PIXELS, effort=1, device="cpu") == files["visual"]
    assert files["visual"] != files["psnr"]


@pytest.mark.parametrize("tune", TUNES)
def test_codec_of_either_tune_decodes_files_of_both(tune: str, files: dict[str, bytes]) -> None:
    codec = Codec("fast", "cpu", tune)
    assert codec.info.family == family_of(tune)
    for data in files.values():
        expected = licodec.decode(data, profile="fast", device="cpu")
        np.testing.assert_array_equal(np.asarray(codec.decode(data)), np.asarray(expected))


@pytest.mark.parametrize("tune", TUNES)
def test_weights_of_the_file_alone_are_chosen_to_decode(tune: str, files: dict[str, bytes]) -> None:
    assert choose_codec(files[tune]) == ("balanced", tune)
    assert choose_codec(files[tune], "fast") == ("fast", tune)


def test_unknown_tune_is_refused_by_every_way_in(tmp_path: Path) -> None:
    for call in (
        lambda: licodec.encode(PIXELS, tune="nice"),
        lambda: Codec(tune="nice"),
        lambda: Image.fromarray(PIXELS).save(tmp_path / "a.lic", tune="nice"),
    ):
        with pytest.raises(ValueError, match="expected one of: visual, psnr"):
            call()
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert run(["compress", "--tune", "nice", str(tmp_path / "a.png")]) == 2
    assert sorted(os.listdir(tmp_path)) == ["a.png"]


def test_folder_with_files_of_both_tunes_decodes_in_one_run(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    for tune in TUNES:
        out = tmp_path / "lic" / f"{tune}.lic"
        words = ["compress", "--tune", tune, "-e", "1", "--device", "cpu", "-o", str(out)]
        assert run([*words, str(tmp_path / "a.png")]) == 0
        assert out.read_bytes() == files[tune]
    command = [sys.executable, "-m", "licodec", "decompress", "-j", "1", "--device", "cpu"]
    arguments = [str(tmp_path / "lic"), "-o", str(tmp_path / "back")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, "2 done" in done.stderr) == (0, True), done.stderr
    for tune in TUNES:
        with Image.open(tmp_path / "back" / f"{tune}.png") as image:
            expected = licodec.decode(files[tune], device="cpu")
            np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))
