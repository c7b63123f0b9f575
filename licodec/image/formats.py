"""The picture formats that are read and written, and what each can carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from licodec.errors import ImageError

# Pillow's names. Left out: formats that Pillow hands to another program (EPS) or knows by the
# name of the file only, and those that hold no finished picture.
READ_FORMATS = (
    "PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "TGA",
    "ICO", "PCX", "QOI", "SGI",
)  # fmt: skip

# What a folder's files are chosen by.
READ_SUFFIXES = frozenset(
    (
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".avif", ".avifs",
        ".gif", ".tif", ".tiff", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".jp2",
        ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".tga", ".ico", ".pcx", ".qoi", ".sgi", ".rgb",
        ".bw",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFormat:
    """A picture format with what it carries beside grey or RGB pixels."""

    name: str  # Pillow's
    suffixes: tuple[str, ...]  # the first one names new files
    has_alpha: bool
    has_icc: bool
    has_exif: bool
    has_xmp: bool
    has_density: bool  # in a field of its own, beside EXIF
    max_side_px: int


_NO_LIMIT_PX = 2**31 - 1


def _format(
    name: str, *suffixes: str, carries: str, max_side_px: int = _NO_LIMIT_PX
) -> WriteFormat:
    parts = carries.split()
    return WriteFormat(
        name=name,
        suffixes=suffixes,
        has_alpha="alpha" in parts,
        has_icc="icc" in parts,
        has_exif="exif" in parts,
        has_xmp="xmp" in parts,
        has_density="density" in parts,
        max_side_px=max_side_px,
    )


# Key: the name that users type.
WRITE_FORMATS: Mapping[str, WriteFormat] = MappingProxyType(
    {
        "png": _format("PNG", ".png", carries="alpha icc exif xmp density"),
        "jpeg": _format(
            "JPEG",
            *(".jpg", ".jpeg", ".jpe", ".jfif"),
            carries="icc exif xmp density",
            max_side_px=65500,  # of libjpeg
        ),
        "webp": _format("WEBP", ".webp", carries="alpha icc exif xmp", max_side_px=16383),
        "avif": _format("AVIF", ".avif", carries="alpha icc exif xmp", max_side_px=65536),
        "tiff": _format("TIFF", ".tif", ".tiff", carries="alpha icc exif xmp"),
        "bmp": _format("BMP", ".bmp", carries="density"),
        "ppm": _format("PPM", ".ppm", ".pgm", ".pnm", carries=""),
        "jp2": _format("JPEG2000", ".jp2", carries="alpha"),
    }
)


# What an output of `licodec decompress` may end with.
WRITE_SUFFIXES = frozenset(s for chosen in WRITE_FORMATS.values() for s in chosen.suffixes)


def find_format(target: str | Path | BinaryIO, name: str | None = None) -> WriteFormat:
    """The format to write: by name, else by the path's extension, else PNG.

    Raises:
        ImageError: a name or an extension that is not in `WRITE_FORMATS`.
    """
    if name is None and not isinstance(target, str | Path):
        return WRITE_FORMATS["png"]
    if name is None:
        suffix = Path(str(target)).suffix.lower()
        for chosen in WRITE_FORMATS.values():
            if suffix in chosen.suffixes:
                return chosen
        found = f"extension {suffix!r}" if suffix else "a name without extension"
        raise ImageError(f"{found} tells no picture format; choose {_names()}")
    wanted = name.lower()
    for key, chosen in WRITE_FORMATS.items():
        if wanted in (key, chosen.name.lower()) or f".{wanted}" in chosen.suffixes:
            return chosen
    raise ImageError(f"format {name!r} cannot be written; choose {_names()}")


def _names() -> str:
    *others, last = WRITE_FORMATS
    return f"{', '.join(others)} or {last}"
