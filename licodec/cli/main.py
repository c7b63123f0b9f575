"""Finds the command, and turns every failure into one line and an exit code.

Exit codes: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import difflib
import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

import click

from licodec import __version__
from licodec.cli.options import Settings
from licodec.cli.streams import replace_closed
from licodec.names import printable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Command: module in licodec.cli, line in the list. The line stands here so that the list imports no
# command.
_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "compress": ("coding", "Compress pictures to .lic files."),
        "decompress": ("coding", "Turn .lic files back into pictures."),
        "info": ("inspecting", "Show what a .lic file contains."),
        "profiles": ("inspecting", "List the installed profiles."),
        "train": ("training", "Train a profile on your own pictures."),
        "finetune": ("training", "Train a profile further, or another one of its family."),
        "export": ("training", "Turn a training checkpoint into a released profile."),
        "bench": ("measuring", "Measure licodec and other codecs on a folder."),
        "compare": ("measuring", "Show one picture through several codecs on a page."),
        "thumbnail": ("inspecting", "Write a small PNG of a .lic file."),
        "integrate": ("desktop", "Tell desktop and shells about .lic files."),
        "completion": ("desktop", "Print a shell's completion script."),
    }
)
COMPLETE_VARIABLE = "_LICODEC_COMPLETE"  # click's, from the name of the program
_ALIASES: Mapping[str, str] = MappingProxyType({"encode": "compress", "decode": "decompress"})


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


class LazyGroup(click.Group):
    """Imports the module of a command only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = _ALIASES.get(cmd_name, cmd_name)
        if name in _COMMANDS and name not in self.commands:
            module = importlib.import_module(f"licodec.cli.{_COMMANDS[name][0]}")
            self.add_command(debug_option(getattr(module, name)))
        return self.commands.get(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a wrong word says what may have been meant."""
        word = args[0]
        if word.startswith("-") or self.get_command(ctx, word) is not None:
            return super().resolve_command(ctx, args)
        if os.path.exists(word):
            command = "decompress" if word.lower().endswith(".lic") else "compress"
            meant = [f"licodec {command} {click.format_filename(word)}"]
        else:
            meant = difflib.get_close_matches(word.lower(), (*_COMMANDS, *_ALIASES), 1)
        hint = f" Did you mean: {meant[0]}?" if meant else ""
        raise click.UsageError(f"No such command {word!r}.{hint}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog="""\b
Examples:
  licodec compress photo.png
  licodec decompress photo.lic -o back.png
encode and decode stand for compress and decompress, too.""",
)
@click.version_option(__version__, prog_name="licodec")
@debug_option
def cli() -> None:
    """Compress pictures with a learned codec, and bring them back."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (`sys.argv` if None) and exit with its code."""
    _interrupt_at_other_ends()
    # numpy's products here are small, and its idle threads spin, on a busy machine for seconds.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run(arguments))


def _interrupt_at_other_ends() -> None:
    """Let the end of the terminal and the wish of another program (kill, timeout) do what Ctrl-C
    does, unless someone (nohup) has them ignored."""
    for name in ("SIGHUP", "SIGTERM"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; failures become one line on stderr.

    Raises:
        Exception: whatever went wrong, if --debug is among the arguments.
    """
    settings = Settings()
    replace_closed()
    try:
        code = cli.main(arguments, prog_name="licodec", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except click.Abort as error:
        return _fail(str(error) or "interrupted", 130)
    except click.UsageError as error:
        text = io.StringIO()
        error.show(text)  # several lines, with tabs in lists of choices
        lines = re.sub(r"[^\n\t]+", lambda part: printable(part[0]), text.getvalue())
        click.echo(lines, err=True, nl=False)
        return error.exit_code
    except Exception as error:  # the last resort of a program, not of a library
        if settings.is_debug:
            raise
        from licodec.batch.jobs import explain

        return _fail(explain(error), 1)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"licodec: {printable(message)}", err=True)
    _drop_unwritten_output()
    return code


def _drop_unwritten_output() -> None:
    """Keep the interpreter from writing stdout's rest at its end, and failing again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
