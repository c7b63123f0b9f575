"""docs/batches.md: commands parse, the summary is what is printed, the JSON table is complete."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import click
import pytest

from licodec.batch import Job, Outcome, Result
from licodec.cli.coding_options import CommonOptions
from licodec.cli.main import cli
from licodec.cli.report import Report
from licodec.errors import LicodecError
from tests.cli.pictures import save_photo

PAGE = (Path(__file__).parents[2] / "docs" / "batches.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^licodec (.+)$", PAGE, re.MULTILINE)
RESULT = Result(
    width=7,
    height=5,
    num_bytes=9,
    bpp=2.0,
    quality=60.0,
    profile="balanced",
    tune="visual",
    coding="photo",
)
JOBS = [Job(f"{name}.png", f"{name}.lic") for name in "abc"]
OPTIONS = CommonOptions(
    device="auto",
    max_pixels=1 << 20,
    jobs=2,
    is_continued=False,
    force=False,
    is_json=False,
    quiet=False,
    verbose=False,
)
FAILED = LicodecError("no picture")


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_page_is_valid_usage(line: str) -> None:
    name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_table_lists_the_keys_of_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("compress", JOBS[:2], replace(OPTIONS, is_json=True, quiet=True))
    report.add(Outcome(JOBS[0], RESULT))
    report.add(Outcome(JOBS[1], None, FAILED))
    done, failed = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    rows = re.findall(r"^\| (`.+?`) \|", PAGE, re.MULTILINE)
    listed = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(done) == sorted(failed)
    assert {key for key in failed if failed[key] is None} == {*listed[listed.index("width") :]}


def test_summary_has_the_rows_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("compress", JOBS, OPTIONS)
    for job, result in zip(JOBS, (RESULT, RESULT, None), strict=True):
        report.add(Outcome(job, result, None if result else FAILED))
    capsys.readouterr()
    report.summarise()
    printed = capsys.readouterr().err.splitlines()
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert [line.split()[0] for line in printed] == [line.split()[0] for line in shown.splitlines()]
    assert printed[0] == "files   2 done, 1 failed"
    assert printed[-1].endswith(" s, 2 at a time")


def test_example_for_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (code,) = (code for code in codes if "run_jobs" in code)
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "photos" / "a.png")
    exec(code, {"__name__": "__main__"})
    assert (tmp_path / "small" / "a.lic").exists()
