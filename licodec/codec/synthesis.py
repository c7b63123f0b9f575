"""Corrects the planes of the linear synthesis to pixels; the same on every machine.

Runs in the native library on numpy arrays, or on torch where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from licodec import native
from licodec.codec.region import Region
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.native.threads import over_rows
from licodec.prior.plane_source import PlaneSource
from licodec.transform.grid import NUM_PLANES
from licodec.transform.integer import IntegerSynthesis, SynthesisAt, grey_levels
from licodec.transform.native_synthesis import Corrector, NativeSynthesis

# Sides of windows are multiples of it: the largest patches.
UNIT_PX = 8
# Pixels of planes that are made at once.
STRIP_PX = 1 << 17


class WholePlanes:
    """Planes that are there as a whole.

    Args:
        planes: (3, H', W') int32.
    """

    def __init__(self, planes: np.ndarray) -> None:
        self._planes = planes
        self.shape = (NUM_PLANES, planes.shape[1], planes.shape[2])

    def window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """See `PlaneSource`."""
        return self._planes[:, top:bottom, left:right]

    def whole(self) -> np.ndarray:
        """See `PlaneSource`."""
        return self._planes


@dataclass(frozen=True, slots=True)
class Results:
    """Arrays that take what is made of a part of a picture; None where it is not wanted.

    Attributes:
        pixels: (h, w) or (h, w, 3) uint8.
        planes: (3, h, w) int16, corrected, 1/64 grey level.
        patch_px: p, of `seen`.
        seen: (h / p, C / 4, W' / p, 4) uint8 that the last layer sees in patches of p x p, of all
            columns; the part's rows are multiples of 8 then, and its columns are all.
    """

    pixels: np.ndarray | None = None
    planes: np.ndarray | None = None
    patch_px: int = 1
    seen: np.ndarray | None = None

    def rows(self, top: int, bottom: int) -> Results:
        """Those of some rows of the part, multiples of 8 where `seen` is wanted."""
        patch = self.patch_px
        return Results(
            None if self.pixels is None else self.pixels[top:bottom],
            None if self.planes is None else self.planes[:, top:bottom],
            patch,
            None if self.seen is None else self.seen[top // patch : bottom // patch],
        )


class PictureSynthesis:
    """A synthesis at a picture's quality, fitted to it.

    Args:
        synthesis: of a profile.
        quality_index: 0..255.
        adaptive_filter: (K,) integers of the file, (0,) without.
    """

    def __init__(
        self,
        synthesis: IntegerSynthesis,
        quality_index: int,
        adaptive_filter: np.ndarray = NO_FILTER,
    ) -> None:
        self.form = synthesis.at(quality_index, adaptive_filter)
        self._native = packed(synthesis)
        self._parts = self._native.picture(self.form) if self._native else []

    def pixels(
        self,
        planes: PlaneSource,
        height: int,
        width: int,
        *,
        is_grey: bool,
        region: Region | None = None,
    ) -> np.ndarray:
        """Pixels of a picture.

        Args:
            planes: that its symbols give.
            height, width: of the picture.
            is_grey: whether it has no colour.
            region: the part of it that is wanted, which is equal to the same part of the whole.

        Returns:
            (h, w) or (h, w, 3) uint8 of the region or the picture.
        """
        part = region or Region(0, 0, width, height)
        pixels = np.empty((part.height, part.width, *(() if is_grey else (NUM_PLANES,))), np.uint8)
        left, right = part.x, part.x + part.width

        def rows(top: int, bottom: int) -> None:
            window = part.y + top, part.y + bottom, left, right
            self.put(planes, window, Results(pixels=pixels[top:bottom]))

        over_rows(rows, part.height, part.width, UNIT_PX)
        return pixels

    def put(self, planes: PlaneSource, part: tuple[int, int, int, int], results: Results) -> None:
        """Make a part of a picture, on one thread.

        Args:
            planes: that its symbols give.
            part: top, bottom, left, right.
            results: take it.
        """
        if self._native is None:
            self._put_reference(planes, part, results)
            return
        top, bottom, left, right = part
        halo = self.form.halo_px
        upper, lower = _reach(top, bottom, halo, planes.shape[1])
        first, last = _reach(left, right, halo, planes.shape[2])
        made = results.planes if results.planes is None else np.ascontiguousarray(results.planes)
        corrector = Corrector(
            self._native,
            self._parts,
            (lower - upper, last - first),
            (top - upper, bottom - upper, left - first, right - first),
            pixels=results.pixels,
            planes=made,
            seen=results.seen,
        )
        for begin, end in _strips(upper, lower, last - first):
            window = planes.window(begin, end, first, last)
            corrector.push(np.ascontiguousarray(window))
        if results.planes is not None and made is not None and made is not results.planes:
            results.planes[:] = made

    def _put_reference(
        self, planes: PlaneSource, part: tuple[int, int, int, int], results: Results
    ) -> None:
        from licodec.transform.reference import corrected_window

        top, bottom, left, right = part
        halo = self.form.halo_px
        first, last = _reach(left, right, halo, planes.shape[2])
        for begin, end in _strips(top - top % UNIT_PX, bottom, last - first):
            begin, end = max(begin, top), min(end, bottom)  # noqa: PLW2901
            upper, lower = _reach(begin, end, halo, planes.shape[1])
            window = np.array(planes.window(upper, lower, first, last))
            corrected, seen = corrected_window(self.form, window)
            inside = corrected[:, begin - upper : end - upper, left - first : right - first]
            taken = results.rows(begin - top, end - top)
            if taken.pixels is not None:
                taken.pixels[:] = grey_levels(inside, is_grey=taken.pixels.ndim == 2)
            if taken.planes is not None:
                taken.planes[:] = inside
            if taken.seen is not None:
                patch = self.form.parts[-1].patch_px
                taken.seen[:] = seen[(begin - upper) // patch :][: len(taken.seen)]


def packed(synthesis: IntegerSynthesis) -> NativeSynthesis | None:
    """The synthesis in the native library, packed once; None without the library."""
    library = native.find()
    if library is None:
        return None
    found: NativeSynthesis | None = synthesis.packed
    if found is None or found.library is not library:
        found = synthesis.packed = NativeSynthesis(synthesis, library)
    return found


def new_results(form: SynthesisAt, rows: int, columns: int) -> Results:
    """Room for corrected planes and for what the last layer sees of rows as wide as the planes."""
    last = form.parts[-1]
    patch, channels = last.patch_px, len(last.into.bias)
    seen = np.empty((rows // patch, channels // 4, columns // patch, 4), np.uint8)
    return Results(
        planes=np.empty((NUM_PLANES, rows, columns), np.int16), patch_px=patch, seen=seen
    )


def _reach(first_px: int, end_px: int, halo_px: int, size_px: int) -> tuple[int, int]:
    """First and last sample of a window, multiples of UNIT_PX, that samples depend on."""
    first, last = first_px - halo_px, end_px + halo_px
    return max(first // UNIT_PX * UNIT_PX, 0), min(-(-last // UNIT_PX) * UNIT_PX, size_px)


def _strips(top: int, bottom: int, width: int) -> Iterator[tuple[int, int]]:
    rows = max(UNIT_PX, STRIP_PX // width // UNIT_PX * UNIT_PX)
    for begin in range(top, bottom, rows):
        yield begin, min(begin + rows, bottom)
