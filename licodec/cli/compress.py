"""`licodec compress`: picture files go in, .lic files come out."""

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from licodec.cli.batch import check_job, read_bytes, run_jobs, write_bytes
from licodec.cli.coders import Coded, Coders
from licodec.cli.completers import complete_path, complete_picture, complete_profile
from licodec.cli.goals import TARGETS, Goal, goal_options
from licodec.cli.metadata import metadata_options
from licodec.cli.options import CommonOptions, common_options, keep_folders_option
from licodec.cli.plan import PIPE, Job, Naming, plan_jobs, shown
from licodec.cli.report import Result
from licodec.cli.search_bar import search_bar
from licodec.config import DEFAULT_PROFILE, METADATA_KINDS
from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.image.picture import Picture
    from licodec.resume import SettingsRecord


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
    "--keep-extension",
    is_flag=True,
    help="Name outputs photo.jpg.lic, so that photo.jpg and photo.png stay apart.",
)
@keep_folders_option
@goal_options
@click.option(
    "-p",
    "--profile",
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Network that the file is made for; licodec profiles lists them.",
)
@metadata_options
@common_options
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str | None,
    keep_extension: bool,
    keep_folders: bool,
    goal: Goal,
    profile: str,
    keep: frozenset[str],
    common: CommonOptions,
) -> None:
    """Compress pictures to .lic files.

    INPUT is a picture, a folder of pictures (needs -o with a folder), a quoted
    pattern or - for stdin. Colour profile, EXIF, XMP and transparency are kept.
    An EXIF orientation is applied to the pixels.
    """
    _check_names(inputs, output)
    rules = naming(keeps_extension=keep_extension, keeps_folders=keep_folders)
    plan = plan_jobs(inputs, output, rules, is_json=common.is_json)
    planned = plan.jobs
    compressor = Compressor(
        goal=goal,
        profile=profile,
        keep=keep,
        max_pixels=common.max_pixels,
        is_continued=common.is_continued,
        force=common.force,
        record=record_of(goal, keep, is_kept=common.is_continued or len(planned) > 1),
        has_bar=len(planned) == 1
        and not common.is_quiet
        and not (common.is_json and sys.stdout.isatty()),
    )
    context.exit(run_jobs(plan, compressor.run, common, command="compress"))


def naming(*, keeps_extension: bool = False, keeps_folders: bool = False) -> Naming:
    """Pictures in, .lic files of the same name out."""
    from licodec.image.formats import READ_SUFFIXES
    from licodec.image.strangers import UNREAD_SUFFIXES

    def rename(path: Path) -> Path:
        return path.with_name(path.name + ".lic") if keeps_extension else path.with_suffix(".lic")

    return Naming(
        rename=rename,
        keeps_folders=keeps_folders,
        is_input=lambda path: path.suffix.lower() in READ_SUFFIXES,
        is_unread=lambda path: path.suffix.lower() in UNREAD_SUFFIXES,
        what="pictures",
        advice="use --keep-extension or --keep-folders, or ",
    )


def _check_names(inputs: tuple[str, ...], output: str | None) -> None:
    """Refuse what was meant otherwise.

    Raises:
        click.UsageError: -o names a picture, or an output stands among the inputs.
    """
    from licodec.image.formats import WRITE_SUFFIXES

    suffix = "" if output is None else Path(output).suffix.lower()
    if output is not None and suffix in WRITE_SUFFIXES and not os.path.isdir(output):
        raise click.UsageError(
            f"-o {shown(output)} has the extension of a picture, and compress writes .lic files; "
            f"name it {shown(str(Path(output).with_suffix('.lic')))}"
        )
    last = inputs[-1]
    if len(inputs) > 1 and last.lower().endswith(".lic") and not os.path.exists(last):
        raise click.UsageError(f"{shown(last)} is no file; the output goes after -o")


def record_of(goal: Goal, keep: frozenset[str], *, is_kept: bool) -> "SettingsRecord":
    """What `licodec info` does not tell of the files; see `SettingsRecord`."""
    from licodec.resume import SettingsRecord

    defaults = _settings_of(Goal(), frozenset(METADATA_KINDS))
    return SettingsRecord("compress", _settings_of(goal, keep), defaults, is_kept=is_kept)


def _settings_of(goal: Goal, keep: frozenset[str]) -> dict[str, Any]:
    target_name, target_value = goal.target or (None, None)
    return {
        "effort": goal.effort,
        "quantizer": goal.quantizer,
        "time_budget": goal.time_budget,
        **{name: target_value if name == target_name else None for name in TARGETS},
        "metadata": sorted(keep),
    }


@dataclass(frozen=True, kw_only=True)
class Compressor:
    """What options ask for; `run` does one job with it, in any thread."""

    goal: Goal
    profile: str
    keep: frozenset[str]  # kinds of metadata
    max_pixels: int
    is_continued: bool
    force: bool
    record: "SettingsRecord"
    has_bar: bool = False  # shows a search on a terminal

    def run(self, job: Job, coders: Coders) -> Result:
        if job.source != PIPE and Path(job.source).suffix.lower() == ".lic":
            _check_is_no_lic(job.source)
        finished = self._find_finished(job) if self.is_continued else None
        if finished is not None:
            return finished
        check_job(job, force=self.force)
        picture = self._read(job.source)
        coded = self._encode(coders, picture)
        data = coded.result
        if job.target != PIPE:
            self.record.note(Path(job.target).parent)
        write_bytes(job.target, data, force=self.force)
        quality = self._quality_of(data)
        return Result(
            width=picture.width,
            height=picture.height,
            num_bytes=len(data),
            bpp=8 * len(data) / (picture.width * picture.height),
            quality=quality,
            profile=self.profile,
            seconds=coded.seconds,
            model_seconds=coded.model_seconds,
            stages_s=coded.stages_s,
            notes=picture.notes + self.goal.notes(picture, len(data), quality),
        )

    def _find_finished(self, job: Job) -> Result | None:
        """The result of an earlier run with the same settings.

        Raises:
            LicodecError: there is another file, and `force` is not set.
        """
        from licodec.resume import read_finished

        if PIPE in (job.source, job.target):
            return None
        settings: dict[str, float | str] = {
            "profile": self.profile,
            "tune": self.goal.tune,
            "quantizer": self.goal.quantizer_in_file,
        }
        if self.goal.quality_in_file is not None:
            settings["quality"] = self.goal.quality_in_file
        try:
            info = read_finished(Path(job.target), Path(job.source), settings)
            if info is not None:
                self.record.check(Path(job.target))
        except LicodecError:
            if not self.force:
                raise
            return None
        return None if info is None else Result.of_finished(info)

    def _encode(self, coders: Coders, picture: "Picture") -> Coded[bytes]:
        arguments = self.goal.arguments(picture)
        seconds = self.goal.search_seconds(picture.width * picture.height)
        with search_bar(seconds, is_shown=self.has_bar) as report:
            if report is not None:
                arguments["report"] = report
            return coders.encode(picture, self.profile, self.goal.tune, **arguments)

    def _quality_of(self, data: bytes) -> float:
        if self.goal.quality_in_file is not None:
            return self.goal.quality_in_file
        from licodec.inspect import read_info

        quality = read_info(data).quality
        assert quality is not None  # no lossless file was asked for
        return quality

    def _read(self, source: str) -> "Picture":
        from licodec.image.files import read_picture
        from licodec.image.keep import keep_only

        stream = io.BytesIO(read_bytes(source))
        return keep_only(read_picture(stream, max_pixels=self.max_pixels), self.keep)


def _check_is_no_lic(source: str) -> None:
    """Raises LicodecError if a file is a .lic file, whatever its output would be."""
    from licodec.container.format import MAGIC_BYTES
    from licodec.image.strangers import name_stranger

    try:
        with open(source, "rb") as stream:
            head = stream.read(len(MAGIC_BYTES))
    except OSError:
        return  # told where the file is read
    if head == MAGIC_BYTES:
        raise LicodecError(name_stranger(head))
