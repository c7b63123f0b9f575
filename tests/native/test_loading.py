"""The library is found, chosen by LICODEC_ISA, and done without; none of it needs torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from licodec.errors import LicodecError
from licodec.native.binding import open_library
from licodec.native.threads import num_threads, over_rows, set_num_threads
from scripts.compile_native import CompileError, compile_library

ROOT = Path(__file__).parents[2]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {k: v for k, v in os.environ.items() if not k.startswith("LICODEC_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=given | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def given_library(library_path) -> dict[str, str]:
    return {"LICODEC_LIBRARY": str(library_path)}


def test_best_instruction_set_is_used_unless_one_is_asked_for(libraries, given_library):
    code = "from licodec import native; print(native.find().isa)"
    assert run(code, **given_library).stdout.strip() == libraries[-1].isa
    for library in libraries:
        found = run(code, LICODEC_ISA=library.isa, **given_library)
        assert found.stdout.strip() == library.isa


def test_none_asks_for_torch(given_library):
    code = "from licodec import native; print(native.find())"
    assert run(code, LICODEC_ISA="none", **given_library).stdout.strip() == "None"


def test_unknown_instruction_set_is_named_with_those_there_are(libraries, library_path):
    with pytest.raises(LicodecError, match=r"'sse9' cannot be used here, expected one of portable"):
        open_library(library_path, "sse9")


def test_instruction_set_without_library_is_an_error(tmp_path):
    code = "from licodec import native; native.find()"
    done = run(code, LICODEC_LIBRARY=str(tmp_path / "none.so"), LICODEC_ISA="portable")
    assert "none.so: no native library" in done.stderr


def test_file_that_is_no_library_is_named(tmp_path):
    path = tmp_path / "broken.so"
    path.write_bytes(b"not a library")
    with pytest.raises(LicodecError, match=r"broken\.so: native library cannot be loaded"):
        open_library(path)


def test_native_path_imports_no_torch_and_no_constriction():
    modules = "licodec.native, licodec.prior.load, licodec.native.coder, licodec.codec.encode"
    code = f"import sys, {modules}; print({{'torch', 'constriction'}} & set(sys.modules))"
    assert run(code).stdout.strip() == "set()"


def test_without_a_compiler_nothing_is_compiled(tmp_path, monkeypatch):
    target = tmp_path / "library.so"
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    with pytest.raises(CompileError):
        compile_library(target)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompileError, match="no C compiler found"):
        compile_library(target)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("restored_threads")
def test_strips_cover_all_rows_once_in_units():
    set_num_threads(3)
    assert num_threads() == 3
    seen = []
    over_rows(lambda top, bottom: seen.append((top, bottom)), 100, 1000, unit=2)
    assert sorted(seen) == [(0, 34), (34, 68), (68, 100)]
    seen.clear()
    over_rows(lambda top, bottom: seen.append((top, bottom)), 3, 5)
    assert seen == [(0, 3)]


@pytest.mark.usefixtures("restored_threads")
def test_error_of_any_strip_is_raised():
    set_num_threads(2)

    def work(top: int, bottom: int) -> None:
        if top:
            raise ValueError("second strip")

    with pytest.raises(ValueError, match="second strip"):
        over_rows(work, 100, 1000)
    with pytest.raises(ValueError, match="expected 1 or more"):
        set_num_threads(0)


def test_forked_process_has_threads_of_its_own():
    code = """
import os, threading
from licodec.native.threads import over_rows, set_num_threads
set_num_threads(2)
seen = []
work = lambda top, bottom: seen.append(threading.current_thread().name)
over_rows(work, 100, 1000)
child = os.fork()
if not child:
    seen.clear()
    over_rows(work, 100, 1000)
    os._exit(0 if len(seen) == 2 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code).stdout.strip() == "0"
