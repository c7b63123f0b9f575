"""The options that say which metadata goes into a .lic file."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from licodec.config import METADATA_KINDS, check_kinds

_F = TypeVar("_F", bound=Callable[..., Any])
_ALL = ",".join(METADATA_KINDS)
_STRIP = f"{__name__}.strip"


def metadata_options(command: _F) -> _F:
    """Adds --keep and --strip; the command gets the kinds to keep as `keep`."""
    keep = click.option(
        "--keep",
        metavar="LIST",
        callback=_read_keep,
        help="Metadata to keep, separated by commas.  Without icc, colours are converted to "
        f"sRGB.  [default: {_ALL}]",
    )
    strip = click.option(
        "--strip",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_note_strip,
        help="Keep no metadata; colours are converted to sRGB, pixels turned upright.",
    )
    return keep(strip(command))


def _note_strip(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[_STRIP] = value


def _read_keep(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> frozenset[str]:
    is_strip = context.meta.get(_STRIP, False)
    if is_strip and value is not None:
        raise click.UsageError("--strip and --keep exclude each other; name what stays with --keep")
    if is_strip:
        return frozenset()
    names = [name.strip() for name in (_ALL if value is None else value).lower().split(",")]
    if "" in names:
        raise click.BadParameter("an empty name; use --strip for none")
    try:
        return check_kinds(names)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
