"""Where a picture has fine stripes: fences, shutters, woven cloth.

A window of three by three blocks is striped if its slopes point one way (the coherence of the
structure tensor: Bigun and Granlund, "Optimal orientation detection of linear symmetry", 1987), if
they are steep for its contrast, as those of a single edge are not, and if the contrast is strong.
"""

from __future__ import annotations

import numpy as np

from licodec.transform.colour_planes import integer_planes
from licodec.transform.grid import FRACTION_BITS, padded_size

BLOCK_PX = 8
# Of the tensor's eigenvalues, their difference to their sum.
_MIN_COHERENCE = 0.75
# Of slopes, over two pixels, to deviations: from sines of eight pixels to those of five.
_MIN_STEEPNESS, _MAX_STEEPNESS = 0.7, 0.95
# Deviation of the luma plane, 20 grey levels of a grey picture.
_MIN_DEVIATION = 35.0
# Share of striped windows among those around from which a block has some, and from which all.
_FEW, _MANY = 0.4, 0.7
# Pixels that are looked at at once.
_STRIP_PX = 1 << 20


def striped(pixels: np.ndarray) -> np.ndarray:
    """How much each block of 8x8 pixels belongs to fine stripes.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.

    Returns:
        (H / 8, W / 8) float32, both rounded up, 0 to 1; the same on every machine.
    """
    height, width = pixels.shape[:2]
    rows = max(BLOCK_PX, _STRIP_PX // width // BLOCK_PX * BLOCK_PX)
    sums = np.concatenate(
        [_block_sums(pixels, top, min(top + rows, height)) for top in range(0, height, rows)],
        axis=1,
    )
    across, down, both, values, squares, counts = _summed_around(sums)
    energy = across + down
    is_coherent = (across - down) ** 2 + 4 * both**2 >= (_MIN_COHERENCE * energy) ** 2
    variances = squares * counts - values**2  # times the square of counts
    is_fine = _MIN_STEEPNESS**2 * variances <= energy * counts
    is_fine &= energy * counts <= _MAX_STEEPNESS**2 * variances
    is_strong = variances >= (_MIN_DEVIATION * counts) ** 2
    found = np.stack([is_coherent & is_fine & is_strong, np.ones_like(is_fine)])
    windows, all_windows = _summed_around(found.astype(np.float64))
    shares: np.ndarray = (windows / all_windows - _FEW) / (_MANY - _FEW)
    return shares.clip(0, 1).astype(np.float32)


def _block_sums(pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """Sums over the blocks of some rows: squared slopes across and down, their products, lumas,
    their squares, and pixels; (6, h / 8, W / 8) float64.
    """
    height, width = pixels.shape[:2]
    # A row more on either side; at the picture's border it repeats, as a column does.
    rows = np.arange(top - 1, bottom + 1).clip(0, height - 1)
    part = pixels[rows[0] : rows[-1] + 1]
    luma = integer_planes(part, 0, len(part))[0, rows - rows[0], :width] >> FRACTION_BITS
    wide = np.pad(luma[1:-1], ((0, 0), (1, 1)), mode="edge")
    across, down, own = wide[:, 2:] - wide[:, :-2], luma[2:] - luma[:-2], luma[1:-1]
    # Slopes are over two pixels: products of them are four times too large.
    return np.stack(
        [
            _sum_of_blocks(across * across) / 4,
            _sum_of_blocks(down * down) / 4,
            _sum_of_blocks(across * down) / 4,
            _sum_of_blocks(own),
            _sum_of_blocks(own * own),
            _sum_of_blocks(np.ones_like(own)),
        ]
    )


def _sum_of_blocks(plane: np.ndarray) -> np.ndarray:
    """(h, w) int32 to (h / 8, w / 8), both rounded up."""
    beyond = [(0, padded_size(n, BLOCK_PX) - n) for n in plane.shape]
    padded = np.pad(plane, beyond)
    height, width = (n // BLOCK_PX for n in padded.shape)
    sums: np.ndarray = padded.reshape(height, BLOCK_PX, width, BLOCK_PX).sum((1, 3))
    return sums


def _summed_around(maps: np.ndarray) -> np.ndarray:
    """Sums of each three by three elements, fewer at the border; (n, h, w) float64."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    columns = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]
    sums: np.ndarray = columns[:, :-2] + columns[:, 1:-1] + columns[:, 2:]
    return sums
