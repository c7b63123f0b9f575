"""Loads the samples of an opened image: by Pillow where it reads them rightly, else by hand."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from licodec.errors import ImageError
from licodec.image.bmp import mend_bmp
from licodec.image.boxes import mend_avif
from licodec.image.directories import (
    Tag,
    Tags,
    check_first_picture,
    num_pages,
    number,
    numbers,
    tags_of,
)
from licodec.image.facts import Facts
from licodec.image.faults import PILLOW_FAULTS
from licodec.image.jpeg import check_rows, mend_jpeg
from licodec.image.jpeg2000 import with_whole_range
from licodec.image.original import Data, bytes_of
from licodec.image.png import check_png_rows, lower_bytes, mend_png
from licodec.image.tiff import Samples, notes_on_channels, palette_of, samples_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An image whose samples are in memory."""

    image: Image.Image  # with the metadata of its file; not the one that was given if mended
    num_pictures: int  # in the file
    notes: tuple[str, ...]  # what opening the file as one 8-bit picture drops
    is_turned: bool = False  # sides have changed places, though the metadata need not say so
    samples: Samples | None = None  # what counts in place of the image's pixels
    lower: NDArray[np.uint8] | None = None  # bytes of 16-bit samples whose upper ones are pixels


def load(image: Image.Image, data: Data, facts: Facts, *, is_deep: bool) -> Loaded:
    """Load an image.

    Args:
        image: as given.
        data: its file, or nothing.
        facts: of the file.
        is_deep: 8 bits of colours of 16 bits do not suffice.

    Raises:
        ImageError: pixels that cannot be read rightly.
        OSError, ...: `faults.PILLOW_FAULTS`, of damaged files.
    """
    is_new = bool(getattr(image, "tile", None)) and getattr(image, "fp", None) is not None
    tags = tags_of(data) if image.format == "TIFF" else None
    palette, is_turned = None, False
    if tags is not None:
        loaded = load_tiff(image, data, tags, is_open=True, is_deep=is_deep)
        if loaded.samples is not None and (is_new or is_as_in(image, data, image.format or "")):
            return loaded
        palette, is_turned = palette_of(tags), loaded.is_turned
        num_pictures, notes = loaded.num_pictures, loaded.notes
    else:
        later = _samples_of_page(image, is_deep=is_deep) if is_new and not data else None
        if later is not None:
            return later
        num_pictures = num_pictures_in(image)
        notes = notes_on_number(image, num_pictures)
    num_bits = facts.num_bits if tags is None else max(numbers(tags, Tag.BITS, 1))
    notes += notes_on_depth(image, num_bits)
    found = mend(data) if facts.is_damaged else None
    if found is not None:
        again, mended = found
        notes += mended
        if is_new:
            again.load()
            again.info |= image.info
            image = again
    else:
        image, mended = _loaded(image, data)
        notes += mended
        if palette is not None and image.mode == "P":
            image.putpalette(palette)
        if data:
            _check_end(image, data, is_damaged=is_new and facts.is_damaged)
            if image.format == "JPEG2000" and (is_new or is_as_in(image, data, "JPEG2000")):
                image = with_whole_range(image, data)
    is_cut = image.format == "PNG" and facts.num_bits == 16 and not image.mode.startswith("I;16")
    lower = None
    if is_deep and is_cut and is_as_in(image, data, image.format or ""):
        lower = lower_bytes(data)
    return Loaded(
        image=image, lower=lower, num_pictures=num_pictures, notes=notes, is_turned=is_turned
    )


def _loaded(image: Image.Image, data: Data) -> tuple[Image.Image, tuple[str, ...]]:
    """The image with its pixels in memory, or that of a BMP in its place; notes."""
    try:
        image.load()
    except ValueError:
        found = mend_bmp(data) if image.format == "BMP" else None
        if found is None:
            raise
        mended, notes = found
        again = Image.open(io.BytesIO(mended), formats=["BMP"])
        again.load()
        again.info |= image.info
        return again, notes
    return image, ()


def _samples_of_page(image: Image.Image, *, is_deep: bool) -> Loaded | None:
    """Those of a TIFF's page that someone has gone to; None where Pillow reads them rightly."""
    if not isinstance(image, TiffImageFile) or image.fp is None or image.fp.closed:
        return None
    tags = image.tag_v2
    samples = samples_of(bytes_of(image.fp), tags, is_deep_read=is_deep)
    if samples is None:
        return None
    notes = notes_on_channels(tags)
    return Loaded(image=image, samples=samples, num_pictures=1, notes=notes)


def load_tiff(
    image: Image.Image, data: Data, tags: Tags, *, is_open: bool, is_deep: bool
) -> Loaded:
    """The samples of a TIFF, or none where Pillow reads them rightly.

    Args:
        image: with the metadata of the file.
        data: the file.
        tags: of its first directory.
        is_open: whether Pillow has opened it.
        is_deep: as of `load`.

    Raises:
        ImageError: the file is damaged, its layout is not read, or its first picture is not the
            one that is meant.
    """
    check_first_picture(data, tags)
    samples = samples_of(data, tags, is_open=is_open, is_deep_read=is_deep)
    num_pictures = num_pages(data, tags)
    notes = notes_on_number(image, num_pictures) + notes_on_channels(tags)
    return Loaded(
        image=image,
        samples=samples,
        num_pictures=num_pictures,
        notes=notes,
        is_turned=number(tags, Tag.ORIENTATION, 1) in range(5, 9),
    )


def num_pictures_in(image: Image.Image) -> int:
    """Pictures of an animation, pages, or sizes of an icon."""
    return max(getattr(image, "n_frames", 1), len(image.info.get("sizes", ())))


def mend(data: Data) -> tuple[Image.Image, tuple[str, ...]] | None:
    """Open a file in place of one that cannot be read; with notes. None if it cannot be mended."""
    for way, name in ((mend_png, "PNG"), (mend_jpeg, "JPEG"), (mend_avif, "AVIF")):
        found = way(data)
        if found is not None:
            mended, notes = found
            try:
                return Image.open(io.BytesIO(mended), formats=[name]), notes
            except PILLOW_FAULTS:  # it has further faults
                return None
    return None


def _check_end(image: Image.Image, data: Data, *, is_damaged: bool) -> None:
    """Refuse a loaded image of whose file Pillow does not see that rows are missing.

    Args:
        image: loaded, here or by whoever gives it.
        data: its file.
        is_damaged: so much that rows may be missing, and not to be mended.

    Raises:
        ImageError: rows are missing.
    """
    if image.format in ("JPEG", "MPO"):
        check_rows(image, data, is_damaged=is_damaged)
    elif image.format == "PNG":
        check_png_rows(image, data)
    elif is_damaged:
        raise ImageError("is damaged: its end is missing; get it again")


def is_as_in(image: Image.Image, data: Data, name: str) -> bool:
    """Whether nobody has changed the pixels of an image since they were read from its file, whose
    format is given by Pillow's name."""
    with Image.open(io.BytesIO(data[:]), formats=[name]) as again:
        return again.mode == image.mode and again.tobytes() == image.tobytes()


def notes_on_number(image: Image.Image, num_pictures: int) -> tuple[str, ...]:
    """Whether the file has pictures that are not kept."""
    if num_pictures < 2:
        return ()
    which = "the largest" if image.format == "ICO" else "one" if image.tell() else "the first"
    return (f"only {which} of {num_pictures} pictures in the file is kept",)


def notes_on_depth(image: Image.Image, num_bits: int) -> tuple[str, ...]:
    """Whether Pillow cuts samples of so many bits in the file; asked before pixels are read."""
    num_bits = 16 if any(map(_is_deep, getattr(image, "tile", ()))) else num_bits
    if num_bits > 8 and not image.mode.startswith(("I", "F")):
        return (f"{num_bits}-bit samples reduced to 8 bits",)
    return ()


def _is_deep(tile: Any) -> bool:
    """Whether a tile of a picture file holds more than 8 bits per sample: a raw mode like
    RGB;16B, a greatest value above 255 (PPM), or two bytes (SGI)."""
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    if tile[0] == "SGI16" or (tile[0] == "sgi_rle" and args[-1] == 2):
        return True
    return any(
        (";16" in arg or ";12" in arg) and arg != "BGR;16"  # 5, 6 and 5 bits
        if isinstance(arg, str)
        else tile[0].startswith("ppm") and isinstance(arg, int) and arg > 255
        for arg in args
    )
