"""Chooses how a drawn or partly drawn picture is coded: by the smallest file that is no worse.

A photograph's file is the measure. Its rivals are the picture as it is, the picture in few colours,
both without weights, and a photograph below a layer of what is drawn. Pictures larger than
`memory.LARGE_PX` are photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from licodec.container.read import read_front
from licodec.graphics.closeness import looks_as_close
from licodec.graphics.content import looks_drawn
from licodec.graphics.fill import fill_smoothly
from licodec.graphics.layer import pack_layer
from licodec.graphics.mask import drawn_pixels
from licodec.graphics.palette import SIZES, Palettes
from licodec.image.lossless import FAST, THOROUGH, pack_planes
from licodec.image.picture import Picture
from licodec.lossless import lossless_file
from licodec.memory import LARGE_PX

# A file that the fast trial makes so much larger will not become the smaller one.
_HOPELESS = 2.5
# Every pixel as it was is worth some bytes more than fewer colours.
_EXACT_BONUS = 0.85

Pixels = NDArray[np.uint8]
IsClose = Callable[[Pixels], bool]


@dataclass(frozen=True, slots=True)
class Layers:
    """A picture taken apart.

    Attributes:
        photo: what lies below, of the picture's shape.
        packed: the layer, as a file has it.
    """

    photo: Pixels
    packed: bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that was chosen.

    Attributes:
        data: the file.
        layers: those that it was made of, None without.
        is_whole: it is one without weights.
    """

    data: bytes
    layers: Layers | None = None
    is_whole: bool = False


class RivalChooser:
    """Looks at a picture, and chooses if there is something to choose.

    Args:
        picture: what is coded.
        content: one of `config.CONTENTS`.
        is_thorough: take the time to try all that libwebp can.
        is_seen: closeness is SSIMULACRA 2, too, not squared error alone.
        can_layer: layers are allowed.

    Attributes:
        is_needed: the picture may be one for a rival.
    """

    def __init__(
        self, picture: Picture, content: str, *, is_thorough: bool, is_seen: bool, can_layer: bool
    ) -> None:
        self._picture = picture
        self._trial = THOROUGH if is_thorough else FAST
        self._is_seen = is_seen
        pixels = picture.pixels
        is_open = content != "photo" and picture.width * picture.height <= LARGE_PX
        self._is_drawn = is_open and (content == "graphics" or looks_drawn(pixels))
        self._mask = drawn_pixels(pixels) if is_open and can_layer else None
        self.is_needed = self._is_drawn or self._mask is not None

    def choose(
        self,
        encode: Callable[[Layers | None], bytes],
        decode: Callable[[bytes], Pixels],
        quality_of: Callable[[int], float],
    ) -> Choice:
        """Code the picture in each way.

        Args:
            encode: the photograph's way.
            decode: back to pixels.
            quality_of: quality, 1 to 100, of an index in the file.
        """
        photo = encode(None)
        decoded = decode(photo)
        error = squared_error(self._picture.pixels, decoded)
        is_close = looks_as_close(self._picture.pixels, decoded) if self._is_seen else None
        best = Choice(photo)
        if self._mask is not None:
            layers = self._layers(self._mask, decoded)
            data = encode(layers)
            if len(data) < len(photo):
                laid = decode(data)
                is_good = squared_error(self._picture.pixels, laid) <= error
                if is_good and (is_close is None or is_close(laid)):
                    best = Choice(data, layers)
        if self._is_drawn:
            quality = quality_of(read_front(photo).header.quality_index)
            whole = self._whole(len(best.data), error, is_close, max(1, round(quality)))
            best = best if whole is None else Choice(whole, is_whole=True)
        return best

    def _layers(self, mask: NDArray[np.bool_], decoded: Pixels) -> Layers:
        """What is drawn above, as it is unless a full palette that is no worse than decoded pixels
        saves much."""
        pixels = self._picture.pixels
        drawn = pixels[mask][None]  # (1, N) or (1, N, 3)
        photo, packed = fill_smoothly(pixels, mask), pack_layer(pixels, mask, self._trial)
        palettes = Palettes(drawn)
        if palettes.num_colours > SIZES[-1]:
            reduced, error = palettes.reduced(SIZES[-1])
            if error <= squared_error(drawn, decoded[mask][None]):
                shown = pixels.copy()
                shown[mask] = reduced[0]
                fewer = pack_layer(shown, mask, self._trial)
                packed = fewer if len(fewer) < _EXACT_BONUS * len(packed) else packed
        return Layers(photo, packed)

    def _whole(
        self, num_bytes: int, error: float, is_close: IsClose | None, asked: int
    ) -> bytes | None:
        """A file without weights of no more bytes and no greater error; None if there is none."""
        picture, trial = self._picture, self._trial
        found: bytes | None = None
        allowed = num_bytes
        if len(lossless_file(picture, pack_planes(picture.pixels))) <= _HOPELESS * allowed:
            exact = lossless_file(picture, pack_planes(picture.pixels, trial))
            if len(exact) <= allowed:
                found, allowed = exact, int(_EXACT_BONUS * len(exact))
        reduced = fewest_colours(picture.pixels, error, is_close)
        if reduced is None:
            return found
        fast = lossless_file(picture, pack_planes(reduced), asked_quality=asked)
        if len(fast) > _HOPELESS * allowed:
            return found
        data = lossless_file(picture, pack_planes(reduced, trial), asked_quality=asked)
        return data if len(data) <= allowed else found


def fewest_colours(pixels: Pixels, error: float, is_close: IsClose | None = None) -> Pixels | None:
    """The picture in the fewest colours that err no more than allowed.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        error: mean squared error per sample that is allowed.
        is_close: a further condition, taken to hold from some number of colours on.

    Returns:
        None where the largest palette errs more, or where the picture has no more colours than the
        palette that would be needed.
    """
    palettes = Palettes(pixels)
    sizes = [size for size in SIZES if size < palettes.num_colours]
    low, high, best = 0, len(sizes), None
    while low < high:
        middle = (low + high) // 2
        shades, found = palettes.reduced(sizes[middle])
        if found <= error and (is_close is None or is_close(shades)):
            high, best = middle, shades
        else:
            low = middle + 1
    return best


def squared_error(pixels: Pixels, others: Pixels) -> float:
    """Mean squared error per sample of two uint8 arrays of one shape."""
    rows = zip(pixels, others, strict=True)
    return sum(float(np.square(a.astype(np.int32) - b).sum()) for a, b in rows) / pixels.size
