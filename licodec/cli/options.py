"""Options that several commands share, and those whose values a command gets together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from licodec.batch.compress import TARGETS, EncodeOptions
from licodec.cli.params import BPP, COUNT, DURATION, KINDS, PSNR, QUALITY, SCORE, SIZE
from licodec.config import (
    CHOICES,
    CONTENTS,
    DEFAULT_CONTENT,
    DEFAULT_EFFORT,
    DEFAULT_PROFILE,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_EFFORT,
    MAX_PIXELS,
    METADATA_KINDS,
    SYNTHESES,
    TUNES,
)
from licodec.errors import LicodecError

_F = TypeVar("_F", bound=Callable[..., Any])


def complete_profile(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of the installed profiles."""
    from licodec.profiles import list_profiles

    try:
        names = [profile.name for profile in list_profiles()]
    except LicodecError:  # nowhere to say it: the user is in the middle of a line
        names = []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_format(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of the picture formats that are written."""
    from licodec.image.formats import WRITE_FORMATS

    return [CompletionItem(name) for name in WRITE_FORMATS if name.startswith(incomplete)]


def complete_file(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Any file or folder, as the shell itself completes them."""
    return [CompletionItem(incomplete, type="file")]


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
    type=COUNT,
    default=MAX_PIXELS,
    show_default=True,
    metavar="N",
    help="Refuse larger pictures.",
)


def output_option(help_text: str) -> Callable[[_F], _F]:
    """-o of a command that writes pictures or .lic files."""
    return click.option(
        "-o", "--output", metavar="OUT", shell_complete=complete_file, help=help_text
    )


def profile_option(help_text: str, **settings: Any) -> Callable[[_F], _F]:
    """-p of a command that codes with installed networks."""
    return click.option(
        "-p",
        "--profile",
        metavar="PROFILE",
        shell_complete=complete_profile,
        help=help_text,
        **settings,
    )


def synthesis_option(help_text: str, *, has_default: bool) -> Callable[[_F], _F]:
    """-p of a command that makes networks."""
    return click.option(
        "-p",
        "--profile",
        type=click.Choice(sorted(SYNTHESES)),
        default=DEFAULT_PROFILE if has_default else None,
        show_default=has_default,
        help=help_text,
    )


def threads_option(help_text: str) -> Callable[[_F], _F]:
    """--threads of a command that runs networks for long."""
    return click.option("--threads", type=COUNT, help=help_text)


def set_threads(threads: int | None) -> int:
    """Set torch's number of threads unless None, and return it."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def grouped(
    name: str, make: Callable[..., Any], names: tuple[str, ...], options: tuple[Any, ...]
) -> Callable[[_F], _F]:
    """Add options whose values a command gets together.

    Args:
        name: argument of the command.
        make: what it gets, made of the values by name.
        names: of the values.
        options: in the order of the help.
    """

    def add(command: _F) -> _F:
        @functools.wraps(command)
        def run(*arguments: Any, **others: Any) -> Any:
            values = {key: others.pop(key) for key in names}
            return command(*arguments, **{name: make(**values)}, **others)

        for option in reversed(options):
            run = option(run)
        return cast("_F", run)

    return add


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


common_options = grouped(
    "common",
    CommonOptions,
    tuple(field.name for field in fields(CommonOptions)),
    (
        device_option,
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
    ),
)


def _encode_options(
    *,
    quality: float | None,
    tune: str | None,
    effort: int,
    lossless: bool,
    content: str | None,
    **others: Any,
) -> EncodeOptions:
    given = [("quality", quality), *((name, others.pop(name)) for name in TARGETS)]
    given = [(name, value) for name, value in given if value is not None]
    if lossless:
        _check_lossless([*given, ("tune", tune), ("content", content), *others.items()])
        return EncodeOptions(effort=effort, lossless=True)
    if len(given) > 1:
        names = " and ".join(f"--{name}" for name, _ in given)
        raise click.UsageError(f"{names} exclude each other; give one of them")
    return EncodeOptions(
        quality=DEFAULT_QUALITY if quality is None else quality,
        target=given[0] if given and quality is None else None,
        tune=tune or DEFAULT_TUNE,
        effort=effort,
        content=content or DEFAULT_CONTENT,
        **others,
    )


def _check_lossless(others: list[tuple[str, Any]]) -> None:
    """Refuse options that mean nothing to a lossless file."""
    names = [f"--{name.replace('_', '-')}" for name, value in others if value is not None]
    if names:
        raise click.UsageError(f"--lossless excludes {' and '.join(names)}; leave one of them out")


encode_options = grouped(
    "options",
    _encode_options,
    ("quality", *TARGETS, "lossless", "tune", "effort", "time_budget", "quantizer", "content"),
    (
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
            show_default=True,
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
    ("keep", "strip"),
    (
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
    ),
)
