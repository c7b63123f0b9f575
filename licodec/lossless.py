"""Pictures to lossless .lic files and back: every pixel as it was, without networks and weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from licodec.codec.crop import check_region, cut, downscale, size_within
from licodec.config import DEFAULT_EFFORT, METADATA_KINDS, check_effort
from licodec.container.format import ALPHA, Container
from licodec.graphics.content import colour_codes, count_colours, looks_drawn
from licodec.image.convert import picture_given
from licodec.image.lossless import (
    Box,
    PlanesReader,
    drawn_trial,
    pack_planes,
    photo_trial,
    unpack_alpha,
)
from licodec.image.picture import Picture
from licodec.memory import check_memory, check_side, lossless_bytes
from licodec.sections import lossless_file, picture_with_sections

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from licodec.codec.region import Region


def encode_lossless(
    image: Image | NDArray[Any],
    *,
    effort: int = DEFAULT_EFFORT,
    keep: Iterable[str] = METADATA_KINDS,
    **others: float | str | None,
) -> bytes:
    """Compress a picture without loss; a `PictureWarning` says what is changed beforehand.

    Args:
        image: Pillow image or uint8 array, see `licodec.image.convert`.
        effort: 0 (fastest) to 9; see `encode_lossless_picture`.
        keep: kinds of metadata to keep.
        others: see `check_alone`.

    Raises:
        ImageError: the picture cannot be converted, or a side is above 2^24 pixels.
        NotEnoughMemoryError: the picture would not fit into memory.
        ValueError: an unknown kind of metadata, an effort out of range, or an argument that means
            nothing here.
    """
    check_alone(**others)
    picture = picture_given(image, keep, keeps_hidden=True, stacklevel=4)
    return encode_lossless_picture(picture, effort=effort)


def encode_lossless_picture(picture: Picture, *, effort: int = DEFAULT_EFFORT) -> bytes:
    """Compress pixels with their alpha plane and metadata. Errors as `encode_lossless`.

    Args:
        picture: as read.
        effort: 0 to 9, see `drawn_trial` and `photo_trial`.
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
    num_colours = count_colours(codes) if is_drawn else 0
    trial = drawn_trial(effort, num_colours) if is_drawn else photo_trial(effort)
    return lossless_file(picture, pack_planes(picture.pixels, trial))


def check_alone(**others: float | str | None) -> None:
    """Refuse arguments that mean nothing to a lossless file.

    Raises:
        ValueError: one of them is not None.
    """
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise ValueError(f"lossless excludes {' and '.join(given)}; leave one of them out")


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
        shown = size_within(*size, max_size)
        pixels = downscale(pixels, *size, shown)
        plane = None if plane is None else downscale(plane, *size, shown)
    return picture_with_sections(container, pixels, plane)


def _box_of(region: Region) -> Box:
    return region.x, region.y, region.x + region.width, region.y + region.height
