"""`licodec compare` as users call it."""

from pathlib import Path

import pytest

from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_photo(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_page_is_written_beside_the_picture(licodec: Licodec, photo: Path) -> None:
    outcome = licodec("compare", photo, "--codecs", "licodec,jpeg")
    assert outcome.code == 0, outcome.err
    page = (photo.parent / "photo.compare.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<h1>photo.png</h1>" in page
    assert sorted(path.name for path in photo.parent.iterdir()) == [
        "photo.compare.html",
        "photo.png",
    ]


def test_figures_go_to_stdout_and_the_pages_name_to_stderr(licodec: Licodec, photo: Path) -> None:
    outcome = licodec("compare", photo, "--codecs", "licodec,jpeg", "--no-curves")
    lines = outcome.out.decode().splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert names == ["codec", "---", "licodec-balanced", "jpeg"]
    assert outcome.err.startswith(f"page {photo.parent / 'photo.compare.html'}, 0.0 MB")


def test_quiet_prints_nothing(licodec: Licodec, photo: Path) -> None:
    outcome = licodec("compare", photo, "--codecs", "licodec", "--no-curves", "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, b"", "")


def test_output_goes_where_asked_and_its_folder_is_made(licodec: Licodec, photo: Path) -> None:
    page = photo.parent / "new" / "page.html"
    assert licodec("compare", photo, "--bpp", "9", "--codecs", "jpeg", "-o", page).code == 0
    assert page.read_text(encoding="utf-8").count("<img ") == 2


def test_the_highest_rate_that_the_option_takes_is_compared(licodec: Licodec, photo: Path) -> None:
    outcome = licodec("compare", photo, "--bpp", "1000", "--codecs", "jpeg", "--no-curves")
    assert outcome.code == 0, outcome.err


def test_region_is_what_the_page_shows(licodec: Licodec, photo: Path) -> None:
    page = photo.parent / "page.html"
    outcome = licodec(
        "compare", photo, "--bpp", "9", "--codecs", "jpeg", "--region", "2,1,5,4", "-o", page
    )
    assert outcome.code == 0, outcome.err
    assert "The view shows 5x4 px" in page.read_text(encoding="utf-8")


def test_each_profile_is_compared(licodec: Licodec, photo: Path) -> None:
    outcome = licodec(
        "compare", photo, "--codecs", "licodec", "-p", "fast", "-p", "best", "--no-curves"
    )
    assert "licodec-fast" in outcome.out.decode()
    assert "licodec-best" in outcome.out.decode()


def test_existing_page_is_replaced_only_with_force(licodec: Licodec, photo: Path) -> None:
    page = photo.parent / "photo.compare.html"
    page.write_text("mine")
    outcome = licodec("compare", photo, "--codecs", "licodec")
    assert outcome.code == 1
    assert outcome.err == f"licodec: output {page} exists; replace it with --force\n"
    assert page.read_text() == "mine"
    assert licodec("compare", photo, "--codecs", "licodec", "--force", "--no-curves").code == 0
    assert page.read_text() != "mine"


def test_picture_itself_is_never_overwritten(licodec: Licodec, photo: Path) -> None:
    before = photo.read_bytes()
    outcome = licodec("compare", photo, "-o", photo, "--force")
    assert outcome.code == 1
    assert "is the input itself" in outcome.err
    assert photo.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--codecs", "licodec,gif"],
        ["--codecs", ""],
        ["--codecs", "jpeg"],
        ["--quality", "0"],
        ["--quality", "101"],
        ["--quality", "nan"],
        ["--bpp", "0"],
        ["--bpp", "nan"],
        ["--bpp", "-1"],
        ["--bpp", "0.5", "-q", "60"],
        ["--region", "1,2,3"],
        ["--region", "1,2,3,x"],
        ["--region", "-1,0,3,3"],
        ["--threads", "0"],
        ["--effort", "10"],
        ["--device", "tpu"],
    ],
)
def test_wrong_usage_is_exit_code_2_and_no_page(
    licodec: Licodec, photo: Path, arguments: list[str]
) -> None:
    outcome = licodec("compare", photo, *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--region", "0,0,99,99"], "region 0,0,99,99 is not inside the picture of 11x7 px"),
        (["--device", "cuda"], "device cuda: torch finds no CUDA device; use --device cpu"),
        (["--profile", "none"], "unknown profile 'none'"),
        (["--max-pixels", "76"], "photo.png: has more than 76 pixels"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_page(
    licodec: Licodec, photo: Path, arguments: list[str], message: str
) -> None:
    outcome = licodec("compare", photo, *arguments)
    assert outcome.code == 1
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_damaged_picture_is_one_line_and_no_page(licodec: Licodec, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    outcome = licodec("compare", tmp_path / "bad.png")
    assert outcome.code == 1
    assert outcome.err.startswith(f"licodec: {tmp_path / 'bad.png'}: is not a picture")
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]


def test_missing_picture_is_wrong_usage(licodec: Licodec, tmp_path: Path) -> None:
    assert licodec("compare", tmp_path / "none.png").code == 2
