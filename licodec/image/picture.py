"""A picture as the codec takes and returns it: 8-bit planes, metadata, notes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from licodec.errors import ImageError


def as_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) grey or (H, W, 3) RGB as (H, W, 3) RGB."""
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Pixels as coded, with everything that goes beside them into the file.

    Raises:
        ImageError: a plane with a wrong shape or dtype, or without a pixel.
    """

    pixels: NDArray[np.uint8]  # (H, W) grey or (H, W, 3) RGB
    alpha: NDArray[np.uint8] | None = None  # (H, W), 0 transparent to 255; None when opaque
    icc: bytes | None = None  # ICC profile of the pixels
    exif: bytes | None = None  # TIFF block without the "Exif\0\0" that some formats put before it
    xmp: bytes | None = None  # XMP packet
    notes: tuple[str, ...] = ()  # one line per conversion that changed or dropped something

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
            raise ImageError(
                f"pixels are {dtype} {shape}; expected uint8 (height, width) or (height, width, 3)"
            )
        if 0 in shape:
            raise ImageError(f"picture has {shape[1]}x{shape[0]} pixels; expected at least 1x1")
        if self.alpha is not None and (
            self.alpha.dtype != np.uint8 or self.alpha.shape != shape[:2]
        ):
            raise ImageError(
                f"alpha is {self.alpha.dtype} {self.alpha.shape}; expected uint8 {shape[:2]}"
            )

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def is_grey(self) -> bool:
        return self.pixels.ndim == 2

    def turned(self, orientation: int) -> Picture:
        """The same as it is meant to be seen, see `turn`; planes follow their shape in memory."""
        alpha = self.alpha
        return replace(
            self,
            pixels=np.ascontiguousarray(turn(self.pixels, orientation)),
            alpha=None if alpha is None else np.ascontiguousarray(turn(alpha, orientation)),
        )


def turn(plane: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An (H, W, ...) array as it is meant to be seen, from the order that an EXIF tag tells."""
    if orientation >= 5:
        plane = plane.swapaxes(0, 1)
    flips_rows = orientation in (3, 4, 7, 8)
    flips_columns = orientation in (2, 3, 6, 7)
    return plane[:: -1 if flips_rows else 1, :: -1 if flips_columns else 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """Pixels as they were read, before metadata go beside them."""

    pixels: NDArray[np.uint8]  # (H, W) grey or (H, W, 3) RGB
    alpha: NDArray[np.uint8] | None = None  # (H, W)
    notes: tuple[str, ...] = ()
    is_srgb: bool = False  # converted to it; a profile has been used up
    is_curved: bool = False  # on the curve of sRGB in place of that of their profile


def picture_of(
    planes: Planes,
    *,
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    notes: tuple[str, ...] = (),
    orientation: int = 1,
) -> Picture:
    """The picture of planes that lie in an orientation; alpha that is opaque everywhere goes.

    Raises:
        ImageError: as `Picture`.
    """
    alpha = planes.alpha
    if alpha is not None and alpha.size and alpha.min() == 255:
        alpha = None
    picture = Picture(pixels=planes.pixels, alpha=alpha, icc=icc, exif=exif, xmp=xmp, notes=notes)
    return picture.turned(orientation)
