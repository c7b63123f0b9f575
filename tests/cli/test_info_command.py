"""`licodec info` and `licodec profiles`: text, JSON, and what is wrong with a file."""

import io
import json
import sys
import types
from pathlib import Path

import pytest

from licodec.cli.main import run
from licodec.config import DEFAULT_TUNE, TUNES, family_of
from licodec.errors import CorruptFileError
from licodec.profiles import ProfileInfo
from tests.cli.conftest import Licodec
from tests.cli.pictures import save_photo


@pytest.fixture
def lic(licodec: Licodec, tmp_path: Path) -> Path:
    """A grey picture with transparency, quality 1."""
    save_photo(tmp_path / "a.png", mode="LA")
    assert licodec("compress", "-q", "1", tmp_path / "a.png").code == 0
    return tmp_path / "a.lic"


def profile(fingerprint: bytes, family: str = family_of(DEFAULT_TUNE)) -> ProfileInfo:
    return ProfileInfo(
        name="balanced", family=family, family_path=Path("f"), synthesis_path=Path("s"),
        family_fingerprint=fingerprint, synthesis_fingerprint=b"\xab\xcd", file_bytes=3_400_000,
        kmac_per_px=(18.25, 4.0), rd=((10.0, 0.151, 28.5), (60.0, 0.82, 35.25)),
    )  # fmt: skip


def test_json_tells_what_the_file_holds(licodec: Licodec, lic: Path) -> None:
    outcome = licodec("info", "--json", lic)
    printed = json.loads(outcome.out)
    assert outcome.code == 0
    expected = {
        "schema": 1, "width": 11, "height": 7, "is_grey": True, "has_alpha": True, "quality": 1.0,
        "quality_index": 0, "quantizer": "tcq128", "profile": "balanced",
        "family": family_of(DEFAULT_TUNE), "tune": DEFAULT_TUNE,
        "family_fingerprint": "3f2a91c0", "synthesis_fingerprint": "abcd", "is_checked": False,
        "num_bytes": lic.stat().st_size,
    }  # fmt: skip
    assert printed | expected == printed
    assert printed["bpp"] == pytest.approx(8 * lic.stat().st_size / 77)
    parts = printed["frame_bytes"] + printed["payload_bytes"] + sum(printed["sections"].values())
    assert list(printed["sections"]) == ["ALPHA"]
    assert parts == printed["num_bytes"]


def test_text_has_the_same_facts(licodec: Licodec, lic: Path) -> None:
    text = licodec("info", lic).out.decode()
    for part in (
        "11x7 grey + alpha",
        "tcq128",
        f"{family_of(DEFAULT_TUNE)} 3f2a91c0",
        "balanced",
        "ALPHA",
    ):
        assert part in text
    assert licodec("info", "-", stdin=lic.read_bytes()).out.decode() == text.replace(
        str(lic), "stdin"
    )


def test_file_of_other_weights_is_described_and_called_not_decodable(
    licodec: Licodec, lic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = b"\x77\xe0\xd1\xb2"
    monkeypatch.setattr("licodec.codec.compatibility.find_fingerprint", lambda _: other)
    outcome = licodec("info", lic)
    assert outcome.code == 0
    assert "decodable    no" in outcome.out.decode()
    assert "77e0d1b2" in outcome.out.decode()


def test_file_of_installed_weights_is_called_decodable(
    licodec: Licodec, lic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "licodec.inspect.list_profiles", lambda family: (profile(b"\x3f\x2a\x91\xc0"),)
    )
    printed = json.loads(licodec("info", "--json", lic).out)
    assert (printed["is_decodable"], printed["notes"]) == (True, [])


def test_check_reports_damage_and_success(
    licodec: Licodec, lic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: bytes, max_pixels: int) -> None:
        raise CorruptFileError("checksum of header and symbols differs")

    for check, code in ((lambda data, max_pixels: None, 0), (refuse, 1)):
        module = types.SimpleNamespace(check_symbols_of=check)
        monkeypatch.setitem(sys.modules, "licodec.check", module)  # type: ignore[arg-type]
        outcome = licodec("info", "--check", lic)
        assert outcome.code == code
    assert outcome.err == f"licodec: {lic}: checksum of header and symbols differs\n"
    assert outcome.out == b""


def test_damaged_or_missing_file_gives_one_line(
    licodec: Licodec, lic: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.lic").write_bytes(lic.read_bytes()[:-3])
    (tmp_path / "long.lic").write_bytes(lic.read_bytes() + b"more")
    (tmp_path / "text.lic").write_text("text")
    for name in ("cut.lic", "long.lic", "text.lic", "none.lic"):
        outcome = licodec("info", tmp_path / name)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, b"", 1)
        assert outcome.err.startswith(f"licodec: {tmp_path / name}: ")


def test_profiles_lists_size_complexity_and_rates(
    licodec: Licodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "licodec.profiles.list_profiles", lambda family: (profile(b"\x01\x02\x03\x04", family),)
    )
    text = licodec("profiles").out.decode()
    for tune in TUNES:
        assert f"balanced    {tune:<8}{family_of(tune)}" in text
        assert f"tune {tune:<8}made for" in text
    assert text.count("(default)") == 2  # the tune, and its profile
    for part in ("balanced", "3.4 MB", "18.2 + 4.0", "01020304 abcd", "0.820", "35.25"):
        assert part in text
    printed = [json.loads(line) for line in licodec("profiles", "--json").out.splitlines()]
    assert [line["tune"] for line in printed] == list(TUNES)
    for line in printed:
        assert (line["schema"], line["name"]) == (1, "balanced")
        assert line["rd"][1] == [60.0, 0.82, 35.25]


def test_no_installed_profile_is_one_line(
    licodec: Licodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licodec.profiles.list_profiles", lambda family: ())
    outcome = licodec("profiles")
    assert (outcome.code, outcome.err) == (
        1,
        "licodec: no profile is installed; reinstall licodec\n",
    )


def test_system_tells_library_instruction_set_and_threads(
    licodec: Licodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from licodec import native
    from licodec.native.threads import num_threads

    library = native.find()
    assert library is not None
    printed = json.loads(licodec("info", "--system", "--json").out)
    assert printed["native"] == str(library.path)
    assert printed["instruction_set"] == library.isa
    assert printed["instruction_sets"][0] == "portable"
    assert printed["threads"] == num_threads()
    lines = licodec("info", "--system").out.decode()
    assert f"instructions {library.isa} (of portable" in lines
    monkeypatch.setattr(native, "find", lambda: None)
    assert b"native       none" in licodec("info", "--system").out


def test_file_is_not_awaited_from_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert run(["info", "-"]) == 2
    assert "stdin is a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--system", "a.lic"]])
def test_either_a_file_or_the_system_is_shown(licodec: Licodec, arguments: list[str]) -> None:
    outcome = licodec("info", *arguments)
    assert outcome.code == 2
    assert "give either files or --system" in outcome.err
