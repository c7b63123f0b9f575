"""Trains a profile from pictures to weights that can be installed: `make train-balanced` and its
sisters.

    python scripts/train_profile.py balanced photos/ -o runs/balanced --hours 8

    balanced    joint, larger crops, real symbols, export of a new family, its synthesis, export
    fast, best  that synthesis on the files of a released family, export

Started again with the same arguments it goes on where it was cut off.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from licodec.config import family_of

ROOT = Path(__file__).resolve().parent.parent
LICODEC = [sys.executable, "-m", "licodec"]
PROFILES = ("balanced", "fast", "best")
_LARGE_CROPS_RATE = 3e-4
_CROP_GRID_PX = 64


@dataclass(frozen=True)
class Stage:
    """One command of licodec, and the folder that it writes to."""

    name: str
    command: list[str]
    out: Path
    # What is added where the folder has a checkpoint of this stage already.
    resume: tuple[str, ...] = ()


def stages(told: argparse.Namespace) -> list[Stage]:
    """All commands in order."""
    return _of_family(told) if told.profile == "balanced" else _of_synthesis(told)


def _of_family(told: argparse.Namespace) -> list[Stage]:
    joint, large, real, synthesis = (
        told.out / name for name in ("joint", "large", "real", "synthesis")
    )
    large_px = max(told.crop, told.crop * 3 // 2 // _CROP_GRID_PX * _CROP_GRID_PX)
    large_batch = max(1, round(told.batch_size * told.crop**2 / large_px**2))
    first = ["--resume", told.start, "--grow", "--linear-share", 0] if told.start else []
    on_large = ["--crop", large_px, "--batch-size", large_batch]
    on_large += ["--learning-rate", _LARGE_CROPS_RATE, "--linear-share", 0]
    family = told.out / "family"
    return [
        _train(told, joint, 0.6, first),
        _train(told, large, 0.2, ["--resume", joint / "last.pt", *on_large]),
        _finetune(told, real, 0.1, [large / "last.pt"], ["--freeze", "gains"]),
        _export(told, real, []),
        _finetune(told, synthesis, 0.1, [real / "last.pt"], ["--family", family]),
        _export(told, synthesis, ["--synthesis-only"]),
    ]


def _of_synthesis(told: argparse.Namespace) -> list[Stage]:
    synthesis = told.out / "synthesis"
    options = ["--family", told.family, "-p", told.profile]
    return [
        _finetune(told, synthesis, 1.0, [told.start], options),
        _export(told, synthesis, ["-p", told.profile, "--synthesis-only"]),
    ]


def _train(told: argparse.Namespace, out: Path, share: float, more: list[object]) -> Stage:
    options = _options(told, out, share)
    command = ["train", *told.data, *options, "-p", told.profile, *more]
    resume = ("--resume", str(out / "last.pt"))  # the last one of an option counts
    return Stage(out.name, [str(word) for word in command], out, resume)


def _finetune(
    told: argparse.Namespace, out: Path, share: float, start: list[object], more: list[object]
) -> Stage:
    jobs = ["-j", told.jobs]
    command = ["finetune", *start, *told.data, *_options(told, out, share), *jobs, *more]
    return Stage(out.name, [str(word) for word in command], out, ("--resume",))


def _options(told: argparse.Namespace, out: Path, share: float) -> list[object]:
    limit = ["--time-limit", f"{3600 * told.hours * share:.1f}s", "--device", told.device]
    return ["-o", out, *limit, "--crop", told.crop, "--batch-size", told.batch_size]


def _export(told: argparse.Namespace, run: Path, more: list[str]) -> Stage:
    family = told.out / "family"
    kept = ["--keep-checkpoint", told.out / f"{told.profile}.pt"]
    command = ["export", run / "last.pt", *told.data, "-o", family, "--force", *kept, *more]
    return Stage(f"export-{run.name}", [str(word) for word in command], told.out)


def run(told: argparse.Namespace) -> int:
    """Run what is not done yet; returns the first exit code that is not 0."""
    if told.profile != "balanced" and not told.is_dry:
        released = told.family / "family.safetensors"
        if not released.is_file():
            print(f"{released}: no such file; name a released family", file=sys.stderr)
            return 1
        (told.out / "family").mkdir(parents=True, exist_ok=True)
        shutil.copy(released, told.out / "family")
    for stage in stages(told):
        done = told.out / f"{stage.name}.done"
        if done.exists():
            continue
        is_begun = (stage.out / "last.pt").exists() and stage.resume
        command = [*stage.command, *(stage.resume if is_begun else ())]
        print("licodec", shlex.join(command), file=sys.stderr, flush=True)
        if told.is_dry:
            continue
        code = subprocess.run([*LICODEC, *command], check=False).returncode  # noqa: S603 - built above
        if code:
            return code
        done.touch()
    if not told.is_dry:
        print(f"{told.out / 'family'}: weights; {told.out / told.profile}.pt: to go on from")
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Arguments as `run` takes them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("data", nargs="+", help="as for licodec train")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of all stages")
    parser.add_argument("--hours", type=float, default=8.0, help="of all stages [%(default)s]")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--crop", type=int, default=256, help="pixels [%(default)s]")
    parser.add_argument("--batch-size", type=int, default=4, help="crops per step [%(default)s]")
    parser.add_argument("--jobs", type=int, default=1, help="processes that encode [%(default)s]")
    parser.add_argument(
        "--start", type=Path, help="checkpoint to begin with [balanced: none; else the family's]"
    )
    parser.add_argument("--family", type=Path, help="that fast and best join [the installed one]")
    parser.add_argument("--dry-run", action="store_true", dest="is_dry", help="show the commands")
    told = parser.parse_args(arguments)
    if not 0 < told.hours < 1e5:
        parser.error(f"--hours is {told.hours:g}, expected a number above 0")
    if told.profile != "balanced":
        told.family = told.family or ROOT / "models" / family_of("psnr")
        told.start = told.start or ROOT / "checkpoints" / f"{told.family.name}-balanced.pt"
    return told


if __name__ == "__main__":
    sys.exit(run(parse()))
