"""`licodec decompress`: .lic files go in, picture files come out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.batch import (
    PIPE,
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
from licodec.cli.completers import (
    complete_format,
    complete_lic,
    complete_path,
    complete_profile,
)
from licodec.cli.options import common_options
from licodec.errors import ImageError

if TYPE_CHECKING:
    from licodec.codec.codec import Codec
    from licodec.image.formats import WriteFormat


@click.command(
    epilog="""\b
Examples:
  licodec decompress photo.lic
  licodec decompress - --format png < photo.lic > back.png"""
)
@click.argument(
    "inputs", nargs=-1, required=True, metavar="FILE.lic...", shell_complete=complete_lic
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    shell_complete=complete_path,
    help="File, folder or - for stdout; the extension chooses the format.  "
    "[default: beside the input, as .png]",
)
@click.option(
    "-p",
    "--profile",
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Decode with another profile of the file's family.  [default: the file's own]",
)
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    shell_complete=complete_format,
    help="Picture format: png, jpeg, webp, avif, tiff, bmp, ppm or jp2.  [default: by extension]",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    profile: str | None,
    format_name: str | None,
    device: str,
    max_pixels: int,
    force: bool,
    is_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Turn .lic files back into pictures.

    FILE.lic is a file, a folder of files (needs -o with a folder) or - for stdin.
    Pixels are stored as they were given; an EXIF orientation stays a tag.
    """
    naming = _naming(format_name)
    jobs = plan_jobs(inputs, output, naming, is_json=is_json)
    formats = {job.target: _format_of(job.target, format_name) for job in jobs}
    decompressor = _Decompressor(profile, device, max_pixels, force, formats)
    num_failed = run_jobs(
        jobs,
        decompressor.run,
        command="decompress",
        is_json=is_json,
        is_quiet=quiet,
        is_verbose=verbose,
    )
    context.exit(1 if num_failed else 0)


def _naming(format_name: str | None) -> Naming:
    suffix = _format_of(PIPE, format_name).suffixes[0]

    def rename(path: Path) -> Path:
        if path.suffix.lower() == ".lic":
            return path.with_suffix(suffix)
        return path.with_name(path.name + suffix)

    return Naming(
        rename=rename,
        is_input=lambda path: path.suffix.lower() == ".lic",
        what=".lic files",
    )


def _format_of(target: str, format_name: str | None) -> "WriteFormat":
    """The format of an output; a wrong name is noticed here, before any work."""
    from licodec.image.formats import find_format

    if target == PIPE and format_name is None:
        format_name = "png"
    try:
        return find_format(target, format_name)
    except ImageError as error:
        raise click.UsageError(str(error)) from error


class _Decompressor:
    """One codec for each profile that the files need, loaded when it is needed."""

    def __init__(
        self,
        profile: str | None,
        device: str,
        max_pixels: int,
        force: bool,
        formats: "dict[str, WriteFormat]",
    ) -> None:
        self._profile = profile
        self._device = device
        self._max_pixels = max_pixels
        self._force = force
        self._formats = formats  # of each job's target
        self._codecs: dict[str, Codec] = {}

    def run(self, job: Job) -> Result:
        from licodec.image.files import render_picture
        from licodec.inspect import choose_profile, read_info

        check_job(job, force=self._force)
        data = read_bytes(job.source)
        profile = self._profile or choose_profile(data, self._max_pixels)
        info = read_info(data)
        codec, model_seconds = self._load(profile)
        started = time.perf_counter()
        picture = codec.decode_picture(data)
        seconds = time.perf_counter() - started
        rendered, notes = render_picture(picture, self._formats[job.target])
        write_bytes(job.target, rendered, force=self._force)
        return Result(
            width=info.width,
            height=info.height,
            num_bytes=info.num_bytes,
            bpp=info.bpp,
            quality=info.quality,
            profile=profile,
            seconds=seconds,
            model_seconds=model_seconds,
            stages_s=dict(codec.last_timings),
            notes=picture.notes + notes,
        )

    def _load(self, profile: str) -> "tuple[Codec, float]":
        """The codec of a profile, and the seconds that loading it took now."""
        if profile in self._codecs:
            return self._codecs[profile], 0.0
        codec, seconds = load_codec(profile, self._device, self._max_pixels)
        self._codecs[profile] = codec
        return codec, seconds
