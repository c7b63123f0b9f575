"""Standard streams that the caller has closed become the null device, and stay known as closed."""

import os
import sys
from typing import TextIO

import click


def replace_closed() -> None:
    """Open the null device in place of each closed stream, which Python leaves as None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def is_closed(stream: TextIO) -> bool:
    """Whether `replace_closed` has put the stream there."""
    return getattr(stream, "name", None) == os.devnull


def check_stdin() -> None:
    """Refuse to read a stdin that is closed.

    Raises:
        click.UsageError: it is.
    """
    if is_closed(sys.stdin):
        raise click.UsageError("stdin is closed; name a file or redirect the input")
