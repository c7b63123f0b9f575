"""The same file gives the same symbols, means and indices on every CPU type and thread count, and
the same picture the same file.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.backends.cpu import get_cpu_capability

from licodec import native
from licodec.codec.model import load_family
from licodec.native.binding import open_library, usable_sets
from licodec.prior.load import reference_prior
from licodec.profiles import list_profiles
from tests.codec.encoded_checksum import encoded_checksums
from tests.codec.symbols_checksum import symbols_checksum
from tests.photos import crop

ROOT = Path(__file__).parents[2]
FORCED = (
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ATEN_CPU_CAPABILITY",
    "MKL_ENABLE_INSTRUCTIONS",
    "OMP_NUM_THREADS",
    "LICODEC_ISA",
)
# Convolutions are oneDNN's, element-wise work is ATen's, matrix products are MKL's.
SETTINGS = {
    "one thread": {},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "oneDNN SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OMP_NUM_THREADS": "2"},
    "oneDNN may shorten factors": {"ONEDNN_DEFAULT_FPMATH_MODE": "ANY"},
    "ATen default": {"ATEN_CPU_CAPABILITY": "default"},
    "ATen and MKL AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "ATen and MKL AVX-512": {"ATEN_CPU_CAPABILITY": "avx512", "MKL_ENABLE_INSTRUCTIONS": "AVX512"},
    "all lowest": {
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OMP_NUM_THREADS": "2",
    },
}


@pytest.fixture(scope="module")
def files(codec, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("exactness")
    pictures = [
        (crop(192, 136), 50, "tcq128"),
        (crop(101, 136, "L"), 50, "rdoq"),
        (crop(65, 70, name="chelsea"), 95, "tcq8"),
    ]
    paths = []
    for number, (pixels, quality, quantizer) in enumerate(pictures):
        paths.append(folder / f"{number}.lic")
        paths[-1].write_bytes(codec.encode(pixels, quality=quality, quantizer=quantizer))
    return paths


@pytest.fixture(scope="module")
def expected(files, family) -> list[str]:
    """Checksums in this process, with its own CPU features."""
    return [symbols_checksum(path.read_bytes(), family) for path in files]


def test_files_of_the_test_differ(expected):
    assert len(set(expected)) == len(expected)


def test_float64_carriers_give_the_same(files, expected):
    family = load_family(list_profiles()[0])
    exact = replace(family, prior=reference_prior(family.tensors, torch.float64))
    assert [symbols_checksum(path.read_bytes(), exact) for path in files] == expected


def has_features(settings: dict[str, str]) -> bool:
    """Whether this CPU has what ATen is forced to; it would die of the first instruction else."""
    levels = ("default", "avx2", "avx512")
    found, wanted = get_cpu_capability().lower(), settings.get("ATEN_CPU_CAPABILITY", "default")
    return wanted in levels[: levels.index(found) + 1] if found in levels else wanted == "default"


@pytest.mark.parametrize("name", [k for k, settings in SETTINGS.items() if has_features(settings)])
def test_forced_cpu_features_and_threads_give_the_same(name, files, expected):
    settings = {"OMP_NUM_THREADS": "1", "LICODEC_ISA": "none", **SETTINGS[name]}
    result = checksums_with(settings, files)
    assert result["checksums"] == expected
    assert result["threads"] == int(settings["OMP_NUM_THREADS"])
    if settings.get("ATEN_CPU_CAPABILITY") == "default" and platform.machine() == "x86_64":
        assert result["capability"].lower() in ("default", "no avx")  # so that the force has force


@pytest.mark.parametrize("threads", ["1", "2"])
def test_forced_instruction_sets_of_the_native_library_give_the_same(threads, files, expected):
    for isa in built_sets():
        result = checksums_with({"OMP_NUM_THREADS": threads, "LICODEC_ISA": isa}, files)
        assert result["checksums"] == expected
        assert result["isa"] == isa


def test_encodes_are_the_same_bytes_with_every_instruction_set_and_on_torch():
    expected = encoded_checksums()
    for isa in ("none", *built_sets()):
        settings = {"OMP_NUM_THREADS": "2", "LICODEC_ISA": isa}
        assert run_with(settings, "tests.codec.encoded_checksum") == expected


def built_sets() -> list[str]:
    """Instruction sets of the library that this CPU has, also where this process uses none."""
    return usable_sets(open_library(native.LIBRARY_PATH, None))


def checksums_with(settings: dict[str, str], files: list[Path]) -> dict[str, Any]:
    """What another process makes of the files."""
    found: dict[str, Any] = run_with(settings, "tests.codec.symbols_checksum", *map(str, files))
    return found


def run_with(settings: dict[str, str], module: str, *arguments: str) -> Any:
    """What a module prints in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in FORCED} | settings
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
