"""An alpha plane as bytes that give the same plane back; the methods are those of `lossless`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from licodec.image.lossless import PlanesReader, pack_planes


def pack_alpha(alpha: NDArray[np.uint8]) -> bytes:
    """Code an (H, W) uint8 plane without loss, by the method that gives fewer bytes."""
    return pack_planes(alpha)


def unpack_alpha(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Inverse of `pack_alpha`; (height, width) uint8.

    Raises:
        CorruptFileError: the bytes are no alpha plane of this size.
        TooLargeError: beyond the limit of Pillow, see `PlanesReader.read`.
    """
    reader = PlanesReader(width=width, height=height, num_planes=1, what="alpha plane")
    return reader.read(data)
