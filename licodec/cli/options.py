"""Options that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from licodec.cli.params import COUNT
from licodec.config import MAX_PIXELS
from licodec.errors import LicodecError

_F = TypeVar("_F", bound=Callable[..., Any])


def _complete_profile(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of the installed profiles."""
    from licodec.profiles import list_profiles

    try:
        names = [profile.name for profile in list_profiles()]
    except LicodecError:  # nowhere to say it: the user is in the middle of a line
        names = []
    return [name for name in names if name.startswith(incomplete)]


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
max_pixels_option = click.option(
    "--max-pixels",
    type=COUNT,
    default=MAX_PIXELS,
    metavar="N",
    help="Refuse larger pictures.",
)


def device_option(help_text: str = "Where the networks run.") -> Callable[[_F], _F]:
    """--device of a command that runs networks."""
    return click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help=help_text
    )


def profile_option(help_text: str, **settings: Any) -> Callable[[_F], _F]:
    """-p of a command that codes with installed networks."""
    return click.option(
        "-p",
        "--profile",
        metavar="PROFILE",
        shell_complete=_complete_profile,
        help=help_text,
        **settings,
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
    name: str, make: Callable[..., Any], *options: Callable[[Any], Any]
) -> Callable[[_F], _F]:
    """Add options whose values a command gets together.

    Args:
        name: argument of the command.
        make: what it gets; its parameters have the names of the values.
        options: in the order of the help.
    """
    names = inspect.signature(make).parameters

    def add(command: _F) -> _F:
        @functools.wraps(command)
        def run(*arguments: Any, **others: Any) -> Any:
            values = {key: others.pop(key) for key in names}
            return command(*arguments, **{name: make(**values)}, **others)

        for option in reversed(options):
            run = option(run)
        return cast("_F", run)

    return add
