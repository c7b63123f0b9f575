"""Replaces the colours of pixels that are fully transparent by cheap ones."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from licodec.image.picture import Picture

BLOCK_PX = 8


def without_hidden(picture: Picture) -> Picture:
    """Colours under fully transparent pixels replaced (`fill_hidden`), with a note where nothing
    else is in the picture."""
    alpha, pixels, notes = picture.alpha, picture.pixels, picture.notes
    if alpha is None or alpha.min() > 0:
        return picture
    if not alpha.any() and (pixels != pixels[:1, :1]).any():
        notes += ("all pixels are fully transparent; the colours below are dropped",)
    return replace(picture, pixels=fill_hidden(pixels, alpha), notes=notes)


def fill_hidden(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Replace colours that nobody can see, since they would cost bits.

    A pixel with alpha 0 takes the mean of the visible pixels of its 8x8 block; where the block
    has none, that of the smallest block of 16, 32, ... pixels around it that has some; 0 if no
    pixel is visible. Visible pixels stay as they are.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        alpha: (H, W) uint8.

    Returns:
        A new array of the shape of `pixels`.
    """
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels  # (H, W, C)
    is_visible = (alpha > 0)[:, :, None]  # (H, W, 1)
    sums = _sum_blocks(np.where(is_visible, planes, 0), BLOCK_PX)  # (h, w, C)
    counts = _sum_blocks(is_visible, BLOCK_PX)  # (h, w, 1)
    means = np.rint(_mean_pyramid(sums, counts)).astype(np.uint8)
    height, width = alpha.shape
    spread = means.repeat(BLOCK_PX, 0)[:height].repeat(BLOCK_PX, 1)[:, :width]
    return np.where(is_visible, planes, spread).reshape(pixels.shape)


def _mean_pyramid(sums: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means per block; blocks without a visible pixel take the mean of the block of blocks."""
    means = sums / np.maximum(counts, 1)
    height, width = counts.shape[:2]
    if counts.all() or height * width == 1:
        return means
    coarse = _mean_pyramid(_sum_blocks(sums, 2), _sum_blocks(counts, 2))
    spread = coarse.repeat(2, 0)[:height].repeat(2, 1)[:, :width]
    return np.where(counts > 0, means, spread)


def _sum_blocks(values: NDArray[np.generic], side: int) -> NDArray[np.int64]:
    """(H, W, C) to sums over blocks, (ceil(H / side), ceil(W / side), C)."""
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], side), axis=0, dtype=np.int64)
    return np.add.reduceat(rows, np.arange(0, values.shape[1], side), axis=1, dtype=np.int64)
