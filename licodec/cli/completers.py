"""The word that a shell completes goes in; what it can become comes out."""

from __future__ import annotations

import os
from collections.abc import Collection

import click
from click.shell_completion import CompletionItem

from licodec.errors import LicodecError


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


def complete_path(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Any file or folder, as the shell itself completes them."""
    return [CompletionItem(incomplete, type="file")]


def complete_format(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of the picture formats that are written."""
    from licodec.image.formats import WRITE_FORMATS

    return [CompletionItem(name) for name in WRITE_FORMATS if name.startswith(incomplete)]


def complete_lic(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """.lic files, and folders on the way to them."""
    return [_files(incomplete, (".lic",))]


def complete_picture(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Pictures that are read, and folders."""
    from licodec.image.formats import READ_SUFFIXES

    return [_files(incomplete, READ_SUFFIXES)]


def _files(incomplete: str, suffixes: Collection[str]) -> CompletionItem[str]:
    """One item for all files: `licodec.cli.shells` knows the suffixes, click takes any file."""
    return CompletionItem(incomplete, type="file", suffixes=sorted(suffixes))


def find_files(incomplete: str, suffixes: Collection[str]) -> list[str]:
    """Folders (with a slash at the end) and files with one of the suffixes, in order.

    Hidden ones are left out unless the incomplete name begins with a dot.
    """
    place, start = os.path.split(incomplete)
    found = []
    try:
        with os.scandir(os.path.expanduser(place) or ".") as entries:
            for entry in entries:
                is_hidden = entry.name.startswith(".") and not start.startswith(".")
                if is_hidden or not entry.name.startswith(start):
                    continue
                if entry.is_dir():
                    found.append(os.path.join(place, entry.name, ""))
                elif os.path.splitext(entry.name)[1].lower() in suffixes:
                    found.append(os.path.join(place, entry.name))
    except OSError:  # no such folder: nothing to complete
        return []
    return sorted(found)
