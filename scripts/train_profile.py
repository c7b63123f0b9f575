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

from licodec.config import DEFAULT_TUNE, family_of

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


def stages(args: argparse.Namespace) -> list[Stage]:
    """All commands in order."""
    return _of_family(args) if args.profile == "balanced" else _of_synthesis(args)


def _of_family(args: argparse.Namespace) -> list[Stage]:
    joint, large, real, synthesis = (
        args.out / name for name in ("joint", "large", "real", "synthesis")
    )
    large_px = max(args.crop, args.crop * 3 // 2 // _CROP_GRID_PX * _CROP_GRID_PX)
    large_batch = max(1, round(args.batch_size * args.crop**2 / large_px**2))
    first = ["--resume", args.start, "--grow", "--linear-share", 0] if args.start else []
    on_large = ["--crop", large_px, "--batch-size", large_batch]
    on_large += ["--learning-rate", _LARGE_CROPS_RATE, "--linear-share", 0]
    family = args.out / "family"
    return [
        _train(args, joint, 0.6, first),
        _train(args, large, 0.2, ["--resume", joint / "last.pt", *on_large]),
        _finetune(args, real, 0.1, [large / "last.pt"], ["--freeze", "gains"]),
        _export(args, real, []),
        _finetune(args, synthesis, 0.1, [real / "last.pt"], ["--family", family]),
        _export(args, synthesis, ["--synthesis-only"]),
    ]


def _of_synthesis(args: argparse.Namespace) -> list[Stage]:
    synthesis = args.out / "synthesis"
    options = ["--family", args.family, "-p", args.profile]
    return [
        _finetune(args, synthesis, 1.0, [args.start], options),
        _export(args, synthesis, ["-p", args.profile, "--synthesis-only"]),
    ]


def _train(args: argparse.Namespace, out: Path, share: float, more: list[object]) -> Stage:
    options = _options(args, out, share)
    command = ["train", *args.data, *options, "-p", args.profile, *more]
    resume = ("--resume", str(out / "last.pt"))  # the last one of an option counts
    return Stage(out.name, [str(word) for word in command], out, resume)


def _finetune(
    args: argparse.Namespace, out: Path, share: float, start: list[object], more: list[object]
) -> Stage:
    jobs = ["-j", args.jobs]
    command = ["finetune", *start, *args.data, *_options(args, out, share), *jobs, *more]
    return Stage(out.name, [str(word) for word in command], out, ("--resume",))


def _options(args: argparse.Namespace, out: Path, share: float) -> list[object]:
    limit = ["--time-limit", f"{3600 * args.hours * share:.1f}s", "--device", args.device]
    return ["-o", out, *limit, "--crop", args.crop, "--batch-size", args.batch_size]


def _export(args: argparse.Namespace, run: Path, more: list[str]) -> Stage:
    family = args.out / "family"
    kept = ["--keep-checkpoint", args.out / f"{args.profile}.pt"]
    command = ["export", run / "last.pt", *args.data, "-o", family, "--force", *kept, *more]
    return Stage(f"export-{run.name}", [str(word) for word in command], args.out)


def run(args: argparse.Namespace) -> int:
    """Run what is not done yet; returns the first exit code that is not 0."""
    if args.profile != "balanced" and not args.is_dry:
        released = args.family / "family.safetensors"
        if not released.is_file():
            print(f"{released}: no such file; name a released family", file=sys.stderr)
            return 1
        (args.out / "family").mkdir(parents=True, exist_ok=True)
        shutil.copy(released, args.out / "family")
    for stage in stages(args):
        done = args.out / f"{stage.name}.done"
        if done.exists():
            continue
        is_begun = (stage.out / "last.pt").exists() and stage.resume
        command = [*stage.command, *(stage.resume if is_begun else ())]
        print("licodec", shlex.join(command), file=sys.stderr, flush=True)
        if args.is_dry:
            continue
        code = subprocess.run([*LICODEC, *command], check=False).returncode  # noqa: S603 - built above
        if code:
            return code
        done.touch()
    if not args.is_dry:
        print(f"{args.out / 'family'}: weights; {args.out / args.profile}.pt: to go on from")
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
    args = parser.parse_args(arguments)
    if not 0 < args.hours < 1e5:
        parser.error(f"--hours is {args.hours:g}, expected a number above 0")
    if args.profile != "balanced":
        args.family = args.family or ROOT / "models" / family_of(DEFAULT_TUNE)
        args.start = args.start or ROOT / "checkpoints" / f"{args.family.name}-balanced.pt"
    return args


if __name__ == "__main__":
    sys.exit(run(parse()))
