"""A codec without networks, and a way to run the command line in this process."""

import io
import sys
import types
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import licodec as package
from licodec.batch import processes
from licodec.batch.worker import Worker
from licodec.cli.main import run
from licodec.codec.crop import size_within
from licodec.config import (
    CHOICES,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    FAMILY_IDS,
    MAX_PIXELS,
    METADATA_KINDS,
    PROFILE_IDS,
    QUANTIZER_IDS,
    choice_of,
    family_of,
)
from licodec.container import (
    ALPHA,
    EXIF,
    ICC,
    XMP,
    Container,
    Header,
    Section,
    read_container,
    write_container,
)
from licodec.errors import ModelError
from licodec.image.convert import picture_from, to_image
from licodec.image.keep import keep_only
from licodec.image.picture import Picture
from licodec.profiles import quality_scale
from licodec.search.target import Target


class FakeCodec:
    """Stores pixels in the payload of a real container; counts how often it is made."""

    made: list[str] = []  # noqa: RUF012 - emptied by the fixture
    asked: list[dict[str, Any]] = []  # noqa: RUF012 - what encodes were to do; likewise

    def __init__(
        self,
        profile: str = "balanced",
        device: str = "auto",
        tune: str = DEFAULT_TUNE,
        *,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if profile not in PROFILE_IDS:
            raise ModelError(f"unknown profile {profile!r}")
        if device == "cuda":
            raise ValueError("device cuda: torch finds no CUDA device; use --device cpu")
        self.made.append(profile)
        self.profile = profile
        self.family = family_of(tune)
        self.max_pixels = max_pixels
        self.last_timings = {"prior": 0.25}

    def encode(
        self,
        image: Image.Image,
        *,
        quality: float | None = None,
        bpp: float | None = None,
        size: float | None = None,
        psnr: float | None = None,
        ssimulacra2: float | None = None,
        effort: int = DEFAULT_EFFORT,
        time_budget: float | None = None,
        quantizer: str | None = None,
        content: str = DEFAULT_CONTENT,
        keep: Iterable[str] = METADATA_KINDS,
    ) -> bytes:
        picture = keep_only(picture_from(image), keep)
        return self.encode_picture(picture, quality=quality or DEFAULT_QUALITY)

    def decode(
        self,
        data: bytes,
        *,
        region: tuple[int, int, int, int] | None = None,
        max_size: int | None = None,
    ) -> Image.Image:
        return to_image(self.decode_picture(data, region=region, max_size=max_size))

    def encode_picture(
        self,
        picture: Picture,
        *,
        quality: float,
        target: Target | None = None,
        effort: int = DEFAULT_EFFORT,
        time_budget: float | None = None,
        quantizer: str | None = None,
        content: str = DEFAULT_CONTENT,
        report: object = None,
    ) -> bytes:
        self.asked.append(
            {"target": target, "effort": effort, "budget": time_budget, "quantizer": quantizer}
        )
        header = Header(
            family_id=FAMILY_IDS[self.family],
            profile_id=PROFILE_IDS[self.profile],
            family_fingerprint=b"\x3f\x2a\x91\xc0",
            synthesis_fingerprint=b"\xab\xcd",
            width=picture.width,
            height=picture.height,
            quality_index=quality_scale(self.family).to_index(quality),
            is_grey=picture.is_grey,
            quantizer_id=QUANTIZER_IDS[CHOICES[choice_of(effort, quantizer)]],
        )
        alpha = None if picture.alpha is None else picture.alpha.tobytes()
        blocks = ((ICC, picture.icc), (EXIF, picture.exif), (XMP, picture.xmp), (ALPHA, alpha))
        sections = [Section(number, data) for number, data in blocks if data]
        payload = zlib.compress(picture.pixels.tobytes())
        payload += bytes(-len(payload) % 4)
        return write_container(header, sections, payload, [])

    def decode_picture(
        self,
        data: bytes | Container,
        *,
        region: tuple[int, int, int, int] | None = None,
        max_size: int | None = None,
    ) -> Picture:
        picture = self._whole(data)
        if region is not None:
            x, y, width, height = region
            return replace(picture, pixels=picture.pixels[y : y + height, x : x + width])
        if max_size is not None:
            width, height = size_within(picture.width, picture.height, max_size)
            return replace(picture, pixels=picture.pixels[:height, :width])
        return picture

    def _whole(self, data: bytes | Container) -> Picture:
        container = data if isinstance(data, Container) else read_container(data, self.max_pixels)
        header = container.header
        shape = (header.height, header.width) + (() if header.is_grey else (3,))
        assert container.payload is not None
        raw = zlib.decompressobj().decompress(container.payload)
        alpha = container.section(ALPHA)
        return Picture(
            pixels=np.frombuffer(raw, np.uint8).reshape(shape),
            alpha=None if alpha is None else np.frombuffer(alpha, np.uint8).reshape(shape[:2]),
            icc=container.section(ICC),
            exif=container.section(EXIF),
            xmp=container.section(XMP),
        )


def threads_for_processes(count: int, device: str, max_pixels: int) -> tuple[Executor, list[Any]]:
    processes._here[:] = [Worker(device, max_pixels)]
    return ThreadPoolExecutor(count), []


@pytest.fixture
def fake_codec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts the fake in the real codec's place, for the command line and for `import licodec`."""
    module = types.SimpleNamespace(Codec=FakeCodec)
    # Other processes would not know the fake; threads of this one do.
    monkeypatch.setattr(processes, "_processes", threads_for_processes)
    monkeypatch.setitem(sys.modules, "licodec.api", module)  # type: ignore[arg-type]
    monkeypatch.setattr("licodec.inspect.list_profiles", lambda family=None: ())
    installed = b"\x3f\x2a\x91\xc0"
    monkeypatch.setattr("licodec.codec.compatibility.find_fingerprint", lambda _: installed)
    FakeCodec.made.clear()
    FakeCodec.asked.clear()
    package._codec.cache_clear()
    yield
    package._codec.cache_clear()


@dataclass(frozen=True)
class Outcome:
    code: int
    out: bytes
    err: str


Licodec = Callable[..., Outcome]


@pytest.fixture
def licodec(
    fake_codec: None, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Licodec:
    """Runs `licodec ARGUMENTS` with the fake codec; `stdin` is what it may read."""

    def call(*arguments: Any, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Outcome(code, captured.out, captured.err.decode())

    return call


@pytest.fixture
def encodes_asked() -> list[dict[str, Any]]:
    """What the encodes of this test were asked for."""
    return FakeCodec.asked


@pytest.fixture
def codecs_made() -> list[str]:
    """Profiles of the codecs that were made in this test."""
    return FakeCodec.made
