"""`make bench-speed` fails when coding has become slower, and only then."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "speed.py"


@pytest.fixture
def speed() -> ModuleType:
    spec = importlib.util.spec_from_file_location("speed", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ratio_may_grow_by_a_quarter_and_no_more(speed: ModuleType) -> None:
    limits = speed.limits_of({"this": {"coffee, encode": 2.0, "coffee, decode": 1.0}}, "this")
    assert speed.over({"coffee, encode": 2.5, "coffee, decode": 0.1}, limits) == []
    assert speed.over({"coffee, encode": 2.51, "coffee, decode": 1.0}, limits) == [
        "coffee, encode is 2.510 of AVIF's encode, may be 2.500"
    ]


def test_other_cpu_may_be_slower_than_the_slowest_that_is_stored(speed: ModuleType) -> None:
    of_cpus = {"one": {"a": 1.0, "b": 3.0}, "two": {"a": 2.0, "b": 1.0}}
    assert speed.limits_of(of_cpus, "three") == pytest.approx({"a": 3.2, "b": 4.8})


def test_ratio_without_its_like_is_told(speed: ModuleType) -> None:
    assert speed.over({"a": 1.0}, {"b": 1.0}) == [
        "a is measured or stored alone",
        "b is measured or stored alone",
    ]


def test_what_seems_slower_once_is_measured_again(
    speed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tmp_path / "speed.json"
    stored.write_text(json.dumps({"some": {speed.cpu_model(): {"coffee, encode": 1.0}}}))
    monkeypatch.setattr(speed, "STORED", stored)
    monkeypatch.setattr(speed, "instruction_set", lambda: "some")
    monkeypatch.setattr("sys.argv", ["speed.py"])
    measured = iter([{"coffee, encode": 2.0}, {"coffee, encode": 1.1}])
    monkeypatch.setattr(speed, "measure_all", lambda: next(measured))
    assert speed.main() == 0


@pytest.mark.parametrize(("factor", "code"), [(1.2, 0), (1.3, 1)])
def test_gate_compares_with_what_an_update_has_stored(
    speed: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    code: int,
) -> None:
    monkeypatch.setattr(speed, "STORED", tmp_path / "speed.json")
    monkeypatch.setattr(speed, "instruction_set", lambda: "some")
    monkeypatch.setattr(speed, "measure", lambda image, folder: {"encode": 2.0, "decode": 1.0})
    monkeypatch.setattr("sys.argv", ["speed.py"])
    assert speed.main() == 0
    assert "nothing stored for some" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["speed.py", "--update"])
    assert speed.main() == 0
    monkeypatch.setattr("sys.argv", ["speed.py"])
    monkeypatch.setattr(
        speed, "measure", lambda image, folder: {"encode": 2.0 * factor, "decode": 1.0}
    )
    assert speed.main() == code
    assert capsys.readouterr().err.count("slower: ") == 3 * code


def test_stored_ratios_are_of_all_pictures_and_ways(speed: ModuleType) -> None:
    ways = ("encode", "decode", "encode memory", "decode memory")
    names = {f"{name}, {way}" for name in speed.pictures() for way in ways}
    stored = json.loads(speed.STORED.read_text(encoding="utf-8"))
    assert stored
    assert all(set(ratios) == names for cpus in stored.values() for ratios in cpus.values())
