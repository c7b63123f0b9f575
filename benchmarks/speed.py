"""The gate for speed: `make bench-speed`, which CI runs.

    python benchmarks/speed.py [--update]

Encode, decode and peak memory of three pictures are measured as ratios to Pillow's AVIF encode in
the same run, so that a slower machine changes little, and compared with those in `speed.json` of
the same instruction set and model of CPU. A ratio that has grown by more than 25 % fails. Models
differ by more than that, so one that is not in the file is compared with the slowest that is, and
may be 60 % above it: enough to see that something is done twice. `--update` writes the ratios anew.

Times are processor times of one thread: the least of several rounds, each of which does everything
once, in turn forwards and backwards. Memory is the peak of a process that does one thing. What
seems slower is measured again, up to twice, because other work on the machine disturbs both.
"""

from __future__ import annotations

import io
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
STORED = Path(__file__).with_name("speed.json")
PHOTOS = ROOT / "examples" / "photos"

MOST_GROWTH = 1.25
MOST_GROWTH_ELSEWHERE = 1.6  # above the slowest model of CPU that is stored
_NUM_TRIES = 3
_NUM_ROUNDS = 5
_QUALITY = 75.0

Ratios = dict[str, float]
Stored = dict[str, dict[str, Ratios]]  # by instruction set and model of CPU


def pictures() -> dict[str, Image.Image]:
    """The shipped photographs, and a sheet of both that is larger than a strip of the networks."""
    found = {
        name: Image.open(PHOTOS / f"{name}.png").convert("RGB") for name in ("chelsea", "coffee")
    }
    sheet = Image.new("RGB", (1500, 1100))
    for number in range(15):
        photo = found[("coffee", "chelsea")[number % 2]].resize((500, 220))
        sheet.paste(photo, (500 * (number % 3), 220 * (number // 3)))
    return found | {"sheet": sheet}


def encode_avif(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", quality=65, speed=6, max_threads=1)
    return buffer.getvalue()


def main() -> int:
    if sys.argv[1:2] == ["--peak"]:
        print(_peak_of(sys.argv[2], Path(sys.argv[3])))
        return 0
    os.environ["OMP_NUM_THREADS"] = "1"  # of libraries that are not loaded yet
    instructions, cpu = instruction_set(), cpu_model()
    stored: Stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    if "--update" in sys.argv[1:]:
        of_cpus = stored.get(instructions, {}) | {cpu: measure_all()}
        text = json.dumps(stored | {instructions: of_cpus}, indent=1, sort_keys=True) + "\n"
        STORED.write_text(text, encoding="utf-8")
        return 0
    limits = limits_of(stored.get(instructions, {}), cpu)
    ratios = measure_all()
    for _ in range(_NUM_TRIES - 1):
        if not limits or not over(ratios, limits):
            break
        again = measure_all()
        ratios = {name: min(ratio, again[name]) for name, ratio in ratios.items()}
    for name, ratio in ratios.items():
        print(f"{name:<24}{ratio:8.3f}   limit {limits.get(name, math.nan):8.3f}")
    if not limits:
        print(f"nothing stored for {instructions}; --update writes it")
        return 0
    slower = over(ratios, limits)
    for line in slower:
        print(f"slower: {line}", file=sys.stderr)
    return 1 if slower else 0


def measure_all() -> Ratios:
    """Ratios of all pictures, by name of picture and way."""
    ratios: Ratios = {}
    for name, image in pictures().items():
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(image, Path(folder))
        ratios |= {f"{name}, {way}": round(ratio, 3) for way, ratio in measured.items()}
    return ratios


def limits_of(of_cpus: Mapping[str, Ratios], cpu: str) -> Ratios:
    """The largest ratios that pass on a CPU, from those stored of CPUs of its instruction set."""
    if cpu in of_cpus:
        return {name: MOST_GROWTH * ratio for name, ratio in of_cpus[cpu].items()}
    limits: Ratios = {}
    for ratios in of_cpus.values():
        for name, ratio in ratios.items():
            limits[name] = max(limits.get(name, 0.0), MOST_GROWTH_ELSEWHERE * ratio)
    return limits


def over(ratios: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """Ratios above their limits; those of one side alone count as well."""
    lines = [
        f"{name} is {ratio:.3f} of AVIF's encode, may be {limits[name]:.3f}"
        for name, ratio in ratios.items()
        if name in limits and ratio > limits[name]
    ]
    return lines + [f"{name} is measured or stored alone" for name in sorted({*ratios} ^ {*limits})]


def cpu_model() -> str:
    """Vendor, family and model of the CPU where the system tells, else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    entries = dict([part.strip() for part in line.split(":", 1)] for line in lines if ":" in line)
    names = [entries.get(key) for key in ("vendor_id", "cpu family", "model")]
    return " ".join(name for name in names if name is not None) or platform.machine()


def instruction_set() -> str:
    """What codes here: the native library's instruction set, or torch."""
    from licodec import native

    library = native.find()
    return "torch" if library is None else library.isa


def measure(image: Image.Image, folder: Path) -> Ratios:
    """Ratios of a picture to its AVIF encode; files for other processes go to the folder."""
    import torch

    import licodec

    torch.set_num_threads(1)
    codec = licodec.Codec(device="cpu")
    data = codec.encode(image, quality=_QUALITY)
    calls: dict[str, Callable[[], object]] = {
        "avif": lambda: encode_avif(image),
        "encode": lambda: codec.encode(image, quality=_QUALITY),
        "decode": lambda: codec.decode(data),
    }
    least = dict.fromkeys(calls, math.inf)
    for number in range(_NUM_ROUNDS):
        for way in list(calls) if number % 2 else reversed(calls):
            started = time.process_time()
            calls[way]()
            least[way] = min(least[way], time.process_time() - started)
    image.save(folder / "picture.png")
    (folder / "picture.lic").write_bytes(data)
    peaks = {way: _peak_in_new_process(way, folder) for way in calls}
    return {
        "encode": least["encode"] / least["avif"],
        "decode": least["decode"] / least["avif"],
        "encode memory": peaks["encode"] / peaks["avif"],
        "decode memory": peaks["decode"] / peaks["avif"],
    }


def _peak_in_new_process(way: str, folder: Path) -> float:
    command = [sys.executable, __file__, "--peak", way, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def _peak_of(way: str, folder: Path) -> float:
    """Megabytes that this process has taken at most, after it has done one thing."""
    if way == "decode":
        import licodec

        licodec.decode((folder / "picture.lic").read_bytes(), device="cpu")
        return _peak_megabytes()
    with Image.open(folder / "picture.png") as image:
        if way == "avif":
            encode_avif(image)
        else:
            import licodec

            licodec.encode(image, quality=_QUALITY, device="cpu")
    return _peak_megabytes()


def _peak_megabytes() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with that of the process that started this one
        lines = status.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    import resource

    divisor = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / divisor


if __name__ == "__main__":
    sys.exit(main())
