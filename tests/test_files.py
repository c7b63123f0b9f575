"""Output files are whole or absent, whatever fails on the way."""

import errno
import os
import stat
from pathlib import Path

import pytest

from licodec.errors import LicodecError
from licodec.files import check_target, make_folder, write_file


def test_new_file_has_the_bytes_and_usual_permissions(tmp_path: Path) -> None:
    write_file(tmp_path / "a.lic", b"data")
    (tmp_path / "usual").write_bytes(b"")
    assert (tmp_path / "a.lic").read_bytes() == b"data"
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.lic", "usual")}
    assert len(modes) == 1
    assert sorted(os.listdir(tmp_path)) == ["a.lic", "usual"]


def test_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(LicodecError, match="--force"):
        write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    write_file(tmp_path / "a", b"new", replace=True)
    assert (tmp_path / "a").read_bytes() == b"new"


def test_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o604)
    write_file(tmp_path / "a", b"new", replace=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def test_link_keeps_pointing_at_the_replaced_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_file(tmp_path / "link", b"new", replace=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("exists", [False, True])
def test_failing_disk_leaves_what_was_there_and_gives_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, exists: bool
) -> None:
    if exists:
        (tmp_path / "a").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(LicodecError) as caught:
        write_file(tmp_path / "a", b"new", replace=True)
    assert os.strerror(code) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
        {"a": b"old"} if exists else {}
    )


def test_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_device_is_written_directly_and_a_full_one_reported() -> None:
    with pytest.raises(LicodecError, match="No space left"):
        write_file(Path("/dev/full"), b"data")
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="the system has no /dev/fd")
def test_pipe_that_has_a_name_is_written_directly() -> None:
    reader, writer = os.pipe()
    write_file(Path(f"/dev/fd/{writer}"), b"data")
    os.close(writer)
    with open(reader, "rb") as stream:
        assert stream.read() == b"data"


def test_missing_folder_is_a_licodec_error(tmp_path: Path) -> None:
    with pytest.raises(LicodecError, match="No such file"):
        write_file(tmp_path / "none" / "a", b"data")


def test_input_as_output_is_refused_by_any_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"picture")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.link(tmp_path / "a", tmp_path / "hard")
    for name in ("a", "link", "hard"):
        with pytest.raises(LicodecError, match="input itself"):
            check_target(tmp_path / name, tmp_path / "a", force=True)


def test_folder_as_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LicodecError, match="is a folder"):
        check_target(tmp_path, force=True)


def test_name_that_the_system_refuses_is_a_licodec_error(tmp_path: Path) -> None:
    for check in (check_target, lambda target: write_file(target, b"data")):
        with pytest.raises(LicodecError, match="cannot be written: File name too long"):
            check(tmp_path / ("a" * 300))


def test_file_in_place_of_a_folder_is_a_licodec_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(LicodecError, match="cannot be created"):
        make_folder(tmp_path / "a" / "b")
