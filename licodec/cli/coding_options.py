"""Options of `licodec compress` and `licodec decompress` whose values a command gets together."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from licodec.cli.options import (
    debug_option,
    device_option,
    force_option,
    grouped,
    max_pixels_option,
    quiet_option,
)
from licodec.cli.params import BPP, COUNT, DURATION, KINDS, PSNR, QUALITY, SCORE, SIZE
from licodec.config import (
    CHOICES,
    CONTENTS,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_EFFORT,
    METADATA_KINDS,
    TUNES,
)

if TYPE_CHECKING:
    from licodec.batch import EncodeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What the options of every coding command say."""

    device: str
    max_pixels: int
    jobs: int | None  # None chooses
    is_continued: bool
    force: bool
    is_json: bool
    quiet: bool
    verbose: bool

    @property
    def is_silent(self) -> bool:
        """Whether nothing may move on the terminal: --quiet, or --json prints there."""
        return self.quiet or (self.is_json and sys.stdout.isatty())


common_options = grouped(
    "common",
    CommonOptions,
    device_option(),
    max_pixels_option,
    click.option(
        "-j",
        "--jobs",
        type=COUNT,
        metavar="N",
        help="Pictures worked on at a time.  [default: one per CPU, at most 8]",
    ),
    click.option(
        "--continue",
        "is_continued",
        is_flag=True,
        help="Skip outputs that an earlier run has finished.",
    ),
    force_option,
    click.option(
        "--json", "is_json", is_flag=True, help="Print one JSON object per file to stdout."
    ),
    quiet_option,
    click.option("-v", "--verbose", is_flag=True, help="Print more about each file."),
    debug_option,
)


def _encode_options(
    *,
    quality: float | None,
    bpp: float | None,
    size: float | None,
    psnr: float | None,
    ssimulacra2: float | None,
    lossless: bool,
    tune: str | None,
    effort: int,
    time_budget: float | None,
    quantizer: str | None,
    content: str | None,
) -> EncodeOptions:
    from licodec.batch import EncodeOptions

    goals = _given(quality=quality, bpp=bpp, size=size, psnr=psnr, ssimulacra2=ssimulacra2)
    others = _given(tune=tune, content=content, time_budget=time_budget, quantizer=quantizer)
    if lossless and (goals or others):
        names = _named(goals | others)
        raise click.UsageError(f"--lossless excludes {names}; leave one of them out")
    if len(goals) > 1:
        raise click.UsageError(f"{_named(goals)} exclude each other; give one of them")
    quality = goals.pop("quality", DEFAULT_QUALITY)
    target = next(iter(goals.items()), None)
    return EncodeOptions(quality=quality, target=target, effort=effort, lossless=lossless, **others)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _named(options: Iterable[str]) -> str:
    return " and ".join(f"--{name.replace('_', '-')}" for name in options)


encode_options = grouped(
    "options",
    _encode_options,
    click.option(
        "-q",
        "--quality",
        type=QUALITY,
        help="Picture quality, 1 (smallest file) to 100 (closest to the original, not "
        f"lossless).  [default: {DEFAULT_QUALITY:g}]",
    ),
    click.option(
        "--bpp",
        type=BPP,
        help="Bits per pixel of the file in place of a quality, reached to 1 %.",
    ),
    click.option(
        "--size",
        type=SIZE,
        help="Most bytes of the file in place of a quality, such as 100KB; it has at most 1 % "
        "less if a quality reaches them.",
    ),
    click.option(
        "--psnr",
        type=PSNR,
        help="PSNR of the picture in place of a quality, reached to 0.05 dB.",
    ),
    click.option(
        "--ssimulacra2",
        type=SCORE,
        help="SSIMULACRA 2 of the picture in place of a quality, reached to 0.5 points: 70 is "
        "high quality, 90 hardly to be told from the original.",
    ),
    click.option(
        "--lossless",
        is_flag=True,
        help="Keep every pixel as it is; of these options only the effort goes with it.",
    ),
    click.option(
        "--tune",
        type=click.Choice(TUNES),
        help="What files are made for: how people see them, or the least squared error.  "
        f"[default: {DEFAULT_TUNE}]",
    ),
    click.option(
        "-e",
        "--effort",
        type=click.IntRange(0, MAX_EFFORT),
        default=DEFAULT_EFFORT,
        metavar=f"0..{MAX_EFFORT}",
        help="Time for smaller files: from 5 on the latent is searched for this very picture, "
        "5 s per megapixel at 5, 500 s at 9.",
    ),
    click.option(
        "--time-budget",
        type=DURATION,
        help="Time for that search for each picture, such as 30s or 2m, in place of the "
        "effort's; a bare number is seconds.",
    ),
    click.option(
        "--quantizer",
        type=click.Choice(list(CHOICES)),
        help="How symbols are chosen, in place of the effort's way.",
    ),
    click.option(
        "--content",
        type=click.Choice(CONTENTS),
        help="What pictures show: auto looks whether text and drawings are smaller in few "
        "colours or in a layer, graphics tries it always, photo never.  "
        f"[default: {DEFAULT_CONTENT}]",
    ),
)


def _kept_kinds(*, keep: frozenset[str] | None, strip: bool) -> frozenset[str]:
    if strip and keep is not None:
        raise click.UsageError("--strip and --keep exclude each other; name what stays with --keep")
    if strip:
        return frozenset()
    return frozenset(METADATA_KINDS) if keep is None else keep


metadata_options = grouped(
    "kinds",
    _kept_kinds,
    click.option(
        "--keep",
        type=KINDS,
        help="Metadata to keep, separated by commas.  Without icc, colours are converted to "
        f"sRGB.  [default: {','.join(METADATA_KINDS)}]",
    ),
    click.option(
        "--strip",
        is_flag=True,
        help="Keep no metadata; colours are converted to sRGB, pixels turned upright.",
    ),
)
