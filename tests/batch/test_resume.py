"""Which outputs of an earlier run count as finished."""

import json
import os
from pathlib import Path

import pytest

from licodec.batch.resume import RECORD_NAME, SettingsRecord, is_finished, read_finished
from licodec.container import Header, write_container
from licodec.errors import LicodecError

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


def record(effort: int, *, is_kept: bool = True, command: str = "compress") -> SettingsRecord:
    return SettingsRecord(command, {"effort": effort}, {"effort": 4}, is_kept=is_kept)


def test_record_is_read_in_order_of_time(tmp_path: Path) -> None:
    lines = [
        {"command": "compress", "began_ns": 2_000, "settings": {"effort": 9}},
        {"command": "compress", "began_ns": 1_000, "settings": {"effort": 7}},
        {"command": "decompress", "began_ns": 1_500, "settings": {"effort": 1}},
    ]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / RECORD_NAME).write_text(f"{text}\n[1]\n{text[:20]}", encoding="utf-8")
    for made_ns, effort in ((999, 4), (1_000, 7), (1_999, 7), (2_000, 9), (10**18, 9)):
        target = tmp_path / f"{made_ns}.lic"
        target.touch()
        os.utime(target, ns=(made_ns, made_ns))
        record(effort).check(target)
        with pytest.raises(LicodecError, match=r"made with effort .*; replace it with --force"):
            record(effort + 1).check(target)


def test_record_grows_with_changes_only(tmp_path: Path) -> None:
    for effort in (4, 7, 7, 4, 4):
        for _ in range(2):
            record(effort).note(tmp_path)
    lines = (tmp_path / RECORD_NAME).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["settings"]["effort"] for line in lines] == [7, 4]


def test_record_knows_what_it_has_noted_itself(tmp_path: Path) -> None:
    kept = record(7)
    kept.note(tmp_path)
    lic_file(tmp_path / "a.lic")
    kept.check(tmp_path / "a.lic")
    with pytest.raises(LicodecError, match="was made with effort 7, not effort 4"):
        record(4).check(tmp_path / "a.lic")


def test_record_that_is_not_kept_goes_on_where_there_is_one(tmp_path: Path) -> None:
    record(7, is_kept=False).note(tmp_path)
    assert not (tmp_path / RECORD_NAME).exists()
    record(7).note(tmp_path)
    record(4, is_kept=False).note(tmp_path)
    assert len((tmp_path / RECORD_NAME).read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_record_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / RECORD_NAME
    place.mkdir() if content is None else place.write_bytes(content)
    lic_file(tmp_path / "a.lic")
    for call in (lambda: record(7).check(tmp_path / "a.lic"), lambda: record(7).note(tmp_path)):
        with pytest.raises(LicodecError, match=f"{RECORD_NAME} cannot be read: [^\n]+$"):
            call()


def test_folder_that_takes_no_record_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(LicodecError, match="cannot be"):
        record(7).note(tmp_path / "out")


def test_missing_output_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(LicodecError, match="No such file"):
        record(7).check(tmp_path / "a.lic")


def test_outputs_of_the_moment_before_are_of_the_settings_before(tmp_path: Path) -> None:
    for number in range(30):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a.lic").touch()
        record(7).note(folder)
        with pytest.raises(LicodecError, match="is not known to be made with effort 7"):
            record(7).check(folder / "a.lic")
