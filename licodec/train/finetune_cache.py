"""Keeps on disk what a decoder sees before its synthesis, for pictures and a released family.

    CACHE/<family and analysis>-<quantizer>/<picture>-<quality index>.safetensors

Each file holds `planes`, (3, H', W') int16 in 1/64 grey level, and in its metadata `bits`, the size
of the payload that these planes were decoded from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family, fingerprint_of
from licodec.config import MAX_QUALITY_INDEX
from licodec.train.cache_folder import CacheFolder
from licodec.transform.grid import GRID_PX, padded_size

_INT16 = torch.iinfo(torch.int16)
_BYTES_PER_SAMPLE = 2
# Odd, so that a picture meets all 256 qualities before one comes again; far apart in sequence.
_QUALITY_STRIDE = 97
NUM_QUALITIES = MAX_QUALITY_INDEX + 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and what a decoder makes of it before its synthesis.

    Attributes:
        planes: (3, H', W') int16 in 1/64 grey level, H' and W' padded to the wavelet's grid; mapped
            from a file, so that it takes no memory of its own.
        rgb: (H, W, 3) uint8.
        quality_index: 0..255.
        bpp: bits of the payload per pixel.
        weight: how often it is drawn, relative to others.
    """

    planes: Tensor
    rgb: np.ndarray
    quality_index: int
    bpp: float
    weight: float = 1.0


class LatentCache:
    """Quantised latents of one family and one quantizer.

    Attributes:
        folder: that holds them; it may serve several families, quantizers and runs.
        num_made: encodes that were done, rather than found.

    Args:
        folder: see above.
        family: released, with the tables and the integers that code real files.
        quantizer: `choice` of `encode_pixels`.
        device: of the analysis.
    """

    def __init__(self, folder: CacheFolder, family: Family, quantizer: str, device: str) -> None:
        analysis = fingerprint_of(family.analysis.arrays)
        self.folder = folder
        self._files = folder.path / f"{family.fingerprint.hex()}{analysis[:8]}-{quantizer}"
        self._family, self._quantizer, self._device = family, quantizer, device
        self.num_made = 0

    def pair(
        self, rgb: np.ndarray, quality_index: int, weight: float, *, may_make: bool
    ) -> Pair | None:
        """Find a pair, or make it if it fits.

        Args:
            rgb: (H, W, 3) uint8.
            quality_index: 0..255.
            weight: see `Pair`.
            may_make: else it is only looked for.

        Returns:
            None where it was not found and not made: planes that leave the range of int16 are not.

        Raises:
            TrainingError: the cache cannot be written.
        """
        path = self.path_of(rgb, quality_index)
        found = _read(path, rgb.shape)
        if found is None and may_make and self.folder.has_room(bytes_of(rgb)):
            self._make(path, rgb, quality_index)
            found = _read(path, rgb.shape)
        if found is None:
            return None
        planes, bits = found
        return Pair(planes, rgb, quality_index, bits / (rgb.shape[0] * rgb.shape[1]), weight)

    def path_of(self, rgb: np.ndarray, quality_index: int) -> Path:
        """File of the pair, whether it is there or not."""
        return self._files / f"{digest_of(rgb)}-{quality_index:03d}.safetensors"

    def _make(self, path: Path, rgb: np.ndarray, quality_index: int) -> None:
        encoded = encode_pixels(
            np.ascontiguousarray(rgb),
            self._family,
            quality_index,
            self._device,
            choice=self._quantizer,
        )
        self.num_made += 1
        planes = encoded.planes
        if int(planes.min()) < _INT16.min or int(planes.max()) > _INT16.max:
            return
        tensors = {"planes": torch.from_numpy(planes.astype(np.int16))}
        self.folder.write(path, tensors, {"bits": str(8 * len(encoded.payload))})


def bytes_of(rgb: np.ndarray) -> int:
    """What the pair of a picture (H, W, 3) takes on disk."""
    height, width = (padded_size(side, GRID_PX) for side in rgb.shape[:2])
    return 3 * height * width * _BYTES_PER_SAMPLE


def _read(path: Path, shape: Sequence[int]) -> tuple[Tensor, int] | None:
    """Planes and bits; None if there is no whole file of a picture of this shape."""
    if not path.is_file():
        return None
    padded = (3, padded_size(shape[0], GRID_PX), padded_size(shape[1], GRID_PX))
    try:
        with safe_open(path, "pt") as file:
            planes = file.get_tensor("planes")
            bits = int((file.metadata() or {}).get("bits", "-1"))
    except (OSError, SafetensorError, ValueError):
        return None
    is_whole = tuple(planes.shape) == padded and planes.dtype == torch.int16 and bits >= 0
    return (planes, bits) if is_whole else None


def digest_of(rgb: np.ndarray) -> str:
    """32 hexadecimal digits that tell pictures apart; (H, W, 3) uint8."""
    digest = hashlib.blake2b(f"{rgb.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def variant(rgb: np.ndarray, number: int) -> tuple[np.ndarray, int]:
    """The picture turned or mirrored, and a quality index: what its number-th pair is made of.

    The choice depends on the picture alone, so that another run finds the same pairs. Planes cannot
    be turned after they were coded: the wavelet tells even from odd samples.

    Args:
        rgb: (H, W, 3) uint8.
        number: 0..255; each has another quality.
    """
    first, second, *_ = bytes.fromhex(digest_of(rgb))
    turned = np.rot90(rgb, (second + number) % 4)
    if (second + number) // 4 % 2:
        turned = turned[:, ::-1]
    return turned, (first + _QUALITY_STRIDE * number) % NUM_QUALITIES
