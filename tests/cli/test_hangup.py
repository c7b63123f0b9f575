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
