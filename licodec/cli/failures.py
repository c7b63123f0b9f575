"""Turns an exception that ended a command into the one line that users read, and an exit code."""

import click

from licodec.batch.jobs import explain as explain_job


class Interrupted(click.Abort):
    """Ctrl-C, with a message that tells how far the run came."""


def explain(error: BaseException) -> tuple[str, int]:
    """Message and exit code."""
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    return explain_job(error), 1
