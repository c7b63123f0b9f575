"""The end of a terminal, and the wish of another program, end a batch as Ctrl-C does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.pictures import save_photos


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_end_from_outside_is_told_as_an_interrupt_and_nothing_else(
    tmp_path: Path, number: signal.Signals
) -> None:
    for path in save_photos(tmp_path / "in", "abcdefghijklmnopqrstuvwxyz"):
        with Image.open(path) as photo:  # large enough for a search to use up its time
            photo.resize((176, 112)).save(path)
    command = [sys.executable, "-m", "licodec", "compress", str(tmp_path / "in"), "-j", "2"]
    run = subprocess.Popen(
        [*command, "-e", "9", "--time-budget", "2s", "-o", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while run.poll() is None and not list(tmp_path.glob("out/*.lic")):
        time.sleep(0.05)
    os.killpg(run.pid, number)
    _, printed = run.communicate(timeout=300)
    assert run.returncode == 130
    assert "interrupted" in printed.splitlines()[-1]
    assert "resource_tracker" not in printed
    assert "Traceback" not in printed
    assert not list(tmp_path.glob("out/*.part"))


def test_interrupt_within_the_imports_shows_no_traceback() -> None:
    code = (
        "import runpy, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "runpy.run_module('licodec', run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == -signal.SIGINT
    assert run.stdout + run.stderr == ""


def test_interrupt_that_is_ignored_stays_ignored() -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from licodec.__main__ import main\n"
        "sys.argv = ['licodec', '--version']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
