"""Remake the golden files: photographs in, tiny .lic files and what they decode to out.

Needed when weights of a family change, or when a file is added; `make golden` runs it for all,
`make golden FAMILIES=psnr4` for a family; it takes names of files, too. See README.md beside it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.graphics.pages import drawn_page

FOLDER = Path(__file__).parent
PHOTOS = FOLDER.parents[1] / "examples" / "photos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """How one file is made."""

    photo: str | None  # None: a drawn page with a photograph
    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels
    mode: str
    quality: float
    quantizer: str | None = None  # None: that of the default effort
    has_metadata: bool = False
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)  # lines at top, bottom, left, right
    colour: int = 16  # of their red, green and blue
    tune: str = "psnr"


GOLDEN = {
    "rgb-48x40-q30": Golden(photo="coffee", box=(250, 120, 298, 160), mode="RGB", quality=30),
    "rgb-100x75-q80": Golden(photo="chelsea", box=(150, 90, 250, 165), mode="RGB", quality=80),
    "grey-33x17-q60": Golden(photo="coffee", box=(180, 200, 213, 217), mode="L", quality=60),
    "rgba-20x20-q90": Golden(
        photo="chelsea", box=(200, 110, 220, 130), mode="RGBA", quality=90, has_metadata=True
    ),
    "rounding-48x40-q50": Golden(
        photo="coffee", box=(250, 120, 298, 160), mode="RGB", quality=50, quantizer="rounding"
    ),
    "rdoq-48x40-q70": Golden(
        photo="chelsea", box=(160, 100, 208, 140), mode="RGB", quality=70, quantizer="rdoq"
    ),
    "tcq8-90x70-q80": Golden(
        photo="chelsea", box=(150, 90, 240, 160), mode="RGB", quality=80, quantizer="tcq8"
    ),
    "tcq128-90x70-q40": Golden(
        photo="chelsea", box=(150, 90, 240, 160), mode="RGB", quality=40, quantizer="tcq128"
    ),
    "margins-90x80-q60": Golden(
        photo="coffee", box=(180, 160, 269, 224), mode="RGB", quality=60, margins=(7, 9, 0, 1)
    ),
    "layers-160x112-q60": Golden(photo=None, box=(0, 0, 160, 112), mode="RGB", quality=60),
}
# What opens a codec that encodes with each family.
FAMILIES: dict[str, dict[str, str]] = {"psnr4": {"tune": "psnr"}, "visual6": {"tune": "visual"}}
# By name of the file.
ALL = {f"{family}-{name}": golden for family in FAMILIES for name, golden in GOLDEN.items()}
EXIF = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0"  # orientation 1
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def family_of(name: str) -> str:
    """The family of a golden file."""
    return name.partition("-")[0]


def source_pixels(golden: Golden) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8."""
    if golden.photo is None:
        return drawn_page()
    with Image.open(PHOTOS / f"{golden.photo}.png") as photo:
        mode = "L" if golden.mode == "L" else "RGB"
        pixels = np.asarray(photo.convert(mode).crop(golden.box))
    top, bottom, left, right = golden.margins
    sides = (top, bottom), (left, right), (0, 0)
    return np.pad(pixels, sides[: pixels.ndim], constant_values=golden.colour)


def source_alpha(height: int, width: int) -> np.ndarray:
    """(H, W) uint8: a slope with both ends of the range."""
    y, x = np.mgrid[:height, :width]
    return (255 * (x + y) // (height + width - 2)).astype(np.uint8)


def write_one(name: str) -> dict[str, object]:
    """Write NAME.lic and NAME.png; returns what a decoder must find."""
    from licodec.api import Codec
    from licodec.container.read import read_container
    from licodec.image.convert import to_image
    from licodec.image.picture import Picture

    golden = ALL[name]
    pixels = source_pixels(golden)
    metadata = {"exif": EXIF, "xmp": XMP} if golden.has_metadata else {}
    alpha = source_alpha(*pixels.shape[:2]) if golden.mode == "RGBA" else None
    codec = Codec(device="cpu", **FAMILIES[family_of(name)])
    data = codec.encode_picture(
        Picture(pixels=pixels, alpha=alpha, **metadata),
        quality=golden.quality,
        quantizer=golden.quantizer,
    )
    decoded = codec.decode_picture(data)
    (FOLDER / f"{name}.lic").write_bytes(data)
    to_image(Picture(pixels=decoded.pixels, alpha=decoded.alpha)).save(FOLDER / f"{name}.png")
    return {
        "crc": f"{read_container(data).crc:08x}",
        "lic_sha256": hashlib.sha256(data).hexdigest(),
        "pixels_sha256": hashlib.sha256(decoded.pixels.tobytes()).hexdigest(),
        "num_bytes": len(data),
    }


def main(wanted: list[str]) -> None:
    """Remake some files, named by themselves or by their family; all without any."""
    unknown = sorted(set(wanted) - set(FAMILIES) - set(ALL))
    if unknown:
        sys.exit(f"unknown {unknown[0]}; expected any of {', '.join([*FAMILIES, *ALL])}")
    made = [name for name in ALL if not wanted or {name, family_of(name)} & set(wanted)]
    path = FOLDER / "expected.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: found for name, found in kept.items() if name in ALL and name not in made}
    for file in (*FOLDER.glob("*.lic"), *FOLDER.glob("*.png")):
        if file.stem not in kept:
            file.unlink()
    text = json.dumps(kept | {name: write_one(name) for name in made}, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")
    sys.stderr.write(f"{FOLDER}: {len(made)} golden files; say so in CHANGELOG.md\n")


if __name__ == "__main__":
    main(sys.argv[1:])
