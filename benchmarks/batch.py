"""Throughput of batches against loops over single calls; see docs/batches.md.

    python benchmarks/batch.py FOLDER [--files 100] [--profile balanced] [--quality 60] [--jobs N]

Each way is a process of its own, timed from its start to its end, over the same files: pictures of
FOLDER, repeated under other names until there are enough. Every way must write the same bytes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

LICODEC = [sys.executable, "-m", "licodec"]
_ENVIRONMENT = os.environ | {"PYTHONWARNINGS": "ignore"}

# What users write who know the functions only; the last line tells the seconds without the start.
API_LOOP = """
import sys, time
from pathlib import Path
import licodec
from PIL import Image
way, source, target, profile, quality = sys.argv[1:]
Path(target).mkdir()
seconds = []
for path in sorted(Path(source).iterdir()):
    started = time.perf_counter()
    if way == "compress":
        data = licodec.encode(Image.open(path), quality=float(quality), profile=profile)
        (Path(target) / (path.stem + ".lic")).write_bytes(data)
    else:
        picture = licodec.decode(path.read_bytes(), profile=profile)
        picture.save(Path(target) / (path.stem + ".png"))
    seconds.append(time.perf_counter() - started)
seconds[0] = sum(seconds[1:]) / max(1, len(seconds) - 1)
print(sum(seconds))
"""


@dataclass(frozen=True)
class Measured:
    """Times of one way over all files."""

    name: str
    seconds: float
    cpu_seconds: float


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="licodec-batch-") as name:
        work = Path(name)
        num_pixels = _gather(arguments.folder, work / "in", arguments.files)
        print(f"{arguments.files} files, {num_pixels / 1e6:.1f} Mpx, CPUs {_num_cpus()}, "
              f"profile {arguments.profile}, quality {arguments.quality:g}")  # fmt: skip
        for way, source in (("compress", "in"), ("decompress", "compress-batch")):
            ways = _measure(way, work, source, arguments)
            _print_table(way, ways, arguments.files, num_pixels)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--profile", default="balanced")
    parser.add_argument("--quality", type=float, default=60)
    parser.add_argument("--jobs", type=int, help="of licodec; default: its own")
    parser.add_argument("--shell-files", type=int, help="files of the shell loop; default: all")
    return parser.parse_args()


def _num_cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _gather(folder: Path, target: Path, num_files: int) -> int:
    """Copy pictures until there are enough; returns the sum of their pixels."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not found:
        sys.exit(f"{folder}: no PNG or JPEG files in this folder")
    target.mkdir()
    num_pixels = 0
    for number, path in zip(range(num_files), itertools.cycle(found), strict=False):
        shutil.copyfile(path, target / f"{number:05}{path.suffix}")
        with Image.open(path) as image:
            num_pixels += image.width * image.height
    return num_pixels


def _measure(way: str, work: Path, source: str, arguments: argparse.Namespace) -> list[Measured]:
    """Run the three ways of coding; "loop, without start" is a part of the second."""
    settings = ["-p", arguments.profile]
    settings += ["-q", str(arguments.quality)] if way == "compress" else []
    batch = work / f"{way}-batch"
    jobs = [] if arguments.jobs is None else ["-j", str(arguments.jobs)]
    command = [*LICODEC, way, *settings, *jobs, "--quiet", str(work / source), "-o", str(batch)]
    measured = [_run("licodec, all files in one call", [command])[0]]

    loop = work / f"{way}-loop"
    about = [arguments.profile, str(arguments.quality)]
    command = [sys.executable, "-c", API_LOOP, way, str(work / source), str(loop), *about]
    whole, printed = _run("loop over the API in one process", [command])
    warm = Measured("the same without its start", float(printed), float("nan"))
    measured += [whole, warm]
    _check_equal(batch, loop)

    shell = work / f"{way}-shell"
    shell.mkdir()
    files = sorted((work / source).iterdir())[: arguments.shell_files]
    suffix = ".lic" if way == "compress" else ".png"
    commands = [
        [*LICODEC, way, *settings, "--quiet", str(f), "-o", str(shell / (f.stem + suffix))]
        for f in files
    ]
    one_each, _ = _run("licodec, a call for each file", commands)
    scale = arguments.files / len(files)
    name = one_each.name + ("" if scale == 1 else f" (of {len(files)})")
    measured.append(Measured(name, one_each.seconds * scale, one_each.cpu_seconds * scale))
    return measured


def _run(name: str, commands: list[list[str]]) -> tuple[Measured, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    for command in commands:
        printed = subprocess.run(  # noqa: S603 - the commands stand above
            command, check=True, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
        ).stdout
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(name, seconds, cpu), printed


def _check_equal(one: Path, other: Path) -> None:
    """Every way of calling gives the same picture."""
    for path in sorted(p for p in one.iterdir() if not p.name.startswith(".")):
        if path.suffix == ".lic":
            is_equal = path.read_bytes() == (other / path.name).read_bytes()
        else:
            with Image.open(path) as a, Image.open(other / path.name) as b:
                is_equal = a.tobytes() == b.tobytes()
        if not is_equal:
            sys.exit(f"{path.name} differs between a batch and a loop over the API")


def _print_table(way: str, ways: list[Measured], num_files: int, num_pixels: int) -> None:
    print(f"\n| {way} | s | files/s | Mpx/s | CPU s per file | batch is faster by |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in ways:
        print(
            f"| {row.name} | {row.seconds:.1f} | {num_files / row.seconds:.2f} "
            f"| {num_pixels / 1e6 / row.seconds:.2f} | {row.cpu_seconds / num_files:.3f} "
            f"| {row.seconds / ways[0].seconds:.2f} |"
        )


if __name__ == "__main__":
    main()
