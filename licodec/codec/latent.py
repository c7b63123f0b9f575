"""A picture's pixels in, its coefficients in quantization steps out, as the prior asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from licodec.codec.model import Family, quality_inputs
from licodec.codec.padding import Padding
from licodec.codec.pixels import Corrector, corrected_rows
from licodec.codec.weights import STEP_UNIT
from licodec.memory import LARGE_PX
from licodec.prior.integer import Where
from licodec.prior.layout import (
    NUM_LEVELS,
    NUM_PLANES,
    DetailStep,
    detail_steps,
    fold_of,
)
from licodec.transform.grid import GRID_PX, PATCH_PX, padded_size
from licodec.transform.rows import below
from licodec.transform.wavelet import analyse_level

_Channels = tuple[int, ...]


class Latent:
    """Coefficients in quantization steps; can be asked for any step, again and again.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction.
    """

    def __init__(
        self, pixels: np.ndarray, family: Family, quality_index: int, device: torch.device
    ) -> None:
        self._pixels = pixels
        inputs = quality_inputs(family.config, quality_index)
        self._corrector = Corrector(family.analysis, *inputs, device)
        reach_px = self._corrector.halo_patches * PATCH_PX
        self._padding = Padding(pixels, self._planes_of, reach_px)
        self._steps_px = family.detail_steps_q4[quality_index].float() / STEP_UNIT
        self._kept: dict[int, dict[_Channels, Tensor]] = {}
        # Coefficients are given away then when they are asked for, and chroma of level 1, half of
        # all, is made only when it is.
        self._is_large = pixels.shape[0] * pixels.shape[1] > LARGE_PX
        low = self._analyse_all()
        low_px = family.low_steps_q4[quality_index].float() / STEP_UNIT
        self._low = low / low_px[:, None, None]

    def at(self, where: Where) -> Tensor:
        """(C, ..) float32 of the elements of a step, or of any channels of a level."""
        if where.mask is not None:
            return self._low[list(where.channels)][:, where.mask]
        parts = self._kept[where.level]
        missing = [s for s in detail_steps(where.level) if s.channels not in parts]
        missing = [s for s in missing if not {*s.channels}.isdisjoint(where.channels)]
        if missing and where.level == 1:
            self._analyse(missing)
        elif missing:
            self._analyse_all()
        parts = self._kept[where.level]
        if where.channels in parts:
            return parts.pop(where.channels) if self._is_large else parts[where.channels]
        planes = {
            c: plane for key, part in parts.items() for c, plane in zip(key, part, strict=True)
        }
        return torch.stack([planes[c] for c in where.channels])

    def _analyse_all(self) -> Tensor:
        """Keep all steps, or all but chroma of level 1; returns the low-pass of level 6."""
        height, width = (padded_size(n, GRID_PX) // 2 for n in self._pixels.shape[:2])
        low = torch.empty(NUM_PLANES, height, width, dtype=torch.float32)
        self._analyse([s for s in detail_steps(1) if not (self._is_large and s.is_chroma)], low)
        for level in range(2, NUM_LEVELS + 1):
            self._kept[level] = self._empty(level, low.shape[1] // 2, low.shape[2] // 2)
            low = self._analyse_plane_by_plane(level, low)
        return low

    def _planes_of(self, pixels: np.ndarray) -> Tensor:
        return torch.cat(list(corrected_rows(pixels, self._corrector.start())), 1)

    def _analyse(self, steps: Sequence[DetailStep], low: Tensor | None = None) -> None:
        """Keep some steps of level 1; fill the low-pass (3, H'/2, W'/2) float32 if it is given."""
        height, width = (padded_size(n, GRID_PX) for n in self._pixels.shape[:2])
        parts = self._empty(1, height // 2, width // 2, steps)
        wanted = {c // (3 * fold_of(1) ** 2) for s in steps for c in s.channels}
        for planes, top, inside in self._windows(height):
            rows = slice((top + inside.start) // 2, (top + inside.stop) // 2)
            part = slice(inside.start // 2, inside.stop // 2)
            for p in range(NUM_PLANES):
                if low is None and p not in wanted:
                    continue
                low_part, details = analyse_level(planes[None, p : p + 1])
                if low is not None:
                    low[p, rows] = low_part[0, 0, part]
                self._keep(1, p, details[0, 0, :, part], rows.start, parts)
        self._kept.setdefault(1, {}).update(parts)

    def _windows(self, height: int) -> Iterator[tuple[Tensor, int, slice]]:
        """Corrected planes (3, n, W'), their first row, and those of their rows that are analysed.

        The others, up to 8 at either end, are what the wavelet reaches.
        """
        window: Tensor | None = None
        top = done = 0
        for strip in corrected_rows(self._pixels, self._corrector.start()):
            self._padding.put(strip, top if window is None else top + window.shape[1])
            window = below(window, strip)
            bottom = top + window.shape[1]
            end = bottom if bottom == height else (bottom - PATCH_PX) // PATCH_PX * PATCH_PX
            if end <= done:
                continue
            yield window, top, slice(done - top, end - top)
            window, top, done = window[:, end - PATCH_PX - top :], end - PATCH_PX, end

    def _analyse_plane_by_plane(self, level: int, low: Tensor) -> Tensor:
        parts = []
        for p in range(NUM_PLANES):
            part, details = analyse_level(low[None, p : p + 1])
            parts.append(part[0])
            self._keep(level, p, details[0, 0], 0, self._kept[level])
        return torch.cat(parts)

    def _empty(
        self, level: int, height: int, width: int, steps: Sequence[DetailStep] | None = None
    ) -> dict[_Channels, Tensor]:
        size = height // fold_of(level), width // fold_of(level)
        return {
            s.channels: torch.empty((len(s.channels), *size), dtype=torch.float32)
            for s in (detail_steps(level) if steps is None else steps)
        }

    def _keep(
        self, level: int, plane: int, details: Tensor, top: int, parts: dict[_Channels, Tensor]
    ) -> None:
        """Put rows of a plane's bands (3, h, w), in grey levels, into parts by step."""
        fold = fold_of(level)
        size = fold * fold
        values = details / self._steps_px[level - 1, 3 * plane : 3 * plane + 3, None, None]
        rows = slice(top // fold, (top + values.shape[1]) // fold)
        for channels, part in parts.items():
            for i, channel in enumerate(channels):
                detail, position = divmod(channel, size)
                if detail // 3 == plane:
                    down, right = divmod(position, fold)
                    part[i, rows] = values[detail % 3, down::fold, right::fold]
