"""Options of `licodec compress` and `licodec decompress`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import click

from licodec.cli.options import (
    BPP,
    COUNT,
    DURATION,
    KINDS,
    NAME,
    PSNR,
    QUALITY,
    REGION,
    SCORE,
    SIZE,
    device_option,
    flag,
    given,
    max_pixels_option,
    option,
    profile_option,
    refuse_together,
)
from licodec.config import (
    CHOICES,
    CONTENTS,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_EFFORT,
    METADATA_KINDS,
    TARGETS,
    TUNES,
)

if TYPE_CHECKING:
    from licodec.batch import EncodeOptions


def _complete_format(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of the picture formats that are written."""
    from licodec.image.formats import WRITE_FORMATS

    return [name for name in WRITE_FORMATS if name.startswith(incomplete)]


_KEEP_FOLDERS = "Keep the whole path of each input below the folder that -o names."


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What the options of every coding command say."""

    device: str = device_option()
    max_pixels: int = max_pixels_option()
    jobs: int | None = option(
        "Pictures worked on at a time.  [default: one per CPU, at most 8]",
        "-j",
        type=COUNT,
        metavar="N",
    )
    is_continued: bool = flag("Skip outputs that an earlier run has finished.", "--continue")
    force: bool = flag("Replace files that exist.")
    is_json: bool = flag("Print one JSON object per file to stdout.", "--json")
    quiet: bool = flag("Print errors only.")
    verbose: bool = flag("Print more about each file.", "-v")

    @property
    def is_silent(self) -> bool:
        """Whether nothing may move on the terminal: --quiet, or --json prints there."""
        return self.quiet or (self.is_json and sys.stdout.isatty())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressOptions:
    """Names and files of a compression; those from quality to content are of `EncodeOptions`."""

    output: str | None = option(
        "File, folder or - for stdout.  [default: beside the input, as .lic]",
        "-o",
        type=NAME,
        metavar="OUT",
    )
    keep_extension: bool = flag(
        "Name outputs photo.jpg.lic, so that photo.jpg and photo.png stay apart."
    )
    keep_folders: bool = flag(_KEEP_FOLDERS)
    quality: float = option(
        "Picture quality, 1 (smallest file) to 100 (closest to the original, not lossless).",
        "-q",
        type=QUALITY,
        default=f"{DEFAULT_QUALITY:g}",
    )
    bpp: float | None = option(
        "Bits per pixel of the file in place of a quality, reached to 1 %.", type=BPP
    )
    size: float | None = option(
        "Most bytes of the file in place of a quality, such as 100KB; it has at most 1 % less if a "
        "quality reaches them.",
        type=SIZE,
    )
    psnr: float | None = option(
        "PSNR of the picture in place of a quality, reached to 0.05 dB.", type=PSNR
    )
    ssimulacra2: float | None = option(
        "SSIMULACRA 2 of the picture in place of a quality, reached to 0.5 points: 70 is high "
        "quality, 90 hardly to be told from the original.",
        type=SCORE,
    )
    lossless: bool = flag(
        "Keep every pixel as it is; of these options only the effort goes with it."
    )
    tune: str = option(
        "What files are made for: how people see them, or the least squared error.",
        type=click.Choice(TUNES),
        default=DEFAULT_TUNE,
    )
    effort: int = option(
        "Time for smaller files: from 5 on the latent is searched for this very picture, 5 s per "
        "megapixel at 5, 500 s at 9.",
        "-e",
        type=click.IntRange(0, MAX_EFFORT),
        default=DEFAULT_EFFORT,
        metavar=f"0..{MAX_EFFORT}",
    )
    time_budget: float | None = option(
        "Time for that search for each picture, such as 30s or 2m, in place of the effort's; a "
        "bare number is seconds.",
        type=DURATION,
    )
    quantizer: str | None = option(
        "How symbols are chosen, in place of the effort's way.", type=click.Choice(list(CHOICES))
    )
    content: str = option(
        "What pictures show: auto looks whether text and drawings are smaller in few colours or in "
        "a layer, graphics tries it always, photo never.",
        type=click.Choice(CONTENTS),
        default=DEFAULT_CONTENT,
    )
    profile: str = profile_option(
        "Network that the file is made for; licodec profiles lists them.", default=DEFAULT_PROFILE
    )
    keep: frozenset[str] = option(
        "Metadata to keep, separated by commas.  Without icc, colours are converted to sRGB.",
        type=KINDS,
        default=",".join(METADATA_KINDS),
    )
    strip: bool = flag("Keep no metadata; colours are converted to sRGB, pixels turned upright.")

    def check(self) -> None:
        """Raises click.UsageError if options exclude each other."""
        lossy = given("quality", *TARGETS, "tune", "content", "time_budget", "quantizer")
        if self.lossless and lossy:
            raise click.UsageError(
                f"--lossless excludes {' and '.join(lossy)}; leave one of them out"
            )
        refuse_together("quality", *TARGETS)
        refuse_together("keep", "strip")

    def encode_options(self) -> EncodeOptions:
        """Those of the encoder."""
        from licodec.batch import EncodeOptions

        return EncodeOptions(
            **{item.name: getattr(self, item.name) for item in fields(EncodeOptions)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecompressOptions:
    """Names and files of a decompression, and what of each picture is decoded."""

    output: str | None = option(
        "File, folder or - for stdout; the extension chooses the format.  "
        "[default: beside the input, as photo.lic.png]",
        "-o",
        type=NAME,
        metavar="OUT",
    )
    keep_folders: bool = flag(_KEEP_FOLDERS)
    profile: str | None = profile_option(
        "Decode with another network of the file's family.  [default: the file's own]"
    )
    format: str | None = option(
        "Picture format: png, jpeg, webp, avif, tiff, bmp, ppm or jp2.  [default: by extension]",
        metavar="NAME",
        shell_complete=_complete_format,
    )
    region: tuple[int, int, int, int] | None = option(
        "Decode a part alone: left, top, width and height in pixels.  [default: all]", type=REGION
    )
    max_size: int | None = option(
        "Preview: at most PX pixels on the longer side. Finer levels are neither read nor "
        "verified.",
        type=COUNT,
        metavar="PX",
    )
