"""Small picture files for the command line's tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_photo(
    path: Path,
    *,
    seed: int = 1,
    mode: str = "RGB",
    size: tuple[int, int] = (11, 7),
    **options: object,
) -> np.ndarray:
    """Write random pixels of a width and height, and return them."""
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    pixels = np.random.default_rng(seed).integers(1, 255, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path, **options)
    return pixels


def save_photos(folder: Path, names: str = "abcdef") -> list[Path]:
    paths = [folder / f"{name}.png" for name in names]
    for seed, path in enumerate(paths):
        save_photo(path, seed=seed)
    return paths


def read_photo(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
