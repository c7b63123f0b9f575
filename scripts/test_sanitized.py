"""Runs the tests that feed hostile input to the native library, with AddressSanitizer and
UndefinedBehaviorSanitizer in it: any access beyond an array ends the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from compile_native import LIBRARY, SANITIZE, compile_library, find_compiler

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    "tests/native",
    "tests/codec/test_hostile_files.py",
    "tests/container/test_hostile_files.py",
    "tests/golden/test_golden.py",
)


def main() -> None:
    """More arguments are pytest's."""
    runtime = subprocess.run(  # noqa: S603
        [*find_compiler(), "-print-file-name=libasan.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / LIBRARY
        compile_library(library, SANITIZE)
        environment = os.environ | {
            "LICODEC_LIBRARY": str(library),
            "LD_PRELOAD": runtime,
            # Python itself never frees all, and torch throws where a sanitizer does not look.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:faulthandler", *sys.argv[1:]]
        tests = [str(ROOT / path) for path in TESTS]
        done = subprocess.run([*command, *tests], cwd=ROOT, env=environment, check=False)  # noqa: S603
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
