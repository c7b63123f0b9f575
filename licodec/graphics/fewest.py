"""The fewest colours that come close enough to a picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from licodec.graphics.closeness import Closeness
from licodec.graphics.palette import SIZES, Palettes

# By so much `Closeness.lack` falls from one of SIZES to the next, on drawings of the training set.
_LACK_PER_SIZE = 0.25
# Not looked for fewer colours that come closer to what is needed than this: half a size.
_NEAR_ENOUGH = 0.1

Pixels = NDArray[np.uint8]


class FewestColours:
    """Looks for the smallest of SIZES that suffices, first by squared error, then by looks.

    Args:
        palettes: of the picture.
        closeness: what has to be reached.
    """

    def __init__(self, palettes: Palettes, closeness: Closeness) -> None:
        self._palettes, self._closeness = palettes, closeness
        self._sizes = [size for size in SIZES if size < palettes.num_colours]
        self._first: tuple[int, Pixels] | None = None

    def by_error(self) -> Pixels | None:
        """The picture in the fewest colours that do not err more; None where even the most do, or
        where the picture has no more colours than would be needed. A bound for `by_looks`."""
        low, high = 0, len(self._sizes)
        while low < high:
            middle = (low + high) // 2
            shades, error = self._palettes.reduced(self._sizes[middle])
            if error <= self._closeness.error:
                high, self._first = middle, (middle, shades)
            else:
                low = middle + 1
        return None if self._first is None else self._first[1]

    def by_looks(self) -> Pixels | None:
        """The picture in the fewest colours that also look as close; None if none do.

        To be called after `by_error`. A size more than needed may be taken where that comes near
        enough, or where looks get worse from one size to the next, which they seldom do.
        """
        if self._first is None:
            return None
        low, best = self._first
        low_lack = self._closeness.lack(best)
        if low_lack <= 0:
            return best
        high, found = len(self._sizes), None
        high_lack = low_lack - _LACK_PER_SIZE * (high - low)
        while high - low > 1 and (found is None or high_lack < -_NEAR_ENOUGH):
            share = low_lack / (low_lack - high_lack) if high_lack < 0 else 1.0
            middle = low + math.ceil(share * (high - low))
            middle = min(max(middle, low + 1), high - 1)
            shades, _ = self._palettes.reduced(self._sizes[middle])
            lack = self._closeness.lack(shades)
            if lack <= 0:
                high, high_lack, found = middle, lack, shades
            else:
                low, low_lack = middle, lack
                if found is None:
                    high_lack = low_lack - _LACK_PER_SIZE * (high - low)
        return found
