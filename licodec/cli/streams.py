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


def check_stdin() -> None:
    """Raises click.UsageError if no file can come from stdin."""
    _check(sys.stdin, "stdin", "name a file or redirect the input")


def check_stdout() -> None:
    """Raises click.UsageError if no file can go to stdout."""
    _check(sys.stdout, "stdout", "name a file with -o or redirect the output")


def _check(stream: TextIO, name: str, advice: str) -> None:
    if getattr(stream, "name", None) == os.devnull:  # from `replace_closed`
        raise click.UsageError(f"{name} is closed; {advice}")
    if stream.isatty():
        raise click.UsageError(f"{name} is a terminal; {advice}")
