"""Samples of JPEG 2000 files that Pillow brings to 8 bits wrongly.

Samples of more than 8 bits are rounded without a limit, so white becomes 256 and with it black;
those of fewer bits are moved up, so white becomes 128 to 252.
"""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.errors import ImageError
from licodec.image.boxes import (
    JP2_COMPONENT_BYTES,
    JP2_COMPONENTS,
    JP2_SIGN,
    jp2_codestream,
    jp2_depths,
)
from licodec.image.original import Data

Uint8 = NDArray[np.uint8]

_CODING_STYLE, _TILE = 0xFF52, 0xFF90  # markers
_TRANSFORM = 13  # place of the wavelet behind that marker
_REVERSIBLE = 1


def with_whole_range(image: Image.Image, data: Data) -> Image.Image:
    """The image with white where its file has white, and all levels between.

    Args:
        image: as Pillow has read it, of any mode; those of more than 8 bits come back as they are.
        data: its file.

    Raises:
        ImageError: the file is of a kind that cannot be read rightly.
    """
    depths = jp2_depths(data)
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "P", "PA") or set(depths) <= {8}:
        return image
    pixels = np.asarray(image)
    bands = pixels.reshape(*pixels.shape[:2], -1).copy()
    if image.mode.startswith("P") or len(depths) != bands.shape[2]:
        raise ImageError(_unread(depths))
    is_deep = np.array(depths) > 8
    if not bands[:, :, is_deep].all():
        bands[:, :, is_deep] = _limited(bands, data, depths)[:, :, is_deep]
    for index, depth in enumerate(depths):
        if depth < 8:
            levels = (np.arange(256) >> (8 - depth)) * (255 / (2**depth - 1))
            bands[:, :, index] = np.rint(levels).astype(np.uint8)[bands[:, :, index]]
    corrected = Image.frombytes(image.mode, image.size, bands.tobytes())
    corrected.format = image.format
    corrected.info |= image.info
    return corrected


def _limited(bands: Uint8, data: Data, depths: tuple[int, ...]) -> Uint8:
    """Samples rounded with a limit, by a second decoding.

    With the irreversible wavelet a file that states 8 bits has the same picture, rounded with a
    limit. With the reversible one a file that states one bit more has it in the middle of the
    range, where white and black differ.
    """
    is_reversible = _is_reversible(data)
    stated = [depth + 1 if is_reversible else min(depth, 8) for depth in depths]
    with Image.open(io.BytesIO(_restated(data, stated)), formats=["JPEG2000"]) as image:
        again: Uint8 = np.asarray(image).reshape(bands.shape)
    if is_reversible:
        middle = np.clip(again, 64, 192)
        expected = bands.astype(np.int16) // 2 + 64
        limited = np.where((bands == 0) & (again >= 128), 255, bands).astype(np.uint8)
    else:
        middle, expected, limited = again, bands.astype(np.int16), again
    is_deep = np.array(depths) > 8
    differences = np.abs(middle.astype(np.int16) - expected)[:, :, is_deep]
    if (differences[bands[:, :, is_deep] > 0] > 1).any():
        raise ImageError(_unread(depths))
    return limited


def _restated(data: Data, depths: list[int]) -> bytes:
    """The file with other depths of its components."""
    changed = bytearray(data[:])
    first = (jp2_codestream(data) or 0) + JP2_COMPONENTS
    for index, depth in enumerate(depths):
        place = first + index * JP2_COMPONENT_BYTES
        changed[place] = (changed[place] & JP2_SIGN) | (depth - 1)
    return bytes(changed)


def _is_reversible(data: Data) -> bool:
    """Of the wavelet; a wrong answer is found out by comparison."""
    place = (jp2_codestream(data) or 0) + 2
    while place + _TRANSFORM < len(data):
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _CODING_STYLE:
            return data[place + _TRANSFORM] == _REVERSIBLE
        if marker == _TILE:
            break
        place += 2 + length
    return True


def _unread(depths: tuple[int, ...]) -> str:
    names = "/".join(map(str, depths))
    return (
        f"is a JPEG 2000 of {names} bits in a layout that is not read rightly; "
        "convert it to PNG or TIFF first"
    )
