"""Many files in one call: patterns, order, interruption, what is reported."""

import errno
import io
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from licodec.batch import Job, Result
from licodec.cli.report import Report
from licodec.container import read_front
from tests.cli.conftest import FakeCodec, Licodec
from tests.cli.pictures import read_photo, save_photo, save_photos


def test_pattern_that_no_shell_expanded_stands_for_its_files(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photos(tmp_path / "in", "ab")
    save_photo(tmp_path / "in" / "c.bmp")
    assert licodec("compress", tmp_path / "in" / "*.png", "-o", tmp_path / "out").code == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.lic", "b.lic"]


def test_pattern_with_two_stars_keeps_folders_and_takes_pictures_only(
    licodec: Licodec, tmp_path: Path
) -> None:
    save_photo(tmp_path / "in" / "x" / "a.png")
    save_photo(tmp_path / "in" / "y" / "deep" / "a.png")
    (tmp_path / "in" / "y" / "notes.txt").write_text("no picture")
    assert licodec("compress", f"{tmp_path}/in/**/*", "-o", tmp_path / "out").code == 0
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.lic")}
    assert found == {"x/a.lic", "y/deep/a.lic"}


def test_links_to_folders_are_not_followed(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "in" / "a.png")
    save_photo(tmp_path / "other" / "b.png")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "other", target_is_directory=True)
    (tmp_path / "in" / "c.png").symlink_to(tmp_path / "other" / "b.png")
    assert licodec("compress", tmp_path / "in", "-o", tmp_path / "out").code == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["a.lic", "c.lic"]


def test_file_with_wildcards_in_its_name_is_itself(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a[1].png")
    save_photo(tmp_path / "a1.png")
    assert licodec("compress", tmp_path / "a[1].png").code == 0
    assert sorted(os.listdir(tmp_path)) == ["a1.png", "a[1].lic", "a[1].png"]


def test_pattern_of_one_file_may_go_to_a_folder_only(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    assert licodec("compress", tmp_path / "*.png", "-o", "-").code == 2


def test_pattern_without_a_match_is_one_bad_file(licodec: Licodec, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    outcome = licodec("compress", tmp_path / "*.jpg", tmp_path / "a.png")
    assert outcome.code == 1
    assert "*.jpg: cannot be read: No such file" in outcome.err
    assert (tmp_path / "a.lic").exists()


def test_two_star_pattern_without_a_picture_is_one_line(licodec: Licodec, tmp_path: Path) -> None:
    outcome = licodec("compress", f"{tmp_path}/**/*.png")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "no pictures match" in outcome.err


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_files_are_told_in_order_and_equal_those_of_single_calls(
    licodec: Licodec, tmp_path: Path, jobs: str, codecs_made: list[str]
) -> None:
    paths = save_photos(tmp_path / "in")
    outcome = licodec("compress", "-j", jobs, tmp_path / "in", "-o", tmp_path / "out")
    assert codecs_made == ["balanced"]
    reported = [line.split(" -> ")[0] for line in outcome.err.splitlines()[: len(paths)]]
    assert reported == [str(path) for path in paths]
    for path in paths:
        licodec("compress", path, "-o", tmp_path / "single.lic", "--force")
        made = tmp_path / "out" / f"{path.stem}.lic"
        assert made.read_bytes() == (tmp_path / "single.lic").read_bytes()


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_folder_comes_back(licodec: Licodec, tmp_path: Path, jobs: str) -> None:
    paths = save_photos(tmp_path / "in")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    assert licodec("decompress", "-j", jobs, tmp_path / "out", "-o", tmp_path / "back").code == 0
    for path in paths:
        assert (read_photo(tmp_path / "back" / path.name) == read_photo(path)).all()


def test_no_more_pictures_are_coded_at_a_time_than_asked_for(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photos(tmp_path / "in")
    together, most, lock = 0, 0, threading.Lock()
    encode = FakeCodec.encode_picture

    def counted(self: FakeCodec, *arguments: object, **options: object) -> bytes:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.02)
        with lock:
            together -= 1
        return encode(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeCodec, "encode_picture", counted)
    assert licodec("compress", "-j", "2", tmp_path / "in", "-o", tmp_path / "out").code == 0
    assert most == 2


def test_jobs_must_be_a_positive_number(licodec: Licodec) -> None:
    assert licodec("compress", "-j", "0", "a.png").code == 2


def test_defect_in_one_file_does_not_stop_the_others(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photos(tmp_path / "in", "ab")
    encode = FakeCodec.encode_picture

    def fail_once(self: FakeCodec, *arguments: object, **options: object) -> bytes:
        monkeypatch.setattr(FakeCodec, "encode_picture", encode)
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(FakeCodec, "encode_picture", fail_once)
    outcome = licodec("compress", "-j", "1", tmp_path / "in", "-o", tmp_path / "out")
    assert outcome.code == 1
    assert "defect: ZeroDivisionError: oh; run again with --debug" in outcome.err
    assert len(os.listdir(tmp_path / "out")) == 1


def test_summary_counts_files_pixels_and_bytes(licodec: Licodec, tmp_path: Path) -> None:
    paths = save_photos(tmp_path / "in", "abc")
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    outcome = licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    rows = dict(line.split(maxsplit=1) for line in outcome.err.splitlines()[-4:])
    num_read = sum(path.stat().st_size for path in paths)
    num_written = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert rows["files"] == "3 done, 1 failed"
    assert rows["pixels"].startswith("0.0 Mpx, ")
    assert rows["bytes"] == (f"{num_read:,} -> {num_written:,}, {8 * num_written / 3 / 77:.3f} bpp")
    assert licodec("compress", "--quiet", "--force", *paths, "-o", tmp_path / "out").err == ""


@pytest.mark.parametrize("options", [["--max-size", "4"], ["--region", "1,1,3,2"], []])
def test_rate_of_a_summary_is_that_of_the_files(
    licodec: Licodec, tmp_path: Path, options: list[str]
) -> None:
    save_photos(tmp_path / "in", "abc")
    licodec("compress", tmp_path / "in", "-o", tmp_path / "out")
    num_bytes = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    outcome = licodec("decompress", tmp_path / "out", "-o", tmp_path / "back", *options)
    assert f", {8 * num_bytes / 3 / 77:.3f} bpp\n" in outcome.err


@pytest.mark.parametrize("names", ["a", "abc"])
@pytest.mark.parametrize(
    "options", [["-p", "huge"], ["--device", "cuda"], ["-o", "file/below/"]], ids=lambda o: o[0]
)
def test_json_has_a_line_for_every_file_of_a_run_that_cannot_succeed(
    licodec: Licodec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: str,
    options: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = save_photos(tmp_path / "in", names)
    (tmp_path / "file").touch()
    outcome = licodec("compress", "--json", *paths, *options)
    lines = [json.loads(line) for line in io.BytesIO(outcome.out)]
    assert outcome.code == 1
    assert [line["input"] for line in lines] == [str(path) for path in paths]
    assert not any(line["ok"] for line in lines)
    assert all(line["error"] for line in lines)


def test_run_that_cannot_succeed_ends_wherever_its_threads_are(
    licodec: Licodec, tmp_path: Path
) -> None:
    paths = save_photos(tmp_path, "abcd")
    for _ in range(60):  # threads read, wait and code at other moments each time
        assert licodec("compress", "-j", "2", "--device", "cuda", *paths).code == 1


def test_json_has_a_line_where_the_system_refuses_a_name(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENAMETOOLONG, "File name too long")

    save_photo(tmp_path / "a.png")
    monkeypatch.setattr("licodec.files.check_target", refuse)
    outcome = licodec("compress", "--json", tmp_path / "a.png")
    assert outcome.code == 1
    assert json.loads(outcome.out)["error"] == "output: File name too long"


def test_folder_that_cannot_be_written_is_noticed_before_the_codec_is_loaded(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codecs_made: list[str]
) -> None:
    save_photo(tmp_path / "a.png")
    monkeypatch.setattr(os, "access", lambda *_: False)
    outcome = licodec("compress", tmp_path / "a.png", "-o", tmp_path / "new" / "a.lic")
    assert (outcome.code, codecs_made) == (1, [])
    assert f"folder {tmp_path} cannot be written" in outcome.err


def test_interrupt_leaves_finished_files_only_and_one_line(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = save_photos(tmp_path / "in")
    encode, lock, num_begun = FakeCodec.encode_picture, threading.Lock(), 0

    def interrupted_at_the_third(self: FakeCodec, *arguments: object, **options: object) -> bytes:
        nonlocal num_begun
        with lock:
            num_begun += 1
            number = num_begun
        if number == 3:
            signal.raise_signal(signal.SIGINT)
        while number >= 3:  # until the interrupt reaches this thread
            time.sleep(0.001)
        return encode(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeCodec, "encode_picture", interrupted_at_the_third)
    arguments = ("-j", "1", tmp_path / "in", "-o", tmp_path / "out")
    outcome = licodec("compress", *arguments)
    made = sorted(os.listdir(tmp_path / "out"))
    assert outcome.code == 130
    reported = re.fullmatch(
        r"licodec: interrupted; (\d) of 6 files are finished, --continue does the others",
        outcome.err.splitlines()[-1],
    )
    assert reported is not None
    # A file that was written in the moment of the interrupt may not have been counted.
    assert int(reported[1]) == outcome.err.count(" -> ") <= len(made) < 6
    for name in made:
        assert read_front((tmp_path / "out" / name).read_bytes()).header.width == 11
    monkeypatch.setattr(FakeCodec, "encode_picture", encode)
    assert licodec("compress", "--continue", *arguments).code == 0
    assert len(os.listdir(tmp_path / "out")) == len(paths)


def test_interrupt_while_a_file_is_told_loses_no_line(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photos(tmp_path / "in")
    tell = Report.tell

    def interrupted(self: Report, job: Job, result: Result) -> None:
        if job.source.endswith("b.png"):
            signal.raise_signal(signal.SIGINT)
        tell(self, job, result)

    monkeypatch.setattr(Report, "tell", interrupted)
    outcome = licodec("compress", "-j", "1", tmp_path / "in", "-o", tmp_path / "out")
    assert outcome.code == 130
    reported = re.findall(r"(\w)\.png -> ", outcome.err)
    assert reported[:2] == ["a", "b"]
    assert f"interrupted; {len(reported)} of 6 files are finished" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_terminal_gets_a_bar_with_files_speed_and_rate(
    licodec: Licodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photos(tmp_path / "in", "abc")
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", screen)
    assert licodec("compress", "-j", "2", tmp_path / "in", "-o", tmp_path / "out").code == 1
    shown = screen.getvalue()
    for part in ("4/4", "MP/s", "bpp", "left", "bad.png: is not a picture", "3 done, 1 failed"):
        assert part in shown
    assert "a.lic" not in shown
