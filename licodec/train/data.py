"""Loads pictures from folders and tar shards, and draws batches of random crops."""

from __future__ import annotations

import io
import lzma
import math
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from licodec.errors import ImageError, TrainingError
from licodec.image.convert import picture_from
from licodec.image.faults import PILLOW_FAULTS, one_line
from licodec.train.flat_store import Draw, FlatStore, fits

_SUFFIXES = (".avif", ".webp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
# Every n-th picture is held back for validation unless shards or folders named valid* are given.
_HOLD_BACK_EVERY = 40
_LEAST_CROP_PX = 64
_UNREADABLE: tuple[type[Exception], ...] = (
    *PILLOW_FAULTS,
    ImageError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or shard and how often its pictures are drawn, relative to others."""

    path: Path
    weight: float = 1.0


def parse_source(text: str) -> Source:
    """Read `PATH` or `PATH:WEIGHT`.

    Raises:
        TrainingError: nothing there, or a weight that is not a positive number.
    """
    path, colon, weight = text.rpartition(":")
    if not colon or Path(text).exists():
        path, weight = text, "1"
    try:
        value = float(weight)
    except ValueError:
        value = -1.0
    if not 0 < value < math.inf:
        raise TrainingError(f"{text}: weight is {weight!r}, expected a number above 0, PATH:WEIGHT")
    if not Path(path).exists():
        raise TrainingError(f"{path}: no such folder or shard; name folders or .tar files")
    return Source(Path(path), value)


@dataclass(slots=True)
class Pictures:
    """Decoded pictures in memory, (H, W, 3) uint8 each, with the weight each is drawn with."""

    arrays: list[np.ndarray]
    weights: list[float]
    num_unreadable: int = 0
    num_too_small: int = 0

    @property
    def megapixels(self) -> float:
        """Size of all pictures together."""
        return float(sum(a.shape[0] * a.shape[1] for a in self.arrays)) / 1e6


@dataclass(frozen=True, slots=True)
class _Shard:
    """A folder, or a .tar file."""

    path: Path
    weight: float
    is_held_back: bool


def load_pictures(sources: Sequence[Source], min_side_px: int) -> tuple[Pictures, Pictures]:
    """Decode everything once.

    Pictures smaller than min_side_px on a side and unreadable files are left out and counted.
    Sources and shards whose name starts with "valid" are for validation; without any, every 40th
    picture is held back.

    Returns:
        pictures to train on, pictures to validate on.

    Raises:
        TrainingError: no usable picture to train on.
    """
    train, valid = Pictures([], []), Pictures([], [])
    shards = _shards(sources)
    for shard in shards:
        _load(valid if shard.is_held_back else train, shard, min_side_px)
    if not any(shard.is_held_back for shard in shards):
        for i in reversed(range(0, len(train.arrays), _HOLD_BACK_EVERY)):
            if len(train.arrays) > 1:
                valid.arrays.append(train.arrays.pop(i))
                valid.weights.append(train.weights.pop(i))
    if not train.arrays:
        advice = " or a smaller --crop" if min_side_px > _LEAST_CROP_PX else ""
        raise TrainingError(
            f"no picture of at least {min_side_px} px per side found "
            f"({train.num_too_small} are smaller, {train.num_unreadable} files unreadable, "
            f"{len(valid.arrays)} held back); give a larger set{advice}"
        )
    return train, valid


def load_held_back(sources: Sequence[Source], min_side_px: int) -> Pictures:
    """The pictures to validate on alone, as `load_pictures` holds them back; errors likewise."""
    shards = [shard for shard in _shards(sources) if shard.is_held_back]
    if not shards:
        return load_pictures(sources, min_side_px)[1]
    valid = Pictures([], [])
    for shard in shards:
        _load(valid, shard, min_side_px)
    return valid


def _shards(sources: Sequence[Source]) -> list[_Shard]:
    """The .tar files of folders, folders that have none, and single files."""
    found = []
    for source in sources:
        path = source.path
        paths = (sorted(path.glob("*.tar")) if path.is_dir() else []) or [path]
        for part in paths:
            is_held_back = any(p.name.startswith("valid") for p in (path, part))
            found.append(_Shard(part, source.weight, is_held_back))
    return found


def _load(pictures: Pictures, shard: _Shard, min_side_px: int) -> None:
    for data in _files(shard.path):
        _add(pictures, data, shard.weight, min_side_px)


def _files(shard: Path) -> Iterator[bytes]:
    """Contents of all picture files; nothing of those that the system cannot read."""
    if shard.is_dir():
        for path in sorted(shard.rglob("*")):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                try:
                    data = path.read_bytes()
                except OSError:
                    data = b""
                yield data
        return
    try:
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.isfile() and member.name.lower().endswith(_SUFFIXES):
                    file = tar.extractfile(member)
                    assert file is not None
                    yield file.read()
            _check_end(tar)
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise TrainingError(f"{shard}: not a readable tar file ({one_line(error)})") from error


def _check_end(tar: tarfile.TarFile) -> None:
    """Raises ReadError where reading ended at a damaged header, which tarfile takes for the end."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if any(tar.fileobj.read(tarfile.BLOCKSIZE)):
        raise tarfile.ReadError(f"damaged header at byte {tar.offset}")


def _add(pictures: Pictures, data: bytes, weight: float, min_side_px: int) -> None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            array = picture_from(image).pixels
    except _UNREADABLE:
        pictures.num_unreadable += 1
        return
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=2)
    if min(array.shape[:2]) < min_side_px:
        pictures.num_too_small += 1
        return
    pictures.arrays.append(array)
    pictures.weights.append(weight)


def drawing_chances(arrays: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """(n,) float64 that sums to 1: how often a crop comes from each of the pictures."""
    # The square root keeps a few large pictures from owning the set.
    areas = np.array(
        [w * (a.shape[0] * a.shape[1]) ** 0.5 for a, w in zip(arrays, weights, strict=True)]
    )
    return np.asarray(areas / areas.sum())


class CropSampler:
    """Random crops, flipped and transposed at random.

    Args:
        pictures: to draw from, none smaller than a crop.
        crop_px: side of a crop.
        batch_size: crops per batch.
        seed: see `start`.
        device: where the pictures are kept and cut if they fit, see `flat_store.fits`.
    """

    def __init__(
        self,
        pictures: Pictures,
        crop_px: int,
        batch_size: int,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        self._arrays = pictures.arrays
        self._sizes = np.array([a.shape[:2] for a in pictures.arrays])  # (n, 2)
        self._crop, self._batch = crop_px, batch_size
        self.start(seed)
        self._chances = drawing_chances(pictures.arrays, pictures.weights)
        self._store: FlatStore | None = None
        if device is not None and fits(sum(a.nbytes for a in pictures.arrays), device):
            planar = [torch.from_numpy(np.array(a)).permute(2, 0, 1) for a in pictures.arrays]
            self._store = FlatStore(planar, device)

    def start(self, seed: int) -> None:
        """Begin a sequence of crops, the same for the same seed, 0 or more."""
        self._random = np.random.default_rng(seed)

    def batch(self) -> Tensor:
        """(N, 3, crop, crop) uint8, on the device where the pictures are."""
        random, size = self._random, self._crop
        picture = random.choice(len(self._arrays), self._batch, p=self._chances)
        top, left = (random.integers(0, n - size + 1) for n in self._sizes[picture].T)
        draw = Draw(picture, top, left, random.random((self._batch, 3)) < 0.5)
        if self._store is not None:
            return self._store.crops(draw, size)
        crops = [self._crop_of(draw, i) for i in range(self._batch)]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _crop_of(self, draw: Draw, i: int) -> np.ndarray:
        y, x, size = draw.top[i], draw.left[i], self._crop
        crop = self._arrays[draw.picture[i]][y : y + size, x : x + size]
        mirrored, upside_down, is_transposed = draw.turns[i]
        if mirrored:
            crop = crop[:, ::-1]
        if upside_down:
            crop = crop[::-1]
        if is_transposed:
            crop = crop.transpose(1, 0, 2)
        return np.ascontiguousarray(crop)


def validation_crops(pictures: Pictures, size_px: int, limit: int) -> Tensor:
    """(N, 3, size, size) uint8 centre crops of the first pictures that are large enough.

    Where all are smaller, size_px falls to the largest multiple of 64 that one of them has.
    """
    largest = max((min(a.shape[:2]) // 64 * 64 for a in pictures.arrays), default=0)
    size_px = min(size_px, largest)
    crops: list[np.ndarray] = []
    for array in pictures.arrays:
        y, x = (array.shape[0] - size_px) // 2, (array.shape[1] - size_px) // 2
        if min(y, x) >= 0 and len(crops) < limit:
            crops.append(array[y : y + size_px, x : x + size_px])
    if not crops:
        return torch.zeros(0, 3, size_px, size_px, dtype=torch.uint8)
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
