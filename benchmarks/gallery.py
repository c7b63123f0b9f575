"""Crops of pictures beside other codecs at equal bytes, for a person to look at: `make gallery`.

    python benchmarks/gallery.py FOLDER [-o docs/gallery]

Writes a strip of crops per picture (lossless WebP) and a README.md with the figures. The file of
licodec's first profile sets the bytes, the other codecs are searched to them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.config import DEFAULT_EFFORT, DEFAULT_TUNE, family_of
from licodec.errors import LicodecError
from licodec.evaluate.bench import licodec_codecs, read_rgb
from licodec.evaluate.codec import BenchCodec, Trial, decode_timed, encode_timed
from licodec.evaluate.measures import MEASURES, VISUAL
from licodec.evaluate.metrics import measure_quality, psnr
from licodec.evaluate.peers import find_peer, installed_peers
from licodec.evaluate.rate_match import grid_index, match_bytes

CROP_PX = 192
GAP_PX = 6


@dataclass(frozen=True)
class Pick:
    """Part of a picture to show, and the quality of licodec's file."""

    left: int
    top: int
    quality: float


# Of the Kodak set: a face, foliage, bricks, a lighthouse with its fence, sea and sky, feathers.
KODAK = {
    "kodim04": Pick(190, 190, 60),
    "kodim05": Pick(330, 150, 55),
    "kodim08": Pick(280, 180, 55),
    "kodim19": Pick(200, 430, 58),
    "kodim21": Pick(430, 130, 58),
    "kodim23": Pick(130, 90, 66),
}
OTHER_QUALITY = 58.0
NUM_OTHERS = 6

_INTRODUCTION = """\
Columns from left to right: original, {names}. Every file is of the
whole picture; bytes, bits per pixel and the measures are of it (Butteraugli: lower is better), and
a part of {px}x{px} pixels is shown.
licodec has the weights of `{family}` and effort {effort}; its first profile sets the bytes,
the others are searched to come near to them. Remade by `make gallery FOLDER={folder}`."""

_HEADINGS = " | ".join(
    ("| column", "bytes", "bpp", *(MEASURES[metric].label for metric in VISUAL), "PSNR (dB) |")
)

KODAK_LICENCE = """\
The pictures are of the Kodak test set, from the repository
MohamedBakrAli/Kodak-Lossless-True-Color-Image-Suite, which says that they were "released by the
Eastman Kodak Company for unrestricted usage".
"""


def choose(folder: Path) -> dict[Path, Pick]:
    """The picks of Kodak that are in the folder, else the centres of its first pictures."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".tif", ".webp"))
    known = {p: KODAK[p.stem] for p in paths if p.stem in KODAK}
    if known:
        return known
    picks = {}
    for path in paths[:NUM_OTHERS]:
        height, width = read_rgb(path).shape[:2]
        left, top = max(0, (width - CROP_PX) // 2), max(0, (height - CROP_PX) // 2)
        picks[path] = Pick(left, top, OTHER_QUALITY)
    return picks


def show(path: Path, pick: Pick, codecs: list[BenchCodec], target: Path) -> list[str]:
    """Write the strip of one picture; returns its part of the page."""
    pixels = read_rgb(path)
    height, width = pixels.shape[:2]
    num_px = height * width
    wanted = 0.0
    crops, rows = [_cut(pixels, pick)], [f"| original | {path.stat().st_size:,} | | | | |"]
    for codec in codecs:
        trial = _file(codec, Image.fromarray(pixels), pick.quality, wanted)
        wanted = wanted or len(trial.data)
        decoded, _ = decode_timed(codec, trial.data, (width, height))
        crops.append(_cut(decoded, pick))
        num_bytes = len(trial.data)
        visual = measure_quality(pixels, decoded, VISUAL)
        cells = [MEASURES[metric].text(visual[metric]) for metric in VISUAL]
        rows.append(
            f"| {codec.name} | {num_bytes:,} | {8 * num_bytes / num_px:.3f} | "
            f"{' | '.join(cells)} | {psnr(pixels, decoded):.2f} |"
        )
    strip = Image.fromarray(_join(crops))
    strip.save(target / f"{path.stem}.webp", lossless=True, method=6)
    return [
        f"## {path.stem}",
        f"![{path.stem}: original, {', '.join(c.name for c in codecs)}]({path.stem}.webp)",
        "\n".join([_HEADINGS, "|---" * (len(VISUAL) + 4) + "|", *rows]),
    ]


def _file(codec: BenchCodec, image: Image.Image, quality: float, wanted: float) -> Trial:
    """The file at licodec's quality, or (wanted > 0) that of nearly so many bytes."""
    if not codec.name.startswith("licodec"):
        return match_bytes(codec, image, wanted)
    index = grid_index(codec, quality)
    trial = encode_timed(codec, image, codec.grid[index])
    return match_bytes(codec, image, wanted, {index: trial}) if wanted else trial


def _cut(pixels: NDArray[np.uint8], pick: Pick) -> NDArray[np.uint8]:
    return pixels[pick.top : pick.top + CROP_PX, pick.left : pick.left + CROP_PX]


def _join(crops: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((crops[0].shape[0], GAP_PX, 3), 255, np.uint8)
    parts = [part for crop in crops for part in (crop, gap)]
    return np.concatenate(parts[:-1], 1)


def write_gallery(folder: Path, target: Path, profiles: list[str], peers: list[str]) -> None:
    """Write all strips and the page.

    Raises:
        LicodecError: no picture in the folder, one that cannot be read, or an unknown codec.
    """
    picks = choose(folder)
    if not picks:
        raise LicodecError(f"{folder}: no PNG, TIFF or WebP picture; name another folder")
    codecs = licodec_codecs(profiles, [DEFAULT_EFFORT], "cpu") + [find_peer(n) for n in peers]
    target.mkdir(parents=True, exist_ok=True)
    parts = [
        "# Crops at equal bytes",
        _INTRODUCTION.format(
            names=", ".join(c.name for c in codecs),
            px=CROP_PX,
            family=family_of(DEFAULT_TUNE),
            effort=DEFAULT_EFFORT,
            folder=folder.name,
        ),
        "\n".join(f"- {c.name}: {c.settings}" for c in codecs),
    ]
    if any(p.stem in KODAK for p in picks):
        parts.append(KODAK_LICENCE.rstrip())
    for path, pick in picks.items():
        print(path.name, file=sys.stderr, flush=True)
        parts += show(path, pick, codecs, target)
    (target / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments; 0 done, 1 failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/gallery"))
    parser.add_argument("-p", "--profile", action="append", help="[balanced and fast]")
    parser.add_argument("-c", "--codec", action="append", help="to compare with [avif, jxl, jpeg]")
    args = parser.parse_args(arguments)
    profiles = args.profile or ["balanced", "fast"]
    peers = args.codec or [n for n in ("avif", "jxl", "jpeg") if n in installed_peers()]
    try:
        write_gallery(args.folder, args.out, profiles, peers)
    except (LicodecError, OSError) as error:
        print(f"gallery: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
