"""Keeps pictures on a device and cuts batches of crops there.

A GPU takes crops faster than one core cuts them, so that pictures which fit its memory are kept in
one flat tensor there, and a batch is a single look-up of addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Draw:
    """Where the N crops of a batch lie."""

    picture: np.ndarray  # (N,) int64
    top: np.ndarray  # (N,) int64
    left: np.ndarray  # (N,) int64
    turns: np.ndarray  # (N, 3) bool: mirrored, upside down, then rows and columns exchanged


class FlatStore:
    """Pictures of three channels, one after the other.

    Args:
        pictures: (3, H, W) each, all of one dtype; sizes may differ.
        device: that holds them.
    """

    def __init__(self, pictures: Sequence[Tensor], device: torch.device) -> None:
        sizes = np.array([p.numel() for p in pictures], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._heights = np.array([p.shape[1] for p in pictures], np.int64)
        self._widths = np.array([p.shape[2] for p in pictures], np.int64)
        self._flat = torch.empty(int(self._starts[-1]), dtype=pictures[0].dtype, device=device)
        for picture, first, last in zip(pictures, self._starts[:-1], self._starts[1:], strict=True):
            self._flat[first:last].view(picture.shape).copy_(picture)

    def crops(self, draw: Draw, size_px: int) -> Tensor:
        """(N, 3, size, size) on the store's device; every crop lies inside its picture."""
        width = self._widths[draw.picture]
        mirrored, upside_down, is_transposed = draw.turns.T
        top = draw.top + np.where(upside_down, size_px - 1, 0)
        left = draw.left + np.where(mirrored, size_px - 1, 0)
        down, right = np.where(upside_down, -width, width), np.where(mirrored, -1, 1)
        numbers = np.stack(
            [
                self._starts[draw.picture] + top * width + left,
                width * self._heights[draw.picture],
                np.where(is_transposed, right, down),
                np.where(is_transposed, down, right),
            ]
        )
        start, plane, row, column = torch.from_numpy(numbers).to(self._flat.device)  # (N,) each
        at = torch.arange(size_px, device=self._flat.device)
        channel = torch.arange(3, device=self._flat.device)
        address = (
            (start[:, None] + plane[:, None] * channel)[:, :, None, None]
            + (row[:, None] * at)[:, None, :, None]
            + (column[:, None] * at)[:, None, None, :]
        )
        return self._flat.index_select(0, address.flatten()).view(address.shape)


def fits(num_bytes: int, device: torch.device) -> bool:
    """Whether a store of this size leaves half of a GPU's free memory; never on a CPU."""
    return device.type == "cuda" and num_bytes < torch.cuda.mem_get_info(device)[0] / 2
