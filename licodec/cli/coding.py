"""`licodec compress` and `licodec decompress`: pictures to .lic files and back, many in a call."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from licodec.batch import (
    Compression,
    Decompression,
    EncodeOptions,
    FatalError,
    PathError,
    PathRules,
    Plan,
    compression_paths,
    decompression_paths,
    plan_files,
    run_jobs,
)
from licodec.batch.decompress import format_of
from licodec.batch.jobs import Job, Work
from licodec.batch.paths import is_folder
from licodec.cli.coding_options import (
    CommonOptions,
    common_options,
    encode_options,
    metadata_options,
)
from licodec.cli.options import Settings, profile_option
from licodec.cli.params import COUNT, NAME, REGION
from licodec.cli.report import Report, search_bar
from licodec.cli.streams import check_stdin, is_closed
from licodec.config import DEFAULT_PROFILE
from licodec.errors import ImageError
from licodec.names import PIPE, shown

_F = TypeVar("_F", bound=Callable[..., Any])

_keep_folders_option = click.option(
    "--keep-folders",
    is_flag=True,
    help="Keep the whole path of each input below the folder that -o names.",
)


def _output_option(help_text: str) -> Callable[[_F], _F]:
    return click.option("-o", "--output", type=NAME, metavar="OUT", help=help_text)


def _complete_format(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of the picture formats that are written."""
    from licodec.image.formats import WRITE_FORMATS

    return [name for name in WRITE_FORMATS if name.startswith(incomplete)]


@click.command(
    epilog="""\b
Examples:
  licodec compress photo.png
  licodec compress -q 80 holiday/ -o small/"""
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=NAME)
@_output_option("File, folder or - for stdout.  [default: beside the input, as .lic]")
@click.option(
    "--keep-extension",
    is_flag=True,
    help="Name outputs photo.jpg.lic, so that photo.jpg and photo.png stay apart.",
)
@_keep_folders_option
@encode_options
@profile_option(
    "Network that the file is made for; licodec profiles lists them.",
    default=DEFAULT_PROFILE,
)
@metadata_options
@common_options
@click.pass_context
def compress(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    keep_extension: bool,
    keep_folders: bool,
    options: EncodeOptions,
    profile: str,
    kinds: frozenset[str],
    common: CommonOptions,
) -> None:
    """Compress pictures to .lic files.

    INPUT is a picture, a folder of pictures (needs -o with a folder), a quoted
    pattern or - for stdin. Colour profile, EXIF, XMP and transparency are kept.
    An EXIF orientation is applied to the pixels.
    """
    from licodec.image.formats import WRITE_SUFFIXES

    suffix = "" if output is None else Path(output).suffix.lower()
    if output is not None and suffix in WRITE_SUFFIXES and not os.path.isdir(output):
        raise click.UsageError(
            f"-o {shown(output)} has the extension of a picture, and compress writes .lic files; "
            f"name it {shown(str(Path(output).with_suffix('.lic')))}"
        )
    _check_last(inputs, {".lic"})
    rules = compression_paths(keeps_extension=keep_extension, keeps_folders=keep_folders)
    plan = _plan(inputs, output, rules, is_json=common.is_json)
    work = Compression(options=options, profile=profile, keep=kinds, max_pixels=common.max_pixels)
    if len(plan.jobs) == 1 and not common.is_silent:
        work = replace(work, watch=search_bar)
    context.exit(_run(plan, work, common))


@click.command(
    epilog="""\b
Examples:
  licodec decompress photo.lic
  licodec decompress photo.lic --region 100,50,640,480 -o part.png
  licodec decompress photo.lic --max-size 256 -o small.png
  licodec decompress - --format png < photo.lic > back.png"""
)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE.lic...", type=NAME)
@_output_option(
    "File, folder or - for stdout; the extension chooses the format.  "
    "[default: beside the input, as photo.lic.png]"
)
@_keep_folders_option
@profile_option("Decode with another network of the file's family.  [default: the file's own]")
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    shell_complete=_complete_format,
    help="Picture format: png, jpeg, webp, avif, tiff, bmp, ppm or jp2.  [default: by extension]",
)
@click.option(
    "--region",
    type=REGION,
    help="Decode a part alone: left, top, width and height in pixels.  [default: all]",
)
@click.option(
    "--max-size",
    type=COUNT,
    metavar="PX",
    help="Preview: at most PX pixels on the longer side. Finer levels are neither read nor "
    "verified.",
)
@common_options
@click.pass_context
def decompress(
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
    from licodec.image.formats import WRITE_SUFFIXES

    if region is not None and max_size is not None:
        raise click.UsageError("--region excludes --max-size; give one of them")
    _check_last(inputs, WRITE_SUFFIXES)
    try:
        rules = decompression_paths(format_name, keeps_folders=keep_folders)
        plan = _plan(inputs, output, rules, is_json=common.is_json)
        for job in plan.jobs:
            format_of(job.target, format_name)  # a wrong name is noticed before any work
    except ImageError as error:
        raise click.UsageError(str(error)) from error
    work = Decompression(
        profile=profile,
        format_name=format_name,
        region=region,
        max_size=max_size,
        max_pixels=common.max_pixels,
    )
    context.exit(_run(plan, work, common))


def _check_last(inputs: tuple[str, ...], output_suffixes: frozenset[str] | set[str]) -> None:
    """Refuse an output among the inputs."""
    last = inputs[-1]
    is_output = Path(last).suffix.lower() in output_suffixes and not os.path.exists(last)
    if len(inputs) > 1 and is_output:
        raise click.UsageError(f"{shown(last)} is no file; the output goes after -o")


def _plan(inputs: tuple[str, ...], output: str | None, rules: PathRules, *, is_json: bool) -> Plan:
    """Jobs of files, or of a pipe; `is_json` says that stdout is taken.

    Raises:
        click.UsageError: the combination makes no sense.
        LicodecError: as `plan_files`.
    """
    try:
        plan = _plan_pipe(inputs, output) if PIPE in inputs else plan_files(inputs, output, rules)
    except PathError as error:
        raise click.UsageError(str(error)) from error
    if any(job.target == PIPE for job in plan.jobs):
        if is_json:
            raise click.UsageError("--json needs stdout for itself; name a file with -o")
        for is_so, what in ((is_closed(sys.stdout), "closed"), (sys.stdout.isatty(), "a terminal")):
            if is_so:
                raise click.UsageError(
                    f"stdout is {what}; name a file with -o or redirect the output"
                )
    return plan


def _plan_pipe(inputs: tuple[str, ...], output: str | None) -> Plan:
    if len(inputs) > 1:
        raise PathError("- as INPUT stands alone; give other inputs in a call of their own")
    if output == "":
        raise PathError("-o is empty; name a file or a folder")
    if output is not None and is_folder(output):
        raise PathError("input from stdin needs the name of a file with -o")
    check_stdin()
    if sys.stdin.isatty():
        raise PathError("stdin is a terminal; name a file or redirect the input")
    return Plan(jobs=[Job(PIPE, PIPE if output is None else output)])


def _run(plan: Plan, work: Work, common: CommonOptions) -> int:
    """Do all jobs and tell of each; the exit code.

    Raises:
        FatalError: no job can succeed.
        click.Abort: by Ctrl-C; finished outputs stay, others are absent.
    """
    settings = click.get_current_context().find_object(Settings)
    report = Report(work.command, plan.jobs, common, is_debug=bool(settings and settings.is_debug))
    with report:
        for folder in plan.empty:
            report.tell_empty(folder)
        try:
            run_jobs(
                plan.jobs,
                work,
                report.add,
                num_workers=common.jobs,
                device=common.device,
                max_pixels=common.max_pixels,
                is_continued=common.is_continued,
                force=common.force,
            )
        except FatalError as error:
            report.tell_rest(str(error))
            raise
        except KeyboardInterrupt as error:
            if len(plan.jobs) == 1:
                raise
            report.tell_rest(None)
            raise click.Abort(
                f"interrupted; {report.totals.num_made} of {len(plan.jobs)} files are finished, "
                "--continue does the others"
            ) from error
    report.summarise(common.jobs, plan.unread)
    return 1 if report.totals.num_failed or plan.unread else 0
