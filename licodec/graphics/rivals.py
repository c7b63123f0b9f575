"""Files without weights that are smaller than a photograph's file of the same closeness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from licodec.graphics.palette import SIZES, Palettes
from licodec.image.lossless import FAST, THOROUGH, pack_planes
from licodec.image.picture import Picture
from licodec.lossless import lossless_file

# A file that the fast trial makes so much larger will not become the smaller one.
_HOPELESS = 2.5

# Of decoded pixels; higher is closer.
Closeness = Callable[[NDArray[np.uint8]], float]


def smaller_file(
    picture: Picture,
    photo: bytes,
    error: float,
    quality: float,
    *,
    is_thorough: bool,
    is_close: Callable[[NDArray[np.uint8]], bool] | None = None,
) -> bytes | None:
    """The smallest file without weights that is no worse than a photograph's file and no larger.

    Args:
        picture: what is coded.
        photo: the file of the photograph's way.
        error: mean squared error per sample of that file.
        quality: 1 to 100 that was asked for.
        is_thorough: take the time to try all that libwebp can.
        is_close: whether reduced pixels are as close as that file by another measure.

    Returns:
        None where there is no such file. Pixels are the picture's own if that costs least.
    """
    trial = THOROUGH if is_thorough else FAST
    allowed = len(photo)
    found: bytes | None = None
    if len(lossless_file(picture, pack_planes(picture.pixels))) <= _HOPELESS * allowed:
        exact = lossless_file(picture, pack_planes(picture.pixels, trial))
        if len(exact) <= allowed:
            found, allowed = exact, len(exact)
    reduced = fewest_colours(picture.pixels, error, is_close)
    if reduced is None:
        return found
    asked = max(1, round(quality))
    fast = lossless_file(picture, pack_planes(reduced), asked_quality=asked)
    if len(fast) > _HOPELESS * allowed:
        return found
    data = lossless_file(picture, pack_planes(reduced, trial), asked_quality=asked)
    # Every pixel as it was is worth a few bytes.
    return data if len(data) <= (0.97 * allowed if found else allowed) else found


def fewest_colours(
    pixels: NDArray[np.uint8],
    error: float,
    is_close: Callable[[NDArray[np.uint8]], bool] | None = None,
) -> NDArray[np.uint8] | None:
    """The picture in the fewest colours that err no more than allowed.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        error: mean squared error per sample that is allowed.
        is_close: a further condition, tried for ever more colours.

    Returns:
        None where the palette of 256 colours errs more, or where the picture has no more colours
        than the palette that was found.
    """
    palettes = Palettes(pixels)
    sizes = [size for size in SIZES if size < palettes.num_colours]
    low, high = 0, len(sizes)
    reduced: dict[int, NDArray[np.uint8]] = {}
    while low < high:
        middle = (low + high) // 2
        shades, found = palettes.reduced(sizes[middle])
        if found <= error:
            reduced[middle] = shades
            high = middle
        else:
            low = middle + 1
    while low < len(sizes):
        shades = reduced[low] if low in reduced else palettes.reduced(sizes[low])[0]
        if is_close is None or is_close(shades):
            return shades
        low += 2
    return None
