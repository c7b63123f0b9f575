"""Writes docs/codecs.jpg, a part of a photograph through several codecs: `make picture`."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from licodec.evaluate import compare
from licodec.files import write_file

DOCS = Path(__file__).parent
PHOTO = DOCS.parent / "examples" / "photos" / "coffee.png"
TARGET = DOCS / "codecs.jpg"

BPP = 0.25
REGION = (235, 60, 240, 240)  # left, top, width, height in pixels
ZOOM = 1.5
CODECS = {"licodec-balanced": "licodec", "avif": "AVIF", "jpeg": "JPEG"}

_GAP_PX = 6
_TEXT_PX = 17
_LINE_PX = 24


def panel(pixels: np.ndarray, lines: tuple[str, ...]) -> Image.Image:
    """(h, w, 3) uint8 RGB, enlarged, with lines of text below."""
    photo = Image.fromarray(pixels)
    size = round(photo.width * ZOOM), round(photo.height * ZOOM)
    whole = Image.new("RGB", (size[0], size[1] + _LINE_PX * len(lines) + _GAP_PX), "white")
    whole.paste(photo.resize(size, Image.Resampling.BICUBIC), (0, 0))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(_TEXT_PX)
    for index, line in enumerate(lines):
        place = size[0] / 2, size[1] + _GAP_PX + _LINE_PX * (index + 0.5)
        draw.text(place, line, "black", font, anchor="mm")
    return whole


def render() -> bytes:
    """The picture as a JPEG file."""
    made = compare(
        PHOTO, codecs=("licodec", "avif", "jpeg"), bpp=BPP, region=REGION, with_curves=False
    )
    panels = [panel(made.shown, ("original", f"{made.width}x{made.height} px in all"))]
    for result in made.results:
        lines = CODECS[result.name], f"{result.num_bytes:,} bytes, {result.ssimulacra2:.0f} points"
        panels.append(panel(result.shown, lines))
    width = sum(one.width + _GAP_PX for one in panels) - _GAP_PX
    row = Image.new("RGB", (width, panels[0].height), "white")
    for index, one in enumerate(panels):
        row.paste(one, (index * (one.width + _GAP_PX), 0))
    buffer = io.BytesIO()
    row.save(buffer, "JPEG", quality=90, subsampling=0, optimize=True, progressive=True)
    return buffer.getvalue()


if __name__ == "__main__":
    write_file(TARGET, render(), replace=True)
