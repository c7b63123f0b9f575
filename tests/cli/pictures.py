"""Small picture files for the command line's tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_photo(path: Path, *, seed: int = 1, mode: str = "RGB", **options: object) -> np.ndarray:
    """Write random pixels, 11x7, and return them."""
    channels = () if mode == "L" else (len(mode),)
    pixels = np.random.default_rng(seed).integers(1, 255, (7, 11, *channels), dtype=np.uint8)
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
