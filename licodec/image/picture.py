"""A picture as the codec takes and returns it: 8-bit planes, metadata, notes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from licodec.errors import ImageError


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
