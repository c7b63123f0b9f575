"""Compiles the native library into licodec/native, with the C compiler that is found.

Run by the build of a wheel, by an editable install and by `make native`. Needs nothing but Python
and gcc or clang; CC names another one.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "licodec" / "native"
SOURCES = FOLDER / "src"
LIBRARY = "_licodec.dylib" if sys.platform == "darwin" else "_licodec.so"
# Each rounds as it is written, so that all levels give the same floats.
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-Wall")
SANITIZE = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_AVX2 = ("-mavx2", "-mfma")
_AVX512 = (
    *_AVX2,
    *(f"-mavx512{part}" for part in ("f", "bw", "vl", "dq", "vnni")),
    "-mprefer-vector-width=512",
)
_X86, _ARM = ("x86_64", "amd64"), ("aarch64", "arm64")
# Name of each instruction set, machines that may have it as compilers name them (none: all), its
# number in simd.h and its flags.
LEVELS = {
    "portable": ((), 0, ()),
    "avx2": (_X86, 1, _AVX2),
    "avxvnni": (_X86, 2, (*_AVX2, "-mavxvnni")),
    "avx512vnni": (_X86, 3, _AVX512),
    "amx": (_X86, 4, (*_AVX512, "-mamx-tile", "-mamx-int8")),
    "neon": (_ARM, 5, ()),
    "neondot": (_ARM, 6, ("-march=armv8.2-a+dotprod",)),
    "neoni8mm": (_ARM, 7, ("-march=armv8.2-a+dotprod+i8mm",)),
}


class CompileError(Exception):
    """There is no compiler, or it failed."""


def find_compiler() -> list[str]:
    """Command of the C compiler.

    Raises:
        CompileError: there is none.
    """
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise CompileError("no C compiler found (cc, gcc or clang)")


def compile_library(target: Path, more_flags: Sequence[str] = ()) -> list[str]:
    """Compile all that the compiler can, for the machine that it compiles for.

    Args:
        target: file to write; replaced at once, so that programs that use it are not disturbed.
        more_flags: for every file and for the linker.

    Returns:
        Names of the instruction sets in it.

    Raises:
        CompileError: there is no compiler, or it failed.
    """
    compiler = find_compiler()
    machine = _run([*compiler, "-dumpmachine"]).split("-")[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = [
            k for k, (machines, _, _) in LEVELS.items() if not machines or machine in machines
        ]
        if sys.platform != "linux" and "amx" in wanted:
            wanted.remove("amx")  # asks Linux for the tiles
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = dict(
                zip(
                    wanted,
                    pool.map(lambda k: _level(compiler, folder, k, more_flags), wanted),
                    strict=True,
                )
            )
        if made["portable"] is None:
            raise CompileError(f"{compiler[0]} cannot compile {SOURCES}")
        levels = [k for k, path in made.items() if path is not None]
        has = [f"-DLC_HAS_{k.upper()}" for k in levels]
        sources = [str(path) for path in sorted(SOURCES.glob("*.c")) if path.name != "level.c"]
        objects = [str(path) for path in made.values() if path is not None]
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        command = [*compiler, *FLAGS, *more_flags, *has, "-shared", *sources, *objects]
        try:
            _run([*command, "-o", str(part), "-lm"])
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return levels


def _level(
    compiler: Sequence[str], folder: Path, name: str, more_flags: Sequence[str]
) -> Path | None:
    """Object file of one instruction set; None where the compiler does not know it."""
    _, number, flags = LEVELS[name]
    out = folder / f"{name}.o"
    defines = [f"-DLC_LEVEL={number}", f"-DLC_LEVEL_NAME={name}", f"-DLC_KERNELS=lc_kernels_{name}"]
    command = [*compiler, *FLAGS, "-Wno-psabi", *flags, *more_flags, *defines]
    try:
        _run([*command, "-c", str(SOURCES / "level.c"), "-o", str(out)])
    except CompileError as error:
        print(f"left out {name}: {error}", file=sys.stderr)
        return None
    return out


def _run(command: Sequence[str]) -> str:
    """What a command says; its warnings are passed on."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise CompileError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise CompileError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    if done.stderr.strip():
        print(done.stderr.strip(), file=sys.stderr)
    return done.stdout.strip()


def main() -> None:
    """Compile into the source tree, or to the path given; --sanitize adds checks to each access."""
    arguments = [a for a in sys.argv[1:] if a != "--sanitize"]
    target = Path(arguments[0]) if arguments else FOLDER / LIBRARY
    try:
        levels = compile_library(target, SANITIZE if "--sanitize" in sys.argv else ())
    except CompileError as error:
        sys.exit(f"error: {error}")
    print(f"{target}: {', '.join(levels)}")


if __name__ == "__main__":
    main()
