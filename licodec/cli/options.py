"""Options that several commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from licodec.config import MAX_PIXELS

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What options set for the whole run; `main` reads it after a command has failed."""

    is_debug: bool = False


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).is_debug = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_debug,
    help="Show the traceback of a failure.",
)
force_option = click.option("--force", is_flag=True, help="Replace files that exist.")
quiet_option = click.option("--quiet", is_flag=True, help="Print errors only.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Print more about each file.")
json_option = click.option(
    "--json", "is_json", is_flag=True, help="Print one JSON object per file to stdout."
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures worked on at a time.  [default: one per CPU, at most 8]",
)
continue_option = click.option(
    "--continue",
    "is_continued",
    is_flag=True,
    help="Skip outputs that an earlier run has finished.",
)
keep_folders_option = click.option(
    "--keep-folders",
    is_flag=True,
    help="Keep the whole path of each input below the folder that -o names.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the networks run.",
)
max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=True,
    metavar="N",
    help="Refuse larger pictures.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What the options of every coding command say."""

    device: str
    max_pixels: int
    jobs: int | None  # None chooses
    is_continued: bool
    force: bool
    is_json: bool
    is_quiet: bool
    is_verbose: bool


def common_options(command: _F) -> _F:
    """The options that end the list of every coding command, in this order.

    The command gets what they say as `common`.
    """

    @functools.wraps(command)
    def run(
        *arguments: Any,
        device: str,
        max_pixels: int,
        jobs: int | None,
        is_continued: bool,
        force: bool,
        is_json: bool,
        quiet: bool,
        verbose: bool,
        **others: Any,
    ) -> Any:
        common = CommonOptions(
            device=device,
            max_pixels=max_pixels,
            jobs=jobs,
            is_continued=is_continued,
            force=force,
            is_json=is_json,
            is_quiet=quiet,
            is_verbose=verbose,
        )
        return command(*arguments, common=common, **others)

    batch = (jobs_option, continue_option, force_option)
    telling = (json_option, quiet_option, verbose_option, debug_option)
    for option in reversed((device_option, max_pixels_option, *batch, *telling)):
        run = option(run)
    return cast("_F", run)
