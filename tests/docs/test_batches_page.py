"""docs/batches.md: commands parse, the summary is what is printed, the JSON table is complete."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from licodec.cli.main import cli
from licodec.cli.plan import Job
from licodec.cli.report import Report, Result

PAGE = (Path(__file__).parents[2] / "docs" / "batches.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^licodec (.+)$", PAGE, re.MULTILINE)
RESULT = Result(width=7, height=5, num_bytes=9, bpp=2.0, quality=60.0, profile="balanced")


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_page_is_valid_usage(line: str) -> None:
    name, *arguments = shlex.split(line)
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    command.make_context(name, arguments)


def test_table_lists_the_keys_of_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("compress", 2, is_json=True, is_quiet=True, is_verbose=False)
    report.tell(Job("a.png", "a.lic"), RESULT)
    report.tell_failure(Job("b.png", "b.lic"), "no picture")
    done, failed = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    rows = re.findall(r"^\| (`.+?`) \|", PAGE, re.MULTILINE)
    listed = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(done) == sorted(failed)
    assert {key for key in failed if failed[key] is None} == {*listed[listed.index("width") :]}


def test_summary_has_the_rows_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("compress", 4, is_json=False, is_quiet=False, is_verbose=False)
    for result in (RESULT, RESULT, None):
        report.count(result)
    report.summarise(2)
    printed = capsys.readouterr().err.splitlines()
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert [line.split()[0] for line in printed] == [line.split()[0] for line in shown.splitlines()]
    assert printed[0] == "files   2 done, 1 failed"
    assert printed[-1].endswith(" s, 2 at a time")
