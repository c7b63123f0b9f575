"""Pictures to lossless .lic files and back: every pixel as it was, without networks and weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from licodec.codec.crop import check_region, cut, downscale
from licodec.config import DEFAULT_EFFORT, METADATA_KINDS, check_effort, check_kinds
from licodec.container.format import (
    ALPHA,
    EXIF,
    ICC,
    MAX_SIDE_PX,
    XMP,
    Container,
    LosslessHeader,
    Section,
)
from licodec.container.write import write_lossless_container
from licodec.errors import ImageError, PictureWarning
from licodec.graphics.content import colour_codes, count_colours, looks_drawn
from licodec.image.alpha import pack_alpha, unpack_alpha
from licodec.image.convert import picture_from, resized
from licodec.image.keep import keep_only
from licodec.image.lossless import (
    EXHAUSTIVE,
    FAST,
    PALETTE_COLOURS,
    QUICK,
    THOROUGH,
    Box,
    PlanesReader,
    pack_planes,
)
from licodec.image.picture import Picture
from licodec.memory import check_memory, lossless_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from licodec.codec.region import Region


# Of photographs: a megapixel takes 4 s at THOROUGH, 10 to 25 s at EXHAUSTIVE, 0.6 s at FAST.
_LAST_THOROUGH_EFFORT = 6


def drawn_trial(effort: int, num_colours: int) -> tuple[int, int]:
    """What libwebp tries for a drawing, see `licodec.image.lossless`."""
    if effort < DEFAULT_EFFORT:
        return QUICK
    is_hard = effort > DEFAULT_EFFORT or num_colours > PALETTE_COLOURS
    return EXHAUSTIVE if is_hard else THOROUGH


def photo_trial(effort: int) -> tuple[int, int]:
    """What libwebp tries for a photograph."""
    if effort <= DEFAULT_EFFORT:
        return FAST
    return THOROUGH if effort <= _LAST_THOROUGH_EFFORT else EXHAUSTIVE


def encode_lossless(
    image: Image | NDArray[Any],
    *,
    effort: int = DEFAULT_EFFORT,
    keep: Iterable[str] = METADATA_KINDS,
) -> bytes:
    """Compress a picture without loss; a `PictureWarning` says what is changed beforehand.

    Args:
        image: Pillow image or uint8 array, see `licodec.image.convert`.
        effort: 0 (fastest) to 9; see `encode_lossless_picture`.
        keep: kinds of metadata to keep.

    Raises:
        ImageError: the picture cannot be converted, or a side is above 2^24 pixels.
        NotEnoughMemoryError: the picture would not fit into memory.
        ValueError: an unknown kind of metadata, or an effort out of range.
    """
    wanted = check_kinds(keep)
    picture = keep_only(picture_from(image, keeps_hidden=True), wanted)
    for note in picture.notes:
        warnings.warn(note, PictureWarning, stacklevel=3)
    return encode_lossless_picture(picture, effort=effort)


def encode_lossless_picture(picture: Picture, *, effort: int = DEFAULT_EFFORT) -> bytes:
    """Compress pixels with their alpha plane and metadata. Errors as `encode_lossless`.

    Args:
        picture: as read.
        effort: see `drawn_trial` and `photo_trial`.
    """
    check_effort(effort)
    check_side(picture.width, picture.height)
    check_memory(
        picture.width,
        picture.height,
        lossless_bytes(picture.width, picture.height),
        "free some or encode a smaller picture",
    )
    codes = colour_codes(picture.pixels)
    is_drawn = looks_drawn(codes, is_grey=picture.is_grey)
    trial = drawn_trial(effort, count_colours(codes)) if is_drawn else photo_trial(effort)
    return lossless_file(picture, pack_planes(picture.pixels, trial))


def check_alone(**others: float | str | None) -> None:
    """Refuse arguments that mean nothing to a lossless file.

    Raises:
        ValueError: one of them is not None.
    """
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise ValueError(f"lossless excludes {' and '.join(given)}; leave one of them out")


def check_side(width: int, height: int) -> None:
    """Raises ImageError if a side is longer than a file can hold."""
    if max(width, height) > MAX_SIDE_PX:
        raise ImageError(
            f"picture has {width}x{height} pixels, no side may have more than {MAX_SIDE_PX}; "
            "make it smaller or cut it"
        )


def lossless_file(picture: Picture, payload: bytes, *, asked_quality: int = 0) -> bytes:
    """The file of a picture.

    Args:
        picture: its size, colour, alpha plane and metadata are taken.
        payload: from `pack_planes`.
        asked_quality: 0 where the payload has the picture's own pixels.
    """
    header = LosslessHeader(
        width=picture.width,
        height=picture.height,
        is_grey=picture.is_grey,
        asked_quality=asked_quality,
    )
    return write_lossless_container(header, sections_of(picture), payload)


def sections_of(picture: Picture) -> list[Section]:
    """Alpha plane and metadata as a file has them."""
    alpha = None if picture.alpha is None else pack_alpha(picture.alpha)
    blocks = ((ICC, picture.icc), (EXIF, picture.exif), (XMP, picture.xmp), (ALPHA, alpha))
    return [Section(number, data) for number, data in blocks if data]


def decode_lossless(
    container: Container,
    *,
    region: tuple[int, int, int, int] | None = None,
    max_size: int | None = None,
) -> Picture:
    """Pixels, alpha plane and metadata of a lossless file.

    Args:
        container: from `read_container`, which has compared the checksum.
        region, max_size: see `licodec.decode`.

    Raises:
        CorruptFileError: the payload is no picture of the size in the header.
        ImageError: the region reaches beyond the picture.
        NotEnoughMemoryError: the picture would not fit into memory.
        ValueError: max_size below 1, or with a region.
    """
    header, payload = container.lossless_header, container.payload
    assert payload is not None  # read_container always fills it
    size = header.width, header.height
    part = check_region(region, max_size, *size)
    box = (0, 0, *size) if part is None else _box_of(part)
    num_bytes = lossless_bytes(box[2] - box[0], box[3] - box[1])
    check_memory(*size, num_bytes, "free some or decode a part (region, --region)")
    num_planes = 1 if header.is_grey else 3
    reader = PlanesReader(
        width=header.width, height=header.height, num_planes=num_planes, what="picture"
    )
    pixels = reader.read(payload, box)
    alpha = container.section(ALPHA)
    plane = None if alpha is None else cut(unpack_alpha(alpha, *size), part)
    if max_size is not None:
        pixels = downscale(pixels, *size, max_size)
        plane = None if plane is None else downscale(plane, *size, max_size)
    picture = Picture(
        pixels=pixels,
        alpha=plane,
        icc=container.section(ICC),
        exif=container.section(EXIF),
        xmp=container.section(XMP),
    )
    is_whole = (picture.width, picture.height) == size
    return picture if is_whole else resized(picture)


def _box_of(region: Region) -> Box:
    return region.x, region.y, region.x + region.width, region.y + region.height
