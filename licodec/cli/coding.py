"""`licodec compress` and `licodec decompress`: pictures to .lic files and back, many in a call."""

import os
from dataclasses import replace
from pathlib import Path

import click

from licodec.batch import (
    Compression,
    Decompression,
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
from licodec.batch.paths import is_folder_name
from licodec.batch.worker import Work
from licodec.cli.coding_options import CommonOptions, CompressOptions, DecompressOptions
from licodec.cli.options import NAME, Settings, refuse_together, with_options
from licodec.cli.report import Report, search_bar
from licodec.cli.streams import check_stdin, check_stdout
from licodec.errors import ImageError
from licodec.names import PIPE, shown


@click.command(
    epilog="""\b
Examples:
  licodec compress photo.png
  licodec compress -q 80 holiday/ -o small/"""
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=NAME)
@with_options("options", CompressOptions)
@with_options("common", CommonOptions)
@click.pass_context
def compress(
    context: click.Context,
    inputs: tuple[str, ...],
    options: CompressOptions,
    common: CommonOptions,
) -> None:
    """Compress pictures to .lic files.

    INPUT is a picture, a folder of pictures (needs -o with a folder), a quoted
    pattern or - for stdin. Colour profile, EXIF, XMP and transparency are kept.
    An EXIF orientation is applied to the pixels.
    """
    from licodec.image.formats import READ_SUFFIXES, WRITE_SUFFIXES
    from licodec.image.strangers import UNREAD_SUFFIXES

    options.check()
    output = options.output
    suffix = "" if output is None else Path(output).suffix.lower()
    is_picture = suffix in READ_SUFFIXES | WRITE_SUFFIXES | UNREAD_SUFFIXES
    if output is not None and is_picture and not is_folder_name(output):
        raise click.UsageError(
            f"-o {shown(output)} has the extension of a picture, and compress writes .lic files; "
            f"name it {shown(str(Path(output).with_suffix('.lic')))}"
        )
    _check_last(inputs, {".lic"})
    rules = compression_paths(
        keeps_extension=options.keep_extension, keeps_folders=options.keep_folders
    )
    plan = _plan(inputs, output, rules, is_json=common.is_json)
    work = Compression(
        options=options.encode_options(),
        profile=options.profile,
        keep=frozenset() if options.strip else options.keep,
    )
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
@with_options("options", DecompressOptions)
@with_options("common", CommonOptions)
@click.pass_context
def decompress(
    context: click.Context,
    inputs: tuple[str, ...],
    options: DecompressOptions,
    common: CommonOptions,
) -> None:
    """Turn .lic files back into pictures.

    FILE.lic is a file, a folder of files (needs -o with a folder), a quoted
    pattern or - for stdin. Metadata is written where the picture format has a
    place for it.
    """
    from licodec.image.formats import WRITE_SUFFIXES

    refuse_together("region", "max_size")
    _check_last(inputs, WRITE_SUFFIXES)
    try:
        rules = decompression_paths(options.format, keeps_folders=options.keep_folders)
        plan = _plan(inputs, options.output, rules, is_json=common.is_json)
        for job in plan.jobs:
            if not job.problem:
                format_of(job.target, options.format)  # a wrong name is noticed before any work
    except ImageError as error:
        raise click.UsageError(str(error)) from error
    work = Decompression(
        profile=options.profile,
        format_name=options.format,
        region=options.region,
        max_size=options.max_size,
    )
    context.exit(_run(plan, work, common))


def _check_last(inputs: tuple[str, ...], output_suffixes: frozenset[str] | set[str]) -> None:
    """Refuse an output among the inputs."""
    last = inputs[-1]
    is_output = is_folder_name(last) or Path(last).suffix.lower() in output_suffixes
    if len(inputs) > 1 and is_output and not os.path.lexists(last):
        raise click.UsageError(f"{shown(last)} is no file; the output goes after -o")


def _plan(inputs: tuple[str, ...], output: str | None, rules: PathRules, *, is_json: bool) -> Plan:
    """Jobs of files, or of a pipe; `is_json` says that stdout is taken.

    Raises:
        click.UsageError: the combination makes no sense.
        LicodecError: as `plan_files`.
    """
    try:
        plan = plan_files(inputs, output, rules)
    except PathError as error:
        raise click.UsageError(str(error)) from error
    if any(job.source == PIPE for job in plan.jobs):
        check_stdin()
    if any(job.target == PIPE for job in plan.jobs):
        if is_json:
            raise click.UsageError("--json needs stdout for itself; name a file with -o")
        check_stdout()
    return plan


def _run(plan: Plan, work: Work, common: CommonOptions) -> int:
    """Do all jobs and report each; the exit code.

    Raises:
        FatalError: no job can succeed.
        click.Abort: by Ctrl-C; finished outputs stay, others are absent.
    """
    settings = click.get_current_context().find_object(Settings)
    report = Report(work.command, plan.jobs, common, is_debug=bool(settings and settings.is_debug))
    with report:
        for name, reason in plan.passed:
            report.tell_passed(name, reason)
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
            num_made = report.totals.counts["done"] + report.totals.counts["skipped"]
            raise click.Abort(
                f"interrupted; {num_made} of {len(plan.jobs)} files are finished, "
                "--continue does the others"
            ) from error
    report.summarise(plan.unread)
    return 1 if report.totals.counts["failed"] or plan.unread else 0
