"""The native library with every instruction set that this machine can run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from licodec.native import LIBRARY_PATH, PATH_VARIABLE
from licodec.native.binding import Library, open_library, usable_sets
from licodec.native.threads import set_num_threads
from scripts.compile_native import LEVELS, compile_library


@pytest.fixture(scope="session")
def library_path(tmp_path_factory) -> Path:
    """The library in use, or one that is compiled for the tests."""
    path = Path(os.environ.get(PATH_VARIABLE) or LIBRARY_PATH)
    if path.exists():
        return path
    path = tmp_path_factory.mktemp("native") / LIBRARY_PATH.name
    compile_library(path)
    return path


@pytest.fixture(scope="session")
def libraries(library_path: Path) -> list[Library]:
    """One for each instruction set; a CPU that has the better ones has the others, too."""
    sets = usable_sets(open_library(library_path))
    assert sets[0] == "portable"
    assert set(sets) <= set(LEVELS)
    return [open_library(library_path, isa) for isa in sets]


@pytest.fixture
def restored_threads() -> Iterator[None]:
    yield
    set_num_threads(None)
