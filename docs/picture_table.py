"""Remakes the table of docs/pictures.md: what four encoders do with the same files.

`make picture-table`; needs avifenc, avifdec, cjxl, djxl, jxlinfo and cwebp on the PATH. The files
are those of tests/image/odd.py. What an encoder wrote is opened as licodec opens pictures, so that
every format is judged by one viewer.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from licodec.api import Codec
from licodec.errors import ImageError
from licodec.evaluate.report import rewrite_block
from licodec.image.colours import convert_to_srgb
from licodec.image.files import read_picture, render_picture
from licodec.image.formats import WRITE_FORMATS
from licodec.image.picture import Picture
from tests.image.odd import Odd, all_odd_pictures

TARGET = Path(__file__).parent / "pictures.md"
QUALITY = 90
# Mean absolute difference that is taken for wrong colours, in units of what tests/image allows.
MAX_ERROR = 1.75

# File, what it is, what is looked at.
ROWS = (
    ("grey.png", "grey", "grey"),
    ("grey-as-rgb.png", "RGB, all three channels equal", "grey"),
    ("bilevel.png", "bilevel", "grey"),
    ("palette.png", "palette", "colours"),
    ("palette-alpha.png", "palette with alpha", "colours alpha"),
    ("rgba.png", "RGBA", "colours alpha hidden"),
    ("la.png", "grey with alpha", "grey alpha"),
    ("deep-rgb.png", "16-bit RGB PNG", "colours depth"),
    ("deep-grey.png", "16-bit grey PNG", "colours depth"),
    ("deep-rgb.tif", "16-bit RGB TIFF", "colours depth"),
    ("float-32.tif", "32-bit floating-point TIFF", "colours depth"),
    ("cmyk.jpg", "CMYK JPEG", "colours"),
    ("cmyk-profile.jpg", "CMYK JPEG with profile", "colours"),
    ("turned-6.jpg", "JPEG, EXIF orientation 6", "upright"),
    ("turned-rgba.png", "PNG, EXIF orientation 6", "upright"),
    ("wide-gamut.png", "PNG, Display P3 by ICC", "colours icc"),
    ("chunks-p3.png", "PNG, Display P3 by cHRM and gAMA", "colours"),
    ("numbers-p3.png", "PNG, Display P3 by cICP", "colours"),
    ("grey-profile.png", "grey PNG, linear by ICC", "colours icc"),
    ("rgb-grey-profile.png", "RGB PNG with a grey ICC profile", "colours"),
    ("all.png", "PNG with ICC, EXIF, XMP", "icc exif xmp"),
    ("all.jpg", "JPEG with ICC, EXIF, XMP", "icc exif xmp"),
    ("animated.png", "animated PNG, 3 frames", "frames"),
    ("animated.gif", "animated GIF, 3 frames", "frames"),
    ("size-1x1.png", "1x1", "colours"),
    ("size-5000x3.png", "5000x3", "colours"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an encoder made of a file."""

    picture: Picture
    num_bytes: int
    num_frames: int
    is_grey: bool  # stored without colour
    kinds: frozenset[str]  # of metadata in the file
    has_note: bool = False  # licodec alone tells so that it can be asked


Encode = Callable[[Path, Path], Outcome | None]


def run(*command: str | Path) -> str | None:
    """What a program prints; None if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603 - our own words
    return (done.stdout + done.stderr).decode(errors="replace") if done.returncode == 0 else None


def look_into(path: Path | io.BytesIO) -> tuple[int, frozenset[str]]:
    """Number of frames and kinds of metadata."""
    keys = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}
    with Image.open(path) as image:
        image.load()
        kinds = frozenset(kind for kind, key in keys.items() if image.info.get(key))
        return getattr(image, "n_frames", 1), kinds


def jxl_boxes(data: bytes) -> frozenset[str]:
    """Kinds of metadata that a JPEG XL file holds beside its codestream."""
    names, offset = {b"Exif": "exif", b"xml ": "xmp"}, 0
    found = set()
    while offset + 8 <= len(data):
        size, kind = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        if kind == b"brob":  # a compressed box; its own kind follows
            kind = data[offset + 8 : offset + 12]
        if kind in names:
            found.add(names[kind])
        if size < 8:  # the last box, or a bare codestream
            break
        offset += size
    return frozenset(found)


def avifenc(source: Path, folder: Path) -> Outcome | None:
    target = folder / "out.avif"
    if run("avifenc", "--min", "0", "--max", "16", source, target) is None:
        return None
    num_frames, kinds = look_into(target)
    return Outcome(
        picture=read_picture(target),
        num_bytes=target.stat().st_size,
        num_frames=num_frames,
        is_grey="YUV400" in (run("avifdec", "--info", target) or ""),
        kinds=kinds,
    )


def cjxl(source: Path, folder: Path) -> Outcome | None:
    target, back = folder / "out.jxl", folder / "out.png"
    if run("cjxl", source, target) is None or run("djxl", target, back) is None:
        return None
    num_frames, kinds = look_into(back)
    return Outcome(
        picture=read_picture(back),
        num_bytes=target.stat().st_size,
        num_frames=num_frames,
        is_grey="Grayscale" in (run("jxlinfo", target) or ""),
        kinds=kinds & {"icc"} | jxl_boxes(target.read_bytes()),
    )


def cwebp(source: Path, folder: Path) -> Outcome | None:
    target = folder / "out.webp"
    if run("cwebp", "-quiet", "-q", str(QUALITY), "-metadata", "all", source, "-o", target) is None:
        return None
    num_frames, kinds = look_into(target)
    return Outcome(
        picture=read_picture(target),
        num_bytes=target.stat().st_size,
        num_frames=num_frames,
        is_grey=False,
        kinds=kinds,
    )


def licodec_with(codec: Codec) -> Encode:
    def encode(source: Path, folder: Path) -> Outcome | None:
        picture = read_picture(source)
        data = codec.encode_picture(picture, quality=QUALITY)
        png, notes = render_picture(codec.decode_picture(data), WRITE_FORMATS["png"])
        num_frames, kinds = look_into(io.BytesIO(png))
        return Outcome(
            picture=read_picture(io.BytesIO(png)),
            num_bytes=len(data),
            num_frames=num_frames,
            is_grey=picture.is_grey,
            kinds=kinds,
            has_note=bool(picture.notes + notes),
        )

    return encode


def describe(outcome: Outcome | None, odd: Odd, looks: str, hidden_cost: str) -> str:
    """One cell."""
    if outcome is None:
        return "not read"
    picture, found = outcome.picture, []
    size = (picture.width, picture.height)
    if size != odd.shown.shape[1::-1]:
        found.append("not upright" if "upright" in looks else f"size {size[0]}x{size[1]}")
    elif error_of(picture, odd) > MAX_ERROR * odd.tolerance:
        found.append("**wrong colours**")
    elif "upright" in looks:
        found.append("upright")
    elif "grey" in looks:
        found.append("as grey" if outcome.is_grey else "as colour")
    elif "colours" in looks:
        found.append("right")
    if "alpha" in looks:
        found.append(alpha_text(picture, odd))
    if "hidden" in looks:
        found.append(hidden_cost)
    if "depth" in looks:
        bits = [re.match(r"(\d+)-bit", note) for note in picture.notes]
        found.append(f"{next((match[1] for match in bits if match), '8')} bits")
    if "frames" in looks:
        found.append("first frame" if outcome.num_frames == 1 else f"{outcome.num_frames} frames")
    names = [name for name in ("icc", "exif", "xmp") if name in looks.split()]
    kept = [name.upper() for name in names if name in outcome.kinds]
    lost = [name.upper() for name in names if name not in outcome.kinds]
    found += [f"{' '.join(kept)} kept"] * bool(kept) + [f"{' '.join(lost)} lost"] * bool(lost)
    return ", ".join([*found, *["note"] * outcome.has_note])


def error_of(picture: Picture, odd: Odd) -> float:
    """Mean absolute difference of visible sRGB samples."""
    pixels = picture.pixels
    if picture.icc is not None:
        pixels = convert_to_srgb(pixels, picture.icc)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, 2)
    is_seen = slice(None) if odd.alpha is None else odd.alpha > 0
    return float(np.abs(pixels.astype(int) - odd.shown)[is_seen].mean())


def alpha_text(picture: Picture, odd: Odd) -> str:
    assert odd.alpha is not None
    if picture.alpha is None:
        return "alpha lost"
    error = int(np.abs(picture.alpha.astype(int) - odd.alpha).max())
    return f"alpha off by {error}" if error else "alpha exact"


def make_table(encoders: Mapping[str, Encode]) -> str:
    """The whole table in Markdown."""
    odds = {odd.name: odd for odd in all_odd_pictures()}
    lines = [f"| file | {' | '.join(encoders)} |", "|---" * (len(encoders) + 1) + "|"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, title, looks in ROWS:
            cells = []
            for encode in encoders.values():
                outcome = attempt(encode, odds[name], folder)
                cost = ""
                if outcome is not None and "hidden" in looks:
                    noisy = attempt(encode, odds["rgba-noise-below.png"], folder)
                    assert noisy is not None
                    more = 100 * (noisy.num_bytes / outcome.num_bytes - 1)
                    cost = f"noise under alpha 0: {more:+.0f} % bytes"
                cells.append(describe(outcome, odds[name], looks, cost))
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def attempt(encode: Encode, odd: Odd, folder: Path) -> Outcome | None:
    source = folder / odd.name
    source.write_bytes(odd.data)
    try:
        return encode(source, folder)
    except ImageError:
        return None
    finally:
        for made in folder.iterdir():
            made.unlink()


def version_of(*command: str) -> str:
    match = re.search(r"\d+(?:\.\d+)+", run(*command) or "")
    return match[0] if match else "of unknown version"


def main() -> None:
    """Rewrite the block of docs/pictures.md."""
    programs = ("avifenc", "avifdec", "cjxl", "djxl", "jxlinfo", "cwebp")
    missing = ", ".join(program for program in programs if not shutil.which(program))
    if missing:
        sys.exit(f"picture-table needs {missing}; on Debian: libavif-bin libjxl-tools webp")
    own = licodec_with(Codec(device="cpu"))
    table = make_table({"licodec": own, "avifenc": avifenc, "cjxl": cjxl, "cwebp": cwebp})
    versions = (
        f"avifenc {version_of('avifenc', '--version')}, cjxl {version_of('cjxl', '--version')}, "
        f"cwebp {version_of('cwebp', '-version')}"
    )
    page = TARGET.read_text(encoding="utf-8")
    block = f"{table}\n\nMeasured with {versions}."
    TARGET.write_text(rewrite_block(page, block), encoding="utf-8")
    sys.stderr.write(f"{TARGET}: {len(ROWS)} files, {versions}\n")


if __name__ == "__main__":
    main()
