"""The drawn part of a picture, as a picture of its own with alpha that lies over the photograph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.codec.region import Region
from licodec.errors import CorruptFileError
from licodec.image.lossless import PlanesReader
from licodec.image.picture import as_rgb

OPAQUE = 255

Planes = NDArray[np.uint8]


def layer_of(pixels: Planes, mask: NDArray[np.bool_]) -> Planes:
    """(H, W, 4): the masked pixels, opaque; 0 elsewhere."""
    alpha = np.full((*mask.shape, 1), OPAQUE, np.uint8)
    coloured = np.concatenate([as_rgb(pixels), alpha], 2)
    return np.where(mask[:, :, None], coloured, 0).astype(np.uint8)


def unpack_layer(data: bytes, width: int, height: int, region: Region | None = None) -> Planes:
    """A layer from `pack_planes`: (h, w, 4) uint8 of a region or of all.

    Raises:
        CorruptFileError: the bytes are no layer of this size, or alpha is neither 0 nor 255.
        TooLargeError: beyond the limit of Pillow, see `PlanesReader.read`.
    """
    reader = PlanesReader(width=width, height=height, num_planes=4, what="layer")
    box = None
    if region is not None:
        box = region.x, region.y, region.x + region.width, region.y + region.height
    layer = reader.read(data, box)
    alpha = layer[:, :, 3]
    if ((alpha != 0) & (alpha != OPAQUE)).any():
        raise CorruptFileError("layer is translucent; expected alpha of 0 or 255 only")
    return layer


def lay_over(pixels: Planes, layer: Planes) -> Planes:
    """The picture of a photograph and the layer over it.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        layer: (H, W, 4) uint8; of a grey picture its green is taken.
    """
    alpha = layer[:, :, 3:].astype(np.uint16)
    below = pixels if pixels.ndim == 3 else pixels[:, :, None]
    above = layer[:, :, :3] if pixels.ndim == 3 else layer[:, :, 1:2]
    mixed = (above * alpha + below * (OPAQUE - alpha) + OPAQUE // 2) // OPAQUE
    return mixed.astype(np.uint8).reshape(pixels.shape)


def shrink_layer(layer: Planes, width: int, height: int) -> Planes:
    """The layer in a smaller size; its edges become translucent."""
    if layer.shape[:2] == (height, width):
        return layer
    image = Image.fromarray(layer)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
