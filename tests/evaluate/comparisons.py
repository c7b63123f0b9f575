"""Codecs without networks and comparisons without codecs, for the tests of pages."""

import io

import numpy as np
from PIL import Image

from licodec.evaluate.bdrate import Curve
from licodec.evaluate.codec import BenchCodec
from licodec.evaluate.page import Compared, Comparison


class JpegInside:
    """Stands for licodec: JPEG without subsampling."""

    def __init__(self, profile: str = "balanced", device: str = "cpu") -> None:
        self.last_timings: dict[str, float] = {}

    def encode(self, image: Image.Image, *, quality: float, effort: int = 4) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=round(quality), subsampling="4:4:4", optimize=effort > 2)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        return Image.open(io.BytesIO(data)).convert("RGB")


def waves(height: int, width: int, seed: int = 1) -> np.ndarray:
    """(H, W, 3) uint8: gentle colour waves with a little noise."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [np.sin(columns / 9 + phase) + np.cos(rows / 7 + phase) for phase in (0, 1, 2)]
    picture = 128 + 45 * np.stack(planes, axis=2) + generator.normal(0, 6, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def stepped_codec(sizes: list[int], encoded: list[float]) -> BenchCodec:
    """Setting i of its grid makes a file of sizes[i] bytes; settings used go to `encoded`."""

    def encode(image: Image.Image, quality: float) -> bytes:
        encoded.append(quality)
        return bytes(sizes[round(quality)])

    return BenchCodec(
        name="stepped",
        settings="",
        qualities=(0,),
        encode=encode,
        decode=lambda data: Image.new("RGB", (1, 1)),
        grid=tuple(range(len(sizes))),
    )


def flat(colour: tuple[int, int, int], height: int = 60, width: int = 90) -> np.ndarray:
    """(H, W, 3) uint8 of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def compared(name: str, shown: np.ndarray, **figures: float | None) -> Compared:
    values: dict[str, float | None] = {
        "psnr": 30.0, "ms_ssim": 0.9, "ssimulacra2": 50.0, "ssimulacra2_cut": None,
        "butteraugli": 2.0, "encode_s": 0.1, "decode_s": 0.01,
    }  # fmt: skip
    num_bytes = int(figures.pop("num_bytes", 1000) or 0)
    return Compared(
        name=name,
        settings=f"settings of {name}",
        quality=50,
        num_bytes=num_bytes,
        bpp=8 * num_bytes / 5400,
        shown=shown,
        **{**values, **figures},  # type: ignore[arg-type]
    )


def comparison(*results: Compared, name: str = "photo.png", target: float = 1000) -> Comparison:
    """A red original of 90x60 px with these results, and a curve for each."""
    return Comparison(
        name=name,
        width=90,
        height=60,
        num_source_bytes=12345,
        target_bytes=target,
        target_from="the test",
        region=(0, 0, 90, 60),
        shown=flat((255, 0, 0)),
        icc=None,
        results=results,
        curves=tuple(
            Curve(name=result.name, bpp=(0.5, 1.5, 2.5), psnr=(25.0, 30.0, 32.0))
            for result in results
        ),
        notes=(),
        environment={"python": "3"},
    )
