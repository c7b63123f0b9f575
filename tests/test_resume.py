"""Which outputs of an earlier run count as finished."""

import os
from pathlib import Path

import pytest

from licodec.container import Header, write_container
from licodec.errors import LicodecError
from licodec.resume import is_finished, read_finished

SETTINGS = {"quality": 60.0, "profile": "balanced"}


def lic_file(path: Path) -> None:
    header = Header(
        family_id=1,
        profile_id=2,
        family_fingerprint=bytes(4),
        synthesis_fingerprint=bytes(2),
        width=5,
        height=3,
        quality_index=152,
        is_grey=False,
        quantizer_id=0,
    )
    path.write_bytes(write_container(header, [], b"\1\0\0\0", []))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    os.utime(path, (1e9, 1e9))
    return path


def test_absent_output_is_not_finished(source: Path, tmp_path: Path) -> None:
    assert not is_finished(tmp_path / "a.lic", source)
    assert read_finished(tmp_path / "a.lic", source, SETTINGS) is None


def test_output_of_the_same_settings_is_described(source: Path, tmp_path: Path) -> None:
    lic_file(tmp_path / "a.lic")
    info = read_finished(tmp_path / "a.lic", source, SETTINGS)
    assert info is not None
    assert (info.width, info.height) == (5, 3)


def test_output_as_old_as_its_input_is_finished(source: Path, tmp_path: Path) -> None:
    lic_file(tmp_path / "a.lic")
    os.utime(tmp_path / "a.lic", (1e9, 1e9))
    assert is_finished(tmp_path / "a.lic", source)


def test_output_older_than_its_input_is_refused(source: Path, tmp_path: Path) -> None:
    lic_file(tmp_path / "a.lic")
    os.utime(tmp_path / "a.lic", (1e9, 1e9 - 1))
    with pytest.raises(LicodecError, match=r"older than its input; replace it with --force"):
        is_finished(tmp_path / "a.lic", source)


@pytest.mark.parametrize("name", SETTINGS)
def test_output_of_another_setting_is_refused(source: Path, tmp_path: Path, name: str) -> None:
    lic_file(tmp_path / "a.lic")
    with pytest.raises(LicodecError, match=f"made with {name} .*, not other; replace it"):
        read_finished(tmp_path / "a.lic", source, SETTINGS | {name: "other"})


def test_every_proper_prefix_of_an_output_is_refused(source: Path, tmp_path: Path) -> None:
    lic_file(tmp_path / "a.lic")
    data = (tmp_path / "a.lic").read_bytes()
    for length in range(len(data)):
        (tmp_path / "a.lic").write_bytes(data[:length])
        with pytest.raises(LicodecError, match="replace it with --force"):
            read_finished(tmp_path / "a.lic", source, SETTINGS)


def test_missing_input_is_reported(source: Path, tmp_path: Path) -> None:
    lic_file(tmp_path / "a.lic")
    source.unlink()
    with pytest.raises(LicodecError, match="No such file"):
        is_finished(tmp_path / "a.lic", source)
