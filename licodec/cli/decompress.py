"""`licodec decompress`: .lic files go in, picture files come out."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from licodec.cli.batch import check_job, read_bytes, run_jobs, write_bytes
from licodec.cli.coders import Coders
from licodec.cli.completers import (
    complete_format,
    complete_lic,
    complete_path,
    complete_profile,
)
from licodec.cli.lic import check_is_lic
from licodec.cli.options import CommonOptions, common_options, keep_folders_option
from licodec.cli.plan import PIPE, Job, Naming, plan_jobs, shown
from licodec.cli.regions import RegionType
from licodec.cli.report import Result
from licodec.errors import ImageError, LicodecError

if TYPE_CHECKING:
    from licodec.image.formats import WriteFormat
    from licodec.inspect import Info
    from licodec.resume import SettingsRecord


@click.command(
    epilog="""\b
Examples:
  licodec decompress photo.lic
  licodec decompress photo.lic --region 100,50,640,480 -o part.png
  licodec decompress photo.lic --max-size 256 -o small.png
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
    "[default: beside the input, as photo.lic.png]",
)
@keep_folders_option
@click.option(
    "-p",
    "--profile",
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Decode with another network of the file's family.  [default: the file's own]",
)
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    shell_complete=complete_format,
    help="Picture format: png, jpeg, webp, avif, tiff, bmp, ppm or jp2.  [default: by extension]",
)
@click.option(
    "--region",
    type=RegionType(),
    help="Decode a part alone: left, top, width and height in pixels.  [default: all]",
)
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    metavar="PX",
    help="Preview: at most PX pixels on the longer side. Finer levels are neither read nor "
    "verified.",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    keep_folders: bool,
    profile: str | None,
    format_name: str | None,
    region: tuple[int, int, int, int] | None,
    max_size: int | None,
    common: CommonOptions,
) -> None:
    """Turn .lic files back into pictures.

    FILE.lic is a file, a folder of files (needs -o with a folder), a quoted
    pattern or - for stdin. Metadata is written where the picture format has a
    place for it.
    """
    from licodec.resume import SettingsRecord

    if region is not None and max_size is not None:
        raise click.UsageError("--region excludes --max-size; give one of them")
    _check_names(inputs)
    naming = _naming(format_name, keeps_folders=keep_folders)
    plan = plan_jobs(inputs, output, naming, is_json=common.is_json)
    planned = plan.jobs
    settings = {"profile": profile, "region": region and list(region), "max_size": max_size}
    decompressor = _Decompressor(
        record=SettingsRecord(
            "decompress",
            settings,
            dict.fromkeys(settings),
            is_kept=common.is_continued or len(planned) > 1,
        ),
        profile=profile,
        max_pixels=common.max_pixels,
        part={k: v for k, v in (("region", region), ("max_size", max_size)) if v is not None},
        is_continued=common.is_continued,
        force=common.force,
        formats={job.target: _format_of(job.target, format_name) for job in planned},
    )
    context.exit(run_jobs(plan, decompressor.run, common, command="decompress"))


def _naming(format_name: str | None, *, keeps_folders: bool = False) -> Naming:
    suffix = _format_of(PIPE, format_name).suffixes[0]

    def beside(path: Path) -> Path:
        """A name that the original cannot have, which may stand there: photo.lic.png."""
        return path.with_name(path.name + suffix)

    def rename(path: Path) -> Path:
        return path.with_suffix(suffix) if path.suffix.lower() == ".lic" else beside(path)

    return Naming(
        rename=rename,
        beside=beside,
        keeps_folders=keeps_folders,
        is_input=lambda path: path.suffix.lower() == ".lic",
        what=".lic files",
        advice="use --keep-folders, or ",
    )


def _check_names(inputs: tuple[str, ...]) -> None:
    """Raises click.UsageError if an output stands among the inputs."""
    from licodec.image.formats import WRITE_SUFFIXES

    last = inputs[-1]
    is_output = Path(last).suffix.lower() in WRITE_SUFFIXES and not os.path.exists(last)
    if len(inputs) > 1 and is_output:
        raise click.UsageError(f"{shown(last)} is no file; the output goes after -o")


def _format_of(target: str, format_name: str | None) -> "WriteFormat":
    """The format of an output; a wrong name is noticed here, before any work."""
    from licodec.image.formats import find_format

    if target == PIPE and format_name is None:
        format_name = "png"
    try:
        return find_format(target, format_name)
    except ImageError as error:
        raise click.UsageError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class _Decompressor:
    """What options ask for; `run` does one job with it, in any thread."""

    profile: str | None  # None takes that of each file
    max_pixels: int
    part: dict[str, Any]  # keywords of `Codec.decode_picture`
    is_continued: bool
    force: bool
    record: "SettingsRecord"
    formats: "dict[str, WriteFormat]"  # of each job's target

    def run(self, job: Job, coders: Coders) -> Result:
        from licodec.container.read import read_container
        from licodec.image.files import render_picture
        from licodec.inspect import codec_of, describe, read_info

        if self.is_continued and self._is_finished(job):
            return self._finished(read_info(read_bytes(job.source)))
        check_job(job, force=self.force)
        data = read_bytes(job.source)
        check_is_lic(data)
        container = read_container(data, self.max_pixels)
        info = describe(container, len(data))
        profile, tune = "", ""  # a file without weights needs none
        if not container.is_lossless:
            profile, tune = codec_of(container.header, self.profile)
        coded = coders.decode(container, info.width * info.height, profile, tune, **self.part)
        picture = coded.result
        rendered, notes = render_picture(picture, self.formats[job.target])
        if job.target != PIPE:
            self.record.note(Path(job.target).parent)
        write_bytes(job.target, rendered, force=self.force)
        return Result(
            width=picture.width,
            height=picture.height,
            num_bytes=info.num_bytes,
            bpp=info.bpp,
            quality=info.quality,
            profile=profile or None,
            seconds=coded.seconds,
            model_seconds=coded.model_seconds,
            stages_s=coded.stages_s,
            notes=picture.notes + notes,
        )

    def _finished(self, info: "Info") -> Result:
        """The result of an earlier run with the same settings."""
        width, height = info.width, info.height
        if "region" in self.part:
            width, height = self.part["region"][2:]
        elif "max_size" in self.part:
            from licodec.codec.part import size_within  # imports torch

            width, height = size_within(width, height, self.part["max_size"])
        profile = self.profile or info.profile
        return replace(Result.of_finished(info), width=width, height=height, profile=profile)

    def _is_finished(self, job: Job) -> bool:
        """Whether an earlier run has made the output.

        Raises:
            LicodecError: it is older than the file or of other settings, and `force` is not set.
        """
        from licodec.resume import is_finished

        if PIPE in (job.source, job.target):
            return False
        try:
            if not is_finished(Path(job.target), Path(job.source)):
                return False
            self.record.check(Path(job.target))
        except LicodecError:
            if not self.force:
                raise
            return False
        return True
