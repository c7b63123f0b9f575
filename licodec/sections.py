"""A picture's alpha plane and metadata as a .lic file has them, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from licodec.container.format import (
    ALPHA,
    EXIF,
    ICC,
    XMP,
    Container,
    LosslessHeader,
    Section,
)
from licodec.container.write import write_lossless_container
from licodec.image.exif import with_size as exif_with_size
from licodec.image.lossless import pack_planes
from licodec.image.picture import Picture
from licodec.image.xmp import with_size as xmp_with_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def sections_of(picture: Picture) -> list[Section]:
    """Alpha plane and metadata as a file has them."""
    alpha = None if picture.alpha is None else pack_planes(picture.alpha)
    blocks = ((ICC, picture.icc), (EXIF, picture.exif), (XMP, picture.xmp), (ALPHA, alpha))
    return [Section(number, data) for number, data in blocks if data]


def picture_with_sections(
    container: Container, pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None
) -> Picture:
    """A decoded picture, or part of it, with its metadata.

    Args:
        container: the file.
        pixels: (H, W) or (H, W, 3) uint8 of the picture, of a region or of a preview.
        alpha: (H, W) uint8 of the same.

    Returns:
        The picture; where it is no whole one, metadata state its size and have no thumbnail.
    """
    width, height = pixels.shape[1], pixels.shape[0]
    exif, xmp = container.section(EXIF), container.section(XMP)
    if (width, height) != (container.head.width, container.head.height):
        exif = None if exif is None else exif_with_size(exif, width, height)
        xmp = None if xmp is None else xmp_with_size(xmp, width, height)
    return Picture(pixels=pixels, alpha=alpha, icc=container.section(ICC), exif=exif, xmp=xmp)


def lossless_file(picture: Picture, payload: bytes, *, asked_quality: int = 0) -> bytes:
    """The file of a picture.

    Args:
        picture: its size, colour, alpha plane and metadata are taken.
        payload: from `pack_planes`.
        asked_quality: 0 where the payload has the picture's own pixels.
    """
    sections = sections_of(picture)
    header = LosslessHeader(
        width=picture.width,
        height=picture.height,
        is_grey=picture.is_grey,
        asked_quality=asked_quality,
    )
    return write_lossless_container(header, sections, payload)
