"""What the commands that measure codecs share: their options, and tables on stdout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from licodec.cli.completers import complete_profile
from licodec.config import DEFAULT_EFFORT, DEFAULT_PROFILE, DEFAULT_TUNE, MAX_EFFORT, TUNES

if TYPE_CHECKING:
    from licodec.evaluate.report import Table as TextTable

CODEC_NAMES = ("licodec", "jpeg", "webp", "jpeg2000", "avif", "jxl")


def _parse_codecs(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Names among CODEC_NAMES, each once, from a list with commas; None if there is no list."""
    if value is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",")))
    for name in names:
        if name not in CODEC_NAMES:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(CODEC_NAMES)}")
    return names


codecs_option = click.option(
    "--codecs",
    callback=_parse_codecs,
    metavar="NAME,...",
    help=f"Codecs to compare: {', '.join(CODEC_NAMES)}.  [default: all that are installed]",
)
profiles_option = click.option(
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    default=(DEFAULT_PROFILE,),
    show_default=True,
    metavar="PROFILE",
    shell_complete=complete_profile,
    help="Profile of licodec; may be given several times.",
)
effort_option = click.option(
    "-e",
    "--effort",
    "efforts",
    type=click.IntRange(0, MAX_EFFORT),
    multiple=True,
    default=(DEFAULT_EFFORT,),
    show_default=True,
    help="Effort of licodec's encoder; may be given several times.",
)
tune_option = click.option(
    "--tune",
    "tunes",
    type=click.Choice(TUNES),
    multiple=True,
    help="What licodec's files are made for; may be given several times.  "
    f"[default: {DEFAULT_TUNE}]",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads of licodec; the others use one.  [default: as torch chooses]",
)


def set_threads(threads: int | None) -> int:
    """Set torch's number of threads unless None, and return it."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def print_tables(contents: Sequence["TextTable"]) -> None:
    """Print to stdout: drawn on a terminal, as markdown elsewhere."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for content in contents:
        if not console.is_terminal:
            click.echo(content.to_markdown() + "\n")
            continue
        table = Table(title=content.title, title_justify="left")
        for index, column in enumerate(content.columns):
            is_name = index < content.num_names
            table.add_column(column, justify="left" if is_name else "right", overflow="fold")
        for row in content.rows:
            table.add_row(*row)
        console.print(table)
