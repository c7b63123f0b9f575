"""Compares codecs on one picture by measured files of nearly equal size."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.config import (
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    MAX_PIXELS,
    check_effort,
    check_target,
    quality_to_index,
)
from licodec.errors import LicodecError
from licodec.evaluate import load_extra
from licodec.evaluate.bdrate import Curve
from licodec.evaluate.bench import PictureCodec, licodec_codecs
from licodec.evaluate.codec import BenchCodec, Trial, decode_timed, encode_timed
from licodec.evaluate.measures import MEASURES, Metric
from licodec.evaluate.metrics import has_ms_ssim, measure_quality, psnr
from licodec.evaluate.page import Compared, Comparison, Region, Uint8
from licodec.evaluate.peers import find_peer, installed_peers
from licodec.evaluate.rate_match import grid_index, match_bytes
from licodec.evaluate.report import describe_environment
from licodec.image.convert import picture_from
from licodec.image.files import read_picture
from licodec.image.picture import as_rgb
from licodec.names import shown

# Lossless copies of a photograph take about 1.2 bytes per pixel, a page has one for each codec:
# larger pictures are shown in part, so that a page stays below some 20 MB.
MAX_WHOLE_PX = 4_000_000
CROP_PX = 2_000_000

_WARM_UP_PX = 256

# Besides PSNR; the others would double the time of a comparison.
_CURVE_METRICS: tuple[Metric, ...] = ("ssimulacra2",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    name: str
    pixels: Uint8  # (H, W, 3) RGB, turned as the EXIF orientation says
    icc: bytes | None
    num_bytes: int | None
    notes: tuple[str, ...]


def compare(
    source: str | Path | Image.Image | NDArray[Any],
    *,
    codecs: Sequence[str] | None = None,
    quality: float = DEFAULT_QUALITY,
    bpp: float | None = None,
    profiles: Sequence[str] = (DEFAULT_PROFILE,),
    efforts: Sequence[int] = (DEFAULT_EFFORT,),
    tunes: Sequence[str] = (),
    device: str = "auto",
    region: Region | None = None,
    with_curves: bool = True,
    max_pixels: int = MAX_PIXELS,
    open_codec: Callable[..., PictureCodec] | None = None,
    on_step: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Code a picture with several codecs so that their files have nearly the same size.

    The first profile and effort of licodec set the size by the quality, and each other codec's
    setting is searched to come near to it; with `bpp` every codec is searched to that rate.

    Args:
        source: path of a picture, Pillow image, or uint8 array as `licodec.encode` takes it.
            Alpha and metadata are left out for all codecs.
        codecs: "licodec" and names of `licodec.evaluate.peers.PEERS`; None takes licodec and
            those that this Pillow has.
        quality: licodec's, 1 to 100; of no effect with `bpp`.
        bpp: bits per pixel of the whole file, above 0.
        profiles: of licodec; each is a codec of its own.
        efforts: of licodec's encoder, 0 to 9; each is a codec of its own.
        tunes: "visual", "psnr" or both, what licodec's files are made for; none takes its default.
        device: "auto", "cpu" or "cuda".
        region: part to show, as (left, top, width, height); None shows all, or the centre of a
            picture of more than MAX_WHOLE_PX. Figures are always those of the whole picture.
        with_curves: measure each codec at five more settings for the rate-distortion plot.
        max_pixels: larger pictures are refused.
        open_codec: called with profile and device, and tune if one is named;
            licodec.api.Codec unless given.
        on_step: called with a short text before each part of the work.

    Raises:
        ImageError: the picture cannot be read.
        LicodecError: unknown codec, a codec refuses the picture, or region outside of it.
        ModelError: unknown profile, unusable weights or device.
        ValueError: quality, bpp or effort out of range, no codec, profile or effort, or nothing
            that sets the size.
    """
    names = ("licodec", *installed_peers()) if codecs is None else tuple(dict.fromkeys(codecs))
    peers = [find_peer(name) for name in names if name != "licodec"]
    _check_target(names, quality, bpp)
    if not (profiles and efforts):
        raise ValueError("no profile or no effort of licodec; name at least one of each")
    for effort in efforts:
        check_effort(effort)
    original = _read(source, max_pixels)
    part = _choose_region(original.pixels, region)
    on_step("loading")
    ours = []
    if "licodec" in names:
        ours = licodec_codecs(profiles, efforts, device, open_codec=open_codec, tunes=tunes)
    opened = [*ours, *peers]
    image = Image.fromarray(original.pixels)
    ladders = {codec.name: _Ladder(codec, original.pixels) for codec in opened}
    for codec in opened:
        on_step(f"{codec.name}: warming up")
        ladders[codec.name].warm_up()
        if with_curves:
            on_step(f"{codec.name}: curve")
            ladders[codec.name].measure()
    trials: dict[str, Trial] = {}
    target: float
    if bpp is None:
        fixed = trials[ours[0].name] = encode_timed(ours[0], image, quality)
        target, target_from = len(fixed.data), f"{ours[0].name} at quality {quality:g}"
    else:
        target, target_from = bpp * image.width * image.height / 8, f"{bpp:g} bpp asked for"
    results = []
    for codec in opened:
        on_step(f"{codec.name}: searching the size")
        tried = ladders[codec.name].trials
        trial = trials.get(codec.name) or match_bytes(codec, image, target, tried)
        on_step(f"{codec.name}: measuring")
        result = _measure(codec, trial, original.pixels, part)
        ladders[codec.name].points.append(_Point(result.bpp, result.psnr, result.ssimulacra2))
        results.append(result)
    return Comparison(
        name=original.name,
        width=image.width,
        height=image.height,
        num_source_bytes=original.num_bytes,
        target_bytes=target,
        target_from=target_from,
        region=part,
        shown=_cut(original.pixels, part),
        icc=original.icc,
        results=tuple(results),
        curves=tuple(ladder.curve() for ladder in ladders.values()) if with_curves else (),
        notes=original.notes,
        environment=describe_environment(load_extra("torch").get_num_threads(), device),
    )


def _check_target(names: Sequence[str], quality: float, bpp: float | None) -> None:
    quality_to_index(quality)
    if bpp is not None:
        check_target("bpp", bpp)
    if not names:
        raise ValueError("no codec to compare with; name at least one")
    if bpp is None and "licodec" not in names:
        raise ValueError("nothing sets the size of the files; give bpp, or licodec as a codec")


def _read(source: str | Path | Image.Image | NDArray[Any], max_pixels: int) -> _Source:
    name, num_bytes = "picture", None
    if isinstance(source, str | Path):
        picture = read_picture(source, max_pixels=max_pixels)
        name, num_bytes = shown(Path(source).name), os.path.getsize(source)
    else:
        picture = picture_from(source)
    notes = picture.notes
    if picture.alpha is not None:
        notes = (*notes, "transparency is left out of the comparison, for all codecs")
    icc = picture.icc if picture.icc is not None and picture.icc[16:20] == b"RGB " else None
    pixels = np.ascontiguousarray(as_rgb(picture.pixels))
    return _Source(name=name, pixels=pixels, icc=icc, num_bytes=num_bytes, notes=notes)


def _choose_region(pixels: Uint8, region: Region | None) -> Region:
    height, width = pixels.shape[:2]
    if region is not None:
        left, top, region_width, region_height = region
        is_inside = left + region_width <= width and top + region_height <= height
        if min(left, top) < 0 or min(region_width, region_height) < 1 or not is_inside:
            raise LicodecError(
                f"region {','.join(map(str, region))} is not inside the picture of "
                f"{width}x{height} px; give left,top,width,height in pixels"
            )
        return region
    if width * height <= MAX_WHOLE_PX:
        return 0, 0, width, height
    side = min((CROP_PX / (width * height)) ** 0.5, 1)
    crop_width, crop_height = max(1, round(width * side)), max(1, round(height * side))
    return (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height


def _cut(pixels: Uint8, region: Region) -> Uint8:
    left, top, width, height = region
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _measure(codec: BenchCodec, trial: Trial, reference: Uint8, part: Region) -> Compared:
    height, width = reference.shape[:2]
    decoded, decode_s = decode_timed(codec, trial.data, (width, height))
    metrics = [
        metric
        for metric in MEASURES
        if metric != "ssimulacra2_cut" and (metric != "ms_ssim" or has_ms_ssim())
    ]
    return Compared(
        name=codec.name,
        settings=codec.settings,
        quality=trial.quality,
        num_bytes=len(trial.data),
        bpp=8 * len(trial.data) / (width * height),
        psnr=psnr(reference, decoded),
        **measure_quality(reference, decoded, metrics),
        encode_s=trial.encode_s,
        decode_s=decode_s,
        shown=_cut(decoded, part),
    )


class _Point(NamedTuple):
    """Of a curve; the order of fields is that of sorting."""

    bpp: float
    psnr: float  # dB
    ssimulacra2: float | None


class _Ladder:
    """A codec's files at every other quality of its ladder: a curve, and where to search."""

    def __init__(self, codec: BenchCodec, reference: Uint8) -> None:
        self.trials: dict[int, Trial] = {}  # by place in the codec's grid
        self.points: list[_Point] = []
        self._codec = codec
        self._reference = reference

    def warm_up(self) -> None:
        """Let the first call's costs fall on a corner of the picture."""
        corner = np.ascontiguousarray(self._reference[:_WARM_UP_PX, :_WARM_UP_PX])
        self._codec.decode(self._codec.encode(Image.fromarray(corner), self._codec.qualities[0]))

    def measure(self) -> None:
        image = Image.fromarray(self._reference)
        for quality in self._codec.qualities[::2]:
            index = grid_index(self._codec, quality)
            trial = encode_timed(self._codec, image, self._codec.grid[index])
            decoded, _ = decode_timed(self._codec, trial.data, image.size)
            bpp = 8 * len(trial.data) / (image.width * image.height)
            pixels = self._reference
            visual = measure_quality(pixels, decoded, _CURVE_METRICS)["ssimulacra2"]
            self.points.append(_Point(bpp, psnr(pixels, decoded), visual))
            self.trials[index] = trial

    def curve(self) -> Curve:
        points = sorted(set(self.points))
        visual = [point.ssimulacra2 for point in points if point.ssimulacra2 is not None]
        return Curve(
            name=self._codec.name,
            bpp=tuple(point.bpp for point in points),
            ssimulacra2=tuple(visual) if len(visual) == len(points) else None,
            psnr=tuple(point.psnr for point in points),
        )
