"""The planes of the reference prior: windows of a level's synthesis on torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from licodec.coding.small_integers import SmallIntegers
from licodec.prior.layout import NUM_PLANES, VALUE_BITS
from licodec.prior.strips import row_strips
from licodec.transform.grid import SYNTHESIS_HALO
from licodec.transform.wavelet import synthesise_values

# Of one plane; large enough that the halo costs little.
_STRIP_SAMPLES = 1 << 20


class ReferencePlaneSource:
    """As `licodec.prior.plane_source.Planes`.

    Attributes:
        shape: (3, 2h, 2w).

    Args:
        low: (3, h, w) planes of the coarser level.
        values: (9, h, w) of this level, 2^-VALUE_BITS step.
        steps: (9,) int32, 1/1024 grey level.
    """

    def __init__(self, low: Tensor, values: Tensor, steps: Tensor) -> None:
        self.shape = (NUM_PLANES, 2 * low.shape[1], 2 * low.shape[2])
        self._low, self._values = low, values.view(NUM_PLANES, 3, *low.shape[1:])
        self._steps = steps.view(NUM_PLANES, 3)

    def window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """(3, bottom - top, right - left) int32, the same whatever the window."""
        height, width = self._low.shape[1:]
        above, below = _reach(top, bottom, height)
        before, after = _reach(left, right, width)
        inside = (slice(above, below), slice(before, after))
        with torch.inference_mode():
            part = synthesise_values(
                self._low[:, *inside].to(torch.int32),
                self._values[:, :, *inside],
                self._steps,
                VALUE_BITS,
            )
        rows = slice(top - 2 * above, bottom - 2 * above)
        window: np.ndarray = part[:, rows, left - 2 * before : right - 2 * before].numpy()
        return window

    def whole(self) -> np.ndarray:
        """(3, 2h, 2w) int32."""
        return self.window(0, self.shape[1], 0, self.shape[2])

    def small(self) -> Tensor:
        """(3, 2h, 2w) in 16 bits if they fit, else int32; made strip by strip."""
        out = SmallIntegers(*self.shape, is_zero=False)
        for top, bottom in row_strips(self.shape[1], self.shape[2], positions=_STRIP_SAMPLES):
            rows = (slice(None), slice(top, bottom))
            out.put(rows, self.window(top, bottom, 0, self.shape[2]))
        return torch.from_numpy(out.data)


def _reach(first: int, last: int, size: int) -> tuple[int, int]:
    """Coarser samples that finer ones from first to last - 1 depend on."""
    return max(first // 2 - SYNTHESIS_HALO, 0), min(-(-last // 2) + SYNTHESIS_HALO, size)
