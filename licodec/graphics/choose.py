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
from licodec.errors import TargetError
from licodec.graphics.closeness import Closeness
from licodec.graphics.content import colour_codes, looks_drawn
from licodec.graphics.fewest import FewestColours
from licodec.graphics.fill import fill_smoothly
from licodec.graphics.layer import layer_of
from licodec.graphics.mask import drawn_pixels
from licodec.graphics.palette import SIZES, Palettes
from licodec.image.lossless import PALETTE_COLOURS, drawn_trial, estimate_bytes, pack_planes
from licodec.image.picture import Picture
from licodec.memory import LARGE_PX
from licodec.metrics.psnr import mean_squared_error
from licodec.sections import lossless_file

# A file whose estimate is so much larger will not become the smaller one. In few colours estimates
# are within 7 %; of some drawings in many they are 2.5 times what is written.
_HOPELESS_MANY = 2.5
_HOPELESS_FEWER = 1.1
# Every pixel as it was is worth some bytes more than fewer colours.
_EXACT_BONUS = 0.85

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Layers:
    """A picture taken apart.

    Attributes:
        photo: what lies below, of the picture's shape.
        above: the layer, (H, W, 4) uint8.
        packed: the same as a file has it.
    """

    photo: Pixels
    above: Pixels
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
        effort: 0 to 9, see `drawn_trial`.
        is_seen: closeness is SSIMULACRA 2, too, not squared error alone.
        wanted: dB or points that encoding comes up to where a closeness was asked for, so that
            bytes alone are compared; None where none was.
        limit: bytes that a file may have where a size was asked for, which is filled, so that
            closeness alone is compared; None where none was.

    Attributes:
        is_needed: the picture may be one for a rival.
    """

    def __init__(
        self,
        picture: Picture,
        content: str,
        *,
        effort: int,
        is_seen: bool,
        wanted: float | None = None,
        limit: float | None = None,
    ) -> None:
        self._picture, self._effort, self._is_seen = picture, effort, is_seen
        self._wanted, self._limit = wanted, limit
        self._is_drawn, self._mask = False, None
        if content != "photo" and picture.width * picture.height <= LARGE_PX:
            codes = colour_codes(picture.pixels)
            self._is_drawn = content == "graphics" or looks_drawn(codes, is_grey=picture.is_grey)
            self._mask = drawn_pixels(picture.pixels, codes)
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

        Raises:
            TargetError: the photograph's way cannot meet what is asked for, nor can the exact file
                of a drawing.
        """
        try:
            photo = encode(None)
        except TargetError as error:
            exact = self._exact_beyond(error.nearest)
            if exact is None:
                raise
            return Choice(exact, is_whole=True)
        decoded = decode(photo)
        closeness = Closeness(self._picture.pixels, decoded, is_seen=self._is_seen)
        best = Choice(photo)
        if self._is_drawn:
            quality = quality_of(read_front(photo).header.quality_index)
            whole = self._whole(self._allowed(best), closeness, max(1, round(quality)))
            best = best if whole is None else Choice(whole, is_whole=True)
            if best.is_whole and self._limit is not None:
                return best
        layers = self._layers(decoded, self._allowed(best))
        if layers is None:
            return best
        try:
            data = encode(layers)
        except TargetError:  # the layer alone makes the picture better than it was asked for
            return best
        if len(data) > self._allowed(best) or (self._limit is None and len(data) == len(best.data)):
            return best
        is_good = self._wanted is not None or closeness.is_reached(decode(data))
        return Choice(data, layers) if is_good else best

    def _allowed(self, best: Choice) -> int:
        """Bytes that a rival of the best file so far may have."""
        return len(best.data) if self._limit is None else int(self._limit)

    def _layers(self, decoded: Pixels, num_bytes: int) -> Layers | None:
        """What is drawn above, as it is unless a full palette that is no worse than decoded pixels
        saves much; None without a mask or where the layer alone takes the bytes."""
        pixels, mask = self._picture.pixels, self._mask
        if mask is None:
            return None
        shown = layer_of(pixels, mask)
        estimate = estimate_bytes(shown)
        drawn = pixels[mask][None]  # (1, N) or (1, N, 3)
        palettes = Palettes(drawn)
        if palettes.num_colours > SIZES[-1]:
            reduced, error = palettes.reduced(SIZES[-1])
            if error <= mean_squared_error(drawn, decoded[mask][None]):
                fewer = pixels.copy()
                fewer[mask] = reduced[0]
                fewer_shown = layer_of(fewer, mask)
                fewer_bytes = estimate_bytes(fewer_shown)
                if fewer_bytes < _EXACT_BONUS * estimate:
                    shown, estimate = fewer_shown, fewer_bytes
        if estimate > num_bytes:
            return None
        trial = drawn_trial(self._effort, SIZES[-1])
        return Layers(fill_smoothly(pixels, mask), shown, pack_planes(shown, trial))

    def _exact_beyond(self, nearest: float | None) -> bytes | None:
        """The exact file of a drawing, if it meets what the photograph's way does not; `nearest` is
        what that has, as of `TargetError`."""
        if not self._is_drawn or nearest is None:
            return None
        if self._wanted is not None:  # what is nearest may also be too close
            return self._exact() if nearest < self._wanted else None
        exact = self._exact()
        return exact if self._limit is not None and len(exact) <= self._limit else None

    def _exact(self) -> bytes:
        """The picture as it is."""
        pixels = self._picture.pixels
        trial = drawn_trial(self._effort, Palettes(pixels).num_colours)
        return lossless_file(self._picture, pack_planes(pixels, trial))

    def _whole(self, allowed: int, closeness: Closeness, asked: int) -> bytes | None:
        """A file without weights of no more bytes than allowed that is no worse; None if there is
        none. The exact one, unless fewer colours save much and no size is to be filled."""
        pixels = self._picture.pixels
        frame_bytes = len(lossless_file(self._picture, b""))
        estimate = frame_bytes + estimate_bytes(pixels)
        palettes = Palettes(pixels)
        rivals = []
        has_many = palettes.num_colours > PALETTE_COLOURS
        if estimate <= (_HOPELESS_MANY if has_many else _HOPELESS_FEWER) * allowed:
            rivals.append((pixels, 0, palettes.num_colours))
        wanted = _EXACT_BONUS * estimate if estimate <= allowed else _HOPELESS_FEWER * allowed
        colours = FewestColours(palettes, closeness)
        fewer = colours.by_error()
        if fewer is not None and frame_bytes + estimate_bytes(fewer) < wanted:
            fewer = colours.by_looks()
            if fewer is not None:
                saves = frame_bytes + estimate_bytes(fewer) < _EXACT_BONUS * estimate
                saves = saves and self._limit is None
                rivals.insert(0 if saves else 1, (fewer, asked, SIZES[-1]))
        for rival, quality, num_colours in rivals:
            payload = pack_planes(rival, drawn_trial(self._effort, num_colours))
            data = lossless_file(self._picture, payload, asked_quality=quality)
            if len(data) <= allowed:
                return data
        return None
