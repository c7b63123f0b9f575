"""The coefficients of a picture in quantization steps, in the order that the prior asks for."""

from __future__ import annotations

import numpy as np

from licodec.codec.analysis import analysed_planes
from licodec.codec.model import Family
from licodec.codec.padding import settle_padding
from licodec.memory import LARGE_PX
from licodec.prior.layout import StepElements, detail_steps, fold_of
from licodec.transform.grid import NUM_BANDS, NUM_LEVELS, STEP_UNIT
from licodec.transform.split import split_plane

_Channels = tuple[int, ...]


class Latent:
    """Coefficients in quantization steps; can be asked for any step, again and again.

    Args:
        planes: three of (H', W') float32 grey levels, the picture's size padded to multiples of
            64; they are given up.
        height, width: of the picture.
        family: loaded latent family.
        quality_index: 0..255.
        moves: three planes like these, given up, too, whose coefficients are added.
        most_move: steps that a coefficient moves at most.
        is_once: a step's details are forgotten once they have been asked for, which takes less
            memory.
    """

    def __init__(
        self,
        planes: list[np.ndarray],
        height: int,
        width: int,
        family: Family,
        quality_index: int,
        *,
        moves: list[np.ndarray] | None = None,
        most_move: float = 0.0,
        is_once: bool = False,
    ) -> None:
        self._is_once = is_once
        self._most_move = most_move
        settle_padding(planes, height, width)
        self._steps_px = family.detail_steps_q4[quality_index].astype(np.float32) / STEP_UNIT
        self._kept: dict[int, dict[_Channels, np.ndarray]] = {}
        # Half as exact, which no choice of a symbol notices, level 1 of a large picture takes less
        # memory than its planes, which are not needed any more.
        is_large = height * width > LARGE_PX
        moves = moves or []
        for level in range(1, NUM_LEVELS + 1):
            planes, moves = self._analyse(
                level, planes, moves, np.float16 if is_large and level == 1 else np.float32
            )
        low_px = family.low_steps_q4[quality_index].astype(np.float32) / STEP_UNIT
        self._low = np.stack(planes) / low_px[:, None, None]
        if moves:
            self._low += (np.stack(moves) / low_px[:, None, None]).clip(-most_move, most_move)

    def at(self, where: StepElements) -> np.ndarray:
        """(C, ..) float32 of the elements of a step, or of any channels of a level."""
        if where.mask is not None:
            low: np.ndarray = self._low[list(where.channels)][:, where.mask]
            return low
        parts = self._kept[where.level]
        if where.channels in parts:
            taken = parts.pop if self._is_once else parts.__getitem__
            return taken(where.channels).astype(np.float32, copy=False)
        planes = {
            c: plane for key, part in parts.items() for c, plane in zip(key, part, strict=True)
        }
        return np.stack([planes[c] for c in where.channels], dtype=np.float32)

    def _analyse(
        self, level: int, planes: list[np.ndarray], moves: list[np.ndarray], dtype: type
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Keep the details of a level in steps.

        Args:
            level: 1 to 6.
            planes: three of (h, w) float32, which are given up one after the other.
            moves: likewise, or none.
            dtype: of what is kept.

        Returns:
            Their low-pass, three of (h / 2, w / 2) float32 each.
        """
        fold, (height, width) = fold_of(level), (n // 2 for n in planes[0].shape)
        self._kept[level] = parts = {
            s.channels: np.empty((len(s.channels), height // fold, width // fold), dtype)
            for s in detail_steps(level)
        }
        lows: list[np.ndarray] = []
        low_moves: list[np.ndarray] = []
        while planes:
            first = NUM_BANDS * len(lows)
            low, details = split_plane(planes.pop(0))
            lows.append(low)
            steps_px = self._steps_px[level - 1, first : first + NUM_BANDS, None, None]
            details /= steps_px
            if moves:
                low_move, move = split_plane(moves.pop(0))
                low_moves.append(low_move)
                move /= steps_px
                details += move.clip(-self._most_move, self._most_move, out=move)
            for channels, part in parts.items():
                for values, channel in zip(part, channels, strict=True):
                    detail, position = divmod(channel, fold * fold)
                    if first <= detail < first + NUM_BANDS:
                        down, right = divmod(position, fold)
                        values[:] = details[detail - first, down::fold, right::fold]
        return lows, low_moves


def analysed_latent(
    pixels: np.ndarray,
    family: Family,
    quality_index: int,
    device: str,
    *,
    is_once: bool = False,
) -> Latent:
    """The latent of a picture.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        family: loaded latent family.
        quality_index: 0..255.
        device: of the analysis correction, "cpu" or "cuda".
        is_once: see `Latent`.
    """
    planes = analysed_planes(pixels, family, quality_index, device)
    height, width = pixels.shape[:2]
    return Latent(planes, height, width, family, quality_index, is_once=is_once)
