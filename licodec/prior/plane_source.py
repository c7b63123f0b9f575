"""What a walk through a picture leaves: planes of the linear synthesis at one level."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class PlaneSource(Protocol):
    """Planes of the linear synthesis, 1/64 grey level, made where they are asked for."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        ...

    def window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """(3, bottom - top, right - left) int32, the same whatever the window."""
        ...

    def whole(self) -> np.ndarray:
        """(3, H, W) int32."""
        ...
