"""Margins: lines of one colour at the sides of a picture, which a file has as counts and a colour.

Bars of stills, frames of scans, and the black line that cameras and converters leave at a side. A
wavelet spends bits on the edge between them and the photograph, or blurs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from licodec.codec.crop import size_within
from licodec.codec.region import Region
from licodec.container.format import MARGINS, MAX_SIDE_PX, Container, Varint
from licodec.container.reader import COPY_AGAIN, FieldReader
from licodec.container.write import pack_varint
from licodec.errors import CorruptFileError

Pixels = NDArray[np.uint8]

# Root mean square of grey levels by which the line inside differs from the colour. From 25 on a
# line costs more than its section in nearly every photograph (docs/decisions/margins.md).
_LEAST_CONTRAST = 16.0

_SIDES = ("top", "bottom", "left", "right")
_FIELDS = tuple(Varint(side, 0, MAX_SIDE_PX - 1) for side in _SIDES)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown of a picture with margins, and where its photograph is.

    Attributes:
        width, height: of what is shown.
        part: of the photograph, to be decoded; None: all of it.
        box: where that stands in what is shown, at least 1x1; None: nowhere.
    """

    width: int
    height: int
    part: Region | None
    box: Region | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Lines at the sides, and their colour: a grey level, or red, green and blue."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    colour: tuple[int, ...] = (0,)

    @property
    def num_lines(self) -> int:
        """Of all sides."""
        return self.top + self.bottom + self.left + self.right

    def packed(self) -> bytes:
        """The data of a section."""
        counts = (pack_varint(field, getattr(self, field.name)) for field in _FIELDS)
        return b"".join(counts) + bytes(self.colour)

    def inside(self, width: int, height: int) -> Region:
        """Where the photograph is in a picture of this size."""
        across, down = self.left + self.right, self.top + self.bottom
        return Region(self.left, self.top, width - across, height - down)

    def cut_off(self, pixels: Pixels) -> Pixels:
        """The photograph, a view: (h, w) or (h, w, 3) of (H, W) or (H, W, 3)."""
        height, width = pixels.shape[:2]
        return pixels[self.top : height - self.bottom, self.left : width - self.right]

    def photo_of(self, container: Container) -> Container:
        """A file of the photograph alone, whose payload this one has."""
        header = container.header
        inside = self.inside(header.width, header.height)
        return replace(container, head=replace(header, width=inside.width, height=inside.height))

    def put_around(self, photo: Pixels, view: View) -> Pixels:
        """What is shown: (height, width) or (height, width, 3) of the view.

        Args:
            photo: pixels of the view's box; of any size where it has none.
        """
        box = view.box
        if box is not None and (box.width, box.height) == (view.width, view.height):
            return photo
        shown = np.empty((view.height, view.width, *photo.shape[2:]), np.uint8)
        shown[:] = self.colour if photo.ndim == 3 else self.colour[0]
        if box is not None:
            shown[box.y : box.y + box.height, box.x : box.x + box.width] = photo
        return shown

    def view(
        self, width: int, height: int, part: Region | None = None, max_size: int | None = None
    ) -> View:
        """A view of a picture: all of it, a part, or a preview.

        Args:
            width, height: of the picture.
            part: which lies in it.
            max_size: of the preview's longer side. Its margins are whole pixels, so that the
                photograph is up to half a pixel off, and narrow margins are gone.
        """
        inside = self.inside(width, height)
        if max_size is not None:
            shown = size_within(width, height, max_size)
            left, across = _shrunk(self.left, self.right, width, shown[0])
            top, down = _shrunk(self.top, self.bottom, height, shown[1])
            box = Region(left, top, across, down)
            return View(width=shown[0], height=shown[1], part=None, box=box)
        if part is None:
            return View(width=width, height=height, part=None, box=inside)
        left, right = max(part.x, inside.x), min(part.x + part.width, inside.x + inside.width)
        top, bottom = max(part.y, inside.y), min(part.y + part.height, inside.y + inside.height)
        if left >= right or top >= bottom:  # one pixel is decoded, since all symbols are verified
            return View(width=part.width, height=part.height, part=Region(0, 0, 1, 1), box=None)
        size = right - left, bottom - top
        return View(
            width=part.width,
            height=part.height,
            part=Region(left - inside.x, top - inside.y, *size),
            box=Region(left - part.x, top - part.y, *size),
        )


NO_MARGINS = Margins()


def _shrunk(before: int, after: int, size: int, shown: int) -> tuple[int, int]:
    """First line of the photograph in a preview of `shown` lines, and how many it has."""
    first = min(round(before * shown / size), shown - 1)
    return first, max(shown - first - round(after * shown / size), 1)


def find_margins(pixels: Pixels) -> Margins:
    """The margins that a picture has and that are worth a section.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
    """
    found = [_of_colour(pixels, corner) for corner in (pixels[0, 0], pixels[-1, -1])]
    return max(found, key=lambda pair: pair[1])[0]


def _of_colour(pixels: Pixels, colour: NDArray[np.uint8]) -> tuple[Margins, float]:
    """Margins of one colour, and the sum of squared differences at their edges."""
    num_top = _num_lines(pixels, colour)
    if num_top == len(pixels):
        return NO_MARGINS, 0.0
    num_bottom = _num_lines(pixels[::-1], colour)
    columns = pixels[num_top : len(pixels) - num_bottom].swapaxes(0, 1)
    num_left, num_right = _num_lines(columns, colour), _num_lines(columns[::-1], colour)
    sides = (
        (num_top, pixels[num_top]),
        (num_bottom, pixels[-1 - num_bottom]),
        (num_left, columns[num_left]),
        (num_right, columns[-1 - num_right]),
    )
    counts, worth = [], 0.0
    for num, line in sides:
        squares = np.square(line.astype(np.float32) - colour)
        is_seen = num > 0 and squares.mean() >= _LEAST_CONTRAST**2
        counts.append(num if is_seen else 0)
        worth += float(squares.sum()) if is_seen else 0.0
    levels = tuple(int(level) for level in np.atleast_1d(colour))
    return Margins(**dict(zip(_SIDES, counts, strict=True)), colour=levels), worth


def _num_lines(lines: Pixels, colour: NDArray[np.uint8]) -> int:
    """Number of lines from the first one on, (n, ..), of nothing but a colour."""
    return next((i for i, line in enumerate(lines) if (line != colour).any()), len(lines))


def margins_of(container: Container) -> Margins:
    """The margins that a file states.

    Raises:
        CorruptFileError: they are not such as the format has.
        TruncatedFileError: their section ends too early.
    """
    data = container.section(MARGINS)
    if data is None:
        return NO_MARGINS
    header = container.header
    reader = FieldReader(data)
    reader.section = "MARGINS section"
    top, bottom, left, right = (reader.varint(field) for field in _FIELDS)
    colour = reader.take(1 if header.is_grey else 3, "colour")
    if reader.remaining:
        raise CorruptFileError(
            f"MARGINS section: {reader.remaining} bytes after the colour, expected none; "
            f"{COPY_AGAIN}"
        )
    for name, lines, size in (
        ("top and bottom", top + bottom, header.height),
        ("left and right", left + right, header.width),
    ):
        if lines >= size:
            raise CorruptFileError(
                f"MARGINS section: {lines} lines at {name} of {size}, expected fewer; {COPY_AGAIN}"
            )
    return Margins(top=top, bottom=bottom, left=left, right=right, colour=tuple(colour))
