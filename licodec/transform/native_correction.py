"""A correction on the native library: patches of one size, then patches of 2x2.

Does what `licodec.transform.correction` does on torch, in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.native.binding import Library
from licodec.native.correction import PatchNetwork
from licodec.transform.grid import PATCH_PX, padded_size
from licodec.transform.quality import interpolate

_FINE_PATCH_PX = 2
# Planes span about +-222 grey levels; networks see them in units of 64.
_UNIT = 1 / 64


@dataclass(frozen=True)
class _Part:
    """One network with what depends on the quality, by knot."""

    net: PatchNetwork
    biases: list[np.ndarray]  # each (knots, O) float32
    log_gain: np.ndarray  # (knots,)


class NativeCorrection:
    """Corrects windows of a picture's planes.

    Attributes:
        reach_px: rows beyond those that are wanted, above and below, which a multiple of 8 needs.

    Args:
        shape: of the networks.
        arrays: float32, by the names that `licodec.transform.correction.Correction` gives them.
        library: that runs them.

    Raises:
        KeyError: an array is missing; it is named.
        ModelError: shapes that do not fit.
    """

    def __init__(
        self, shape: CorrectionConfig, arrays: Mapping[str, np.ndarray], library: Library
    ) -> None:
        self._parts = [_part("", shape.patch_px, shape.num_blocks, arrays, library)]
        if shape.fine_blocks:
            self._parts.append(_part("fine.", _FINE_PATCH_PX, shape.fine_blocks, arrays, library))
        num_arrays = sum(6 + 5 * (len(part.biases) - 2) // 2 for part in self._parts)
        if num_arrays != len(arrays):
            raise ModelError("a correction has more weights than its shape")
        reach = sum(part.net.reach * part.net.patch_px for part in self._parts)
        self.reach_px = padded_size(reach, PATCH_PX)

    def correct(
        self,
        planes: np.ndarray,
        inputs: tuple[np.ndarray, np.ndarray],
        *,
        first_row: int,
        num_rows: int,
        top: int,
        bottom: int,
    ) -> np.ndarray:
        """Corrected rows, the same whatever the window and the number of threads.

        Args:
            planes: (3, h, W) float32 grey levels; rows of the picture from first_row on.
            inputs: knot weights (1, knots) and step (1,) float32 of the quality.
            first_row: of the planes.
            num_rows: of the whole picture.
            top, bottom: rows that are wanted; planes hold them and `reach_px` rows on each side,
                as far as the picture goes. All are multiples of 8.

        Returns:
            (3, bottom - top, W) float32.
        """
        weights, step_px = inputs
        rest = self.reach_px
        for part in self._parts:
            rest -= part.net.reach * part.net.patch_px
            above, below = top, bottom
            if part is not self._parts[-1]:  # what the next one needs around them
                above = max(top - padded_size(rest, PATCH_PX), 0)
                below = min(bottom + padded_size(rest, PATCH_PX), num_rows)
            planes = part.net.correct(
                planes,
                [interpolate(weights, bias)[0] for bias in part.biases],
                float(step_px[0] * np.exp(interpolate(weights, part.log_gain)[0])),
                _UNIT,
                first_row=first_row,
                num_rows=num_rows,
                top=above,
                bottom=below,
            )
            first_row = above
        return planes


def _part(
    prefix: str,
    patch_px: int,
    num_blocks: int,
    arrays: Mapping[str, np.ndarray],
    library: Library,
) -> _Part:
    blocks = [f"{prefix}blocks.{i}." for i in range(num_blocks)]
    names = [f"{prefix}into", *(b + k for b in blocks for k in ("into", "back")), f"{prefix}out"]
    # Of the convolutions that the quality shifts.
    more = {f"{prefix}into": f"{prefix}quality_bias"} | {
        f"{b}into": f"{b}quality_bias" for b in blocks
    }
    log_gain = arrays[f"{prefix}log_gain"]
    biases = []
    for name in names:
        bias = np.broadcast_to(
            arrays[f"{name}.bias"], (len(log_gain), *arrays[f"{name}.bias"].shape)
        )
        shift = arrays.get(more.get(name, ""), np.float32(0))
        biases.append(np.ascontiguousarray(bias + shift, np.float32))
    net = PatchNetwork(patch_px, [arrays[f"{name}.weight"] for name in names], library)
    return _Part(net, biases, log_gain)
