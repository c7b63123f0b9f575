"""`licodec compress`: picture files go in, .lic files come out."""

import io
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.batch import (
    PIPE,
    FatalModelError,
    Job,
    Naming,
    Result,
    check_job,
    load_codec,
    plan_jobs,
    read_bytes,
    run_jobs,
    write_bytes,
)
from licodec.cli.completers import complete_path, complete_picture, complete_profile
from licodec.cli.options import common_options
from licodec.config import DEFAULT_PROFILE, DEFAULT_QUALITY, index_to_quality, quality_to_index
from licodec.errors import ModelError

if TYPE_CHECKING:
    from licodec.codec.codec import Codec
    from licodec.image.picture import Picture


def _check_quality(context: click.Context, parameter: click.Parameter, value: float) -> float:
    try:
        quality_to_index(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


@click.command(
    epilog="""\b
Examples:
  licodec compress photo.png
  licodec compress -q 80 holiday/ -o small/"""
)
@click.argument(
    "inputs", nargs=-1, required=True, metavar="INPUT...", shell_complete=complete_picture
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    shell_complete=complete_path,
    help="File, folder or - for stdout.  [default: beside the input, as .lic]",
)
@click.option(
    "-q",
    "--quality",
    type=float,
    default=DEFAULT_QUALITY,
    callback=_check_quality,
    metavar="1..100",
    help="Picture quality, 1 (smallest file) to 100 (closest to the original, not lossless).  "
    f"[default: {DEFAULT_QUALITY:g}]",
)
@click.option(
    "-p",
    "--profile",
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Profile that the file is made for; licodec profiles lists them.",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    quality: float,
    profile: str,
    device: str,
    max_pixels: int,
    force: bool,
    is_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Compress pictures to .lic files.

    INPUT is a picture, a folder of pictures (needs -o with a folder) or - for
    stdin. Colour profile, EXIF, XMP and transparency are kept.
    """
    jobs = plan_jobs(inputs, output, _naming(), is_json=is_json)
    compressor = _Compressor(quality, profile, device, max_pixels, force)
    num_failed = run_jobs(
        jobs,
        compressor.run,
        command="compress",
        is_json=is_json,
        is_quiet=quiet,
        is_verbose=verbose,
    )
    context.exit(1 if num_failed else 0)


def _naming() -> Naming:
    from licodec.image.formats import READ_SUFFIXES

    return Naming(
        rename=lambda path: path.with_suffix(".lic"),
        is_input=lambda path: path.suffix.lower() in READ_SUFFIXES,
        what="pictures",
    )


class _Compressor:
    """One codec for all jobs, loaded when the first picture has been read."""

    def __init__(
        self, quality: float, profile: str, device: str, max_pixels: int, force: bool
    ) -> None:
        self._quality = quality
        self._profile = profile
        self._device = device
        self._max_pixels = max_pixels
        self._force = force
        self._model_seconds = 0.0

    @cached_property
    def _codec(self) -> "Codec":
        try:
            codec, self._model_seconds = load_codec(self._profile, self._device, self._max_pixels)
        except ModelError as error:
            raise FatalModelError(str(error)) from error
        return codec

    def run(self, job: Job) -> Result:
        check_job(job, force=self._force)
        picture = self._read(job.source)
        codec = self._codec
        started = time.perf_counter()
        data = codec.encode_picture(picture, quality=self._quality)
        seconds = time.perf_counter() - started
        write_bytes(job.target, data, force=self._force)
        model_seconds, self._model_seconds = self._model_seconds, 0.0
        return Result(
            width=picture.width,
            height=picture.height,
            num_bytes=len(data),
            bpp=8 * len(data) / (picture.width * picture.height),
            quality=round(index_to_quality(quality_to_index(self._quality)), 1),
            profile=self._profile,
            seconds=seconds,
            model_seconds=model_seconds,
            stages_s=dict(codec.last_timings),
            notes=picture.notes,
        )

    def _read(self, source: str) -> "Picture":
        from licodec.image.files import read_picture

        stream = io.BytesIO(read_bytes(PIPE)) if source == PIPE else Path(source)
        return read_picture(stream, max_pixels=self._max_pixels)
