"""A fake licodec and a benchmark of it against codecs of Pillow."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from licodec.evaluate.bdrate import Curve
from licodec.evaluate.bench import (
    licodec_codec,
    list_pictures,
    run_bench,
)
from licodec.evaluate.measures import Metric
from licodec.evaluate.peers import find_peer
from licodec.evaluate.results import BenchResult

QUALITIES = (20.0, 50.0, 80.0)


class FakeCodec:
    """Stands for licodec: JPEG inside, with made-up stage times."""

    def __init__(self, profile: str, device: str) -> None:
        self.opened_with = (profile, device)
        self.num_encodes = 0
        self.last_timings: dict[str, float] = {}

    def encode(self, image: Image.Image, *, quality: float, effort: int = 4) -> bytes:
        self.num_encodes += 1
        self.last_timings = {"prior": 0.25, "entropy": quality / 1000}
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=round(quality), subsampling="4:4:4")
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        self.last_timings = {"synthesis": 0.5}
        return Image.open(io.BytesIO(data)).convert("RGB")


class CroppingCodec(FakeCodec):
    def decode(self, data: bytes) -> Image.Image:
        return super().decode(data).crop((0, 0, 1, 1))


def smooth_picture(height: int, width: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(columns / 9 + phase) + np.cos(rows / 7 + phase) for phase in (0, 1, 2)]
    picture = 128 + 45 * np.stack(waves, axis=2) + generator.normal(0, 6, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def bench(
    folder: Path, *, metrics: tuple[Metric, ...] = (), stored: tuple[Curve, ...] = ()
) -> BenchResult:
    codecs = [
        licodec_codec("balanced", "cpu", QUALITIES, FakeCodec),
        *(find_peer(name) for name in ("jpeg", "webp", "jpeg2000", "avif")),
    ]
    return run_bench(list_pictures(folder), codecs, stored, metrics=metrics)
