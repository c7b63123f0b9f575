"""Crops of the shipped photographs, and integer operations that spoil them alike everywhere."""

import numpy as np

from tests.photos import crop


def _blurred(pixels: np.ndarray) -> np.ndarray:
    """Means over 3x3 pixels, with the border repeated."""
    padded = np.pad(pixels.astype(np.int32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    total = sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3))
    return (total // 9).astype(np.uint8)


def _noisy(pixels: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(5).integers(-6, 7, pixels.shape)
    return np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)


def _blocky(pixels: np.ndarray) -> np.ndarray:
    """Each 8x8 block halfway to its mean."""
    spoilt = pixels.astype(int)
    for top in range(0, pixels.shape[0], 8):
        for left in range(0, pixels.shape[1], 8):
            block = spoilt[top : top + 8, left : left + 8]
            block += (block.sum(axis=(0, 1)) // (block.shape[0] * block.shape[1]) - block) // 2
    return spoilt.astype(np.uint8)


def _coarse(pixels: np.ndarray) -> np.ndarray:
    """Sixteen levels a channel: bands."""
    return pixels // 16 * 16 + 8


def _reddish(pixels: np.ndarray) -> np.ndarray:
    spoilt = pixels.astype(int)
    spoilt[:, :, 0] += 5
    return np.clip(spoilt, 0, 255).astype(np.uint8)


DISTORTIONS = {
    "blurred": _blurred,
    "noisy": _noisy,
    "blocky": _blocky,
    "coarse": _coarse,
    "reddish": _reddish,
}

PICTURES = {
    "coffee": lambda: crop(192, 144),
    "odd": lambda: crop(131, 173, name="chelsea"),
    "grey": lambda: np.repeat(crop(96, 80, "L")[:, :, None], 3, axis=2),
    "narrow": lambda: crop(200, 9),
    "smallest": lambda: crop(8, 8),
}


def spoilt_pair(picture: str, distortion: str) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 twice: a picture of PICTURES, and what one of DISTORTIONS makes of it."""
    reference = PICTURES[picture]()
    return reference, DISTORTIONS[distortion](reference)
