"""An exception goes in; the one line that users read comes out."""

import click

from licodec.errors import LicodecError


class Interrupted(click.Abort):
    """Ctrl-C, with a message that tells how far the run came."""


def explain(error: BaseException) -> tuple[str, int]:
    """Message and exit code of an exception that ended a command or a file of a batch."""
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if isinstance(error, LicodecError):
        return str(error), 1
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs or use a smaller picture", 1
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}", 1
    text = " ".join(str(error).split())
    return f"defect: {type(error).__name__}: {text}; run again with --debug and report it", 1
