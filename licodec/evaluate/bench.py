"""Measures codecs on a list of pictures: a row per file made, mean curves and BD-rates.

Every byte is counted in a real file and every picture decoded from those bytes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.config import DEFAULT_EFFORT, DEFAULT_TUNE, MAX_QUALITY_INDEX, family_of
from licodec.errors import LicodecError, ModelError
from licodec.evaluate.bdrate import Curve, unique_names
from licodec.evaluate.codec import BenchCodec, decode_timed, encode_timed
from licodec.evaluate.measures import MEASURES, Metric
from licodec.evaluate.metrics import measure_quality, psnr
from licodec.evaluate.results import BenchResult, Row, collect, compare_curves
from licodec.image.files import read_picture
from licodec.image.formats import READ_SUFFIXES
from licodec.image.picture import as_rgb
from licodec.names import shown
from licodec.profiles import quality_scale

LICODEC_QUALITIES = (5.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0, 95.0)


class PictureCodec(Protocol):
    """What the benchmark calls of licodec.api.Codec."""

    def encode(self, image: Image.Image, *, quality: float, effort: int) -> bytes: ...

    def decode(self, data: bytes) -> Image.Image: ...


def list_pictures(folder: Path, limit: int | None = None) -> list[Path]:
    """Pictures of the folder (not of folders inside) by their suffix, sorted by name.

    Raises:
        LicodecError: there is none.
    """
    files = (path for path in folder.iterdir() if path.is_file())
    paths = sorted(path for path in files if path.suffix.lower() in READ_SUFFIXES)
    if not paths:
        raise LicodecError(f"folder {folder} holds no picture that licodec reads; pass another one")
    return paths[:limit]


def licodec_codec(
    profile: str,
    device: str,
    qualities: Sequence[float] = LICODEC_QUALITIES,
    open_codec: Callable[..., PictureCodec] | None = None,
    *,
    effort: int = DEFAULT_EFFORT,
    tune: str | None = None,
    name: str | None = None,
) -> BenchCodec:
    """licodec with one profile on one device, for the benchmark.

    Args:
        effort: of the encoder, 0 to 9.
        tune: "visual" or "psnr", what files are made for; None takes `open_codec`'s default.
        name: None takes licodec-PROFILE, or licodec-PROFILE-TUNE for another tune than the default.
        open_codec: called with profile and device, and with tune unless that is None;
            licodec.api.Codec unless given.

    Raises:
        ModelError: unknown profile, its weights are missing or do not match, or unusable device.
    """
    opener = open_codec
    if opener is None:
        from licodec.api import Codec  # loads torch

        opener = cast("Callable[..., PictureCodec]", Codec)
    try:
        codec = opener(profile, device, **({} if tune is None else {"tune": tune}))
    except ValueError as error:
        raise ModelError(str(error)) from error

    def timings() -> Mapping[str, float]:
        return dict(getattr(codec, "last_timings", {}))

    scale = quality_scale(family_of(tune or DEFAULT_TUNE))
    return BenchCodec(
        name=name or _name(profile, tune),
        settings=f"licodec, profile {profile}, "
        + ("" if tune is None else f"tune {tune}, ")
        + f"effort {effort}, device {device}",
        qualities=tuple(dict.fromkeys(qualities)),
        encode=lambda image, quality: codec.encode(image, quality=quality, effort=effort),
        decode=codec.decode,
        grid=tuple(scale.to_quality(index) for index in range(MAX_QUALITY_INDEX + 1)),
        last_timings=timings,
    )


def _name(profile: str, tune: str | None) -> str:
    return f"licodec-{profile}" + ("" if tune in (None, DEFAULT_TUNE) else f"-{tune}")


def licodec_codecs(
    profiles: Sequence[str],
    efforts: Sequence[int],
    device: str,
    qualities: Sequence[float] = LICODEC_QUALITIES,
    open_codec: Callable[..., PictureCodec] | None = None,
    tunes: Sequence[str] = (),
) -> list[BenchCodec]:
    """licodec with each profile and tune at each effort; names tell efforts if there are several.

    Args:
        tunes: none takes the codec's default.

    Raises:
        ModelError: as of `licodec_codec`.
    """
    return [
        licodec_codec(
            profile,
            device,
            qualities,
            open_codec,
            effort=effort,
            tune=tune,
            name=f"{_name(profile, tune)}-e{effort}" if len(set(efforts)) > 1 else None,
        )
        for profile in dict.fromkeys(profiles)
        for tune in dict.fromkeys(tunes or (None,))
        for effort in dict.fromkeys(efforts)
    ]


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """The picture's (H, W, 3) uint8 RGB pixels; alpha and metadata are left out for all codecs.

    Raises:
        ImageError: the file cannot be read.
    """
    return np.ascontiguousarray(as_rgb(read_picture(path).pixels))


def measure(
    codec: BenchCodec,
    image_name: str,
    reference: NDArray[np.uint8],
    quality: float,
    *,
    metrics: Collection[Metric],
) -> Row:
    """Encode, decode and compare one picture, (H, W, 3) uint8 RGB.

    Args:
        metrics: what to measure besides PSNR.

    Raises:
        LicodecError: the codec refuses the picture or returns another size.
    """
    height, width = reference.shape[:2]
    image = Image.fromarray(reference)
    made = encode_timed(codec, image, quality)
    encode_stages_s = codec.last_timings()
    pixels, decode_s = decode_timed(codec, made.data, image.size)
    return Row(
        codec=codec.name,
        quality=quality,
        image=image_name,
        width=width,
        height=height,
        num_bytes=len(made.data),
        bpp=8 * len(made.data) / (width * height),
        psnr=psnr(reference, pixels),
        **measure_quality(reference, pixels, metrics),
        encode_s=made.encode_s,
        decode_s=decode_s,
        encode_stages_s=encode_stages_s,
        decode_stages_s=codec.last_timings(),
    )


def run_bench(
    paths: Sequence[Path],
    codecs: Sequence[BenchCodec],
    stored: Sequence[Curve] = (),
    *,
    metrics: Collection[Metric] = tuple(MEASURES),
    on_step: Callable[[str], None] = lambda text: None,
    on_failure: Callable[[str], None] = lambda text: None,
) -> BenchResult:
    """Measure every codec on every picture.

    A picture that cannot be read, or that one codec refuses, is left out for all codecs, so that
    means stay comparable. `compare_curves` tells which curves the BD-rates are for.

    Args:
        metrics: what to measure besides PSNR; each takes time.
        on_step: called with a short text after each file made.
        on_failure: called with one line for each picture that is left out, when it happens.

    Raises:
        LicodecError: no picture is left.
    """
    rows, failures = _measure_all(paths, codecs, metrics, on_step, on_failure)
    if not rows:
        raise LicodecError(f"none of the {len(paths)} pictures could be measured; see the reasons")
    results = tuple(collect(codec, rows) for codec in codecs)
    named = unique_names(stored, [codec.name for codec in codecs])
    return BenchResult(
        images=tuple(dict.fromkeys(row.image for row in rows)),
        metrics=tuple(metric for metric in MEASURES if metric in metrics),
        codecs=results,
        stored=tuple(named),
        bd_rates=tuple(compare_curves([result.curve() for result in results], named)),
        failures=tuple(failures),
    )


def _measure_all(
    paths: Sequence[Path],
    codecs: Sequence[BenchCodec],
    metrics: Collection[Metric],
    on_step: Callable[[str], None],
    on_failure: Callable[[str], None],
) -> tuple[list[Row], list[str]]:
    """All rows of the pictures that went through every codec, and a line for each other one."""
    rows: list[Row] = []
    failures: list[str] = []
    warm: set[str] = set()
    for path in paths:
        try:
            reference = read_rgb(path)
            rows += _measure_picture(codecs, shown(path.name), reference, metrics, warm, on_step)
        except LicodecError as error:
            failures.append(f"{shown(str(path))}: {error}")
            on_failure(failures[-1])
    return rows, failures


def _measure_picture(
    codecs: Sequence[BenchCodec],
    name: str,
    reference: NDArray[np.uint8],
    metrics: Collection[Metric],
    warm: set[str],
    on_step: Callable[[str], None],
) -> list[Row]:
    rows = []
    for codec in codecs:
        if codec.name not in warm:  # the first call pays for loading and for setting up kernels
            measure(codec, name, reference, codec.qualities[0], metrics=())
            warm.add(codec.name)
        for quality in codec.qualities:
            rows.append(measure(codec, name, reference, quality, metrics=metrics))
            on_step(f"{name} {codec.name} {quality:g}")
    return rows
