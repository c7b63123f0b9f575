"""What a .lic file shall reach: the options of `licodec compress`."""

from pathlib import Path

import pytest

from licodec.batch import EncodeOptions
from licodec.search.target import Target
from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_photo(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("text", "num_bytes"),
    [("900", 900), ("100KB", 100_000), ("1.5mb", 1_500_000), ("64KiB", 65_536), ("2k", 2000)],
)
def test_sizes_take_units(licodec: Licodec, photo, encodes_asked, text, num_bytes) -> None:
    assert licodec("compress", photo, "--size", text).code == 0
    target = encodes_asked[0]["target"]
    assert target.is_size
    assert target.wanted == num_bytes


def test_bpp_counts_the_pixels_of_the_picture(licodec: Licodec, photo, encodes_asked) -> None:
    assert licodec("compress", photo, "--bpp", 0.5).code == 0
    assert encodes_asked[0]["target"].wanted == 0.5 * 11 * 7 / 8


def test_psnr_is_a_target(licodec: Licodec, photo, encodes_asked) -> None:
    assert licodec("compress", photo, "--psnr", 38).code == 0
    assert encodes_asked[0]["target"] == Target(38, "psnr")


def test_ssimulacra2_is_a_target_of_either_tune(licodec: Licodec, photo, encodes_asked) -> None:
    assert licodec("compress", photo, "--ssimulacra2", 80, "--tune", "psnr").code == 0
    assert encodes_asked[0]["target"] == Target(80, "ssimulacra2")


@pytest.mark.parametrize("points", ["0", "-3", "100.5", "nan", "high"])
def test_ssimulacra2_out_of_range_is_wrong_usage(licodec: Licodec, photo, points: str) -> None:
    outcome = licodec("compress", photo, "--ssimulacra2", points)
    assert (outcome.code, points in outcome.err) == (2, True)
    assert not photo.with_suffix(".lic").exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("2m", 120), ("0.5h", 1800), ("7", 7), ("1m 30s", 90)]
)
def test_time_budgets_take_units(licodec: Licodec, photo, encodes_asked, text, seconds) -> None:
    assert licodec("compress", photo, "--time-budget", text).code == 0
    assert encodes_asked[0]["budget"] == seconds


def test_effort_and_quantizer_reach_the_encoder(licodec: Licodec, photo, encodes_asked) -> None:
    assert licodec("compress", photo, "-e", 7, "--quantizer", "rdoq").code == 0
    assert (encodes_asked[0]["effort"], encodes_asked[0]["quantizer"]) == (7, "rdoq")


@pytest.mark.parametrize(
    "options",
    [
        ("-q", 80, "--bpp", 0.5),
        ("--bpp", 0.5, "--size", "10KB"),
        ("--psnr", 38, "--quality", 60),
        ("--size", "10KB", "--psnr", 38),
        ("--ssimulacra2", 80, "--psnr", 38),
    ],
)
def test_two_goals_are_wrong_usage(licodec: Licodec, photo, options) -> None:
    outcome = licodec("compress", photo, *options)
    assert outcome.code == 2
    assert "exclude each other" in outcome.err
    assert not photo.with_suffix(".lic").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--size", "big"),
        ("--size", "0"),
        ("--size", "-5KB"),
        ("--size", "9" * 300),
        ("--size", "9" * 400),
        ("--bpp", 0),
        ("--bpp", "nan"),
        ("--bpp", "inf"),
        ("--bpp", 1e300),
        ("--psnr", -3),
        ("--time-budget", "soon"),
        ("--time-budget", "1m30"),
        ("--time-budget", "9" * 400),
        ("-e", 10),
        ("--quantizer", "best"),
    ],
)
def test_unusable_values_are_wrong_usage(licodec: Licodec, photo, options) -> None:
    outcome = licodec("compress", photo, *options)
    assert outcome.code == 2
    assert not photo.with_suffix(".lic").exists()


def test_efforts_from_five_have_seconds_for_a_search() -> None:
    assert [EncodeOptions(effort=effort).search_seconds(1_000_000) for effort in (4, 5, 7, 9)] == [
        0,
        5,
        45,
        500,
    ]
    assert EncodeOptions(effort=9, time_budget=3.0).search_seconds(10**9) == 3
