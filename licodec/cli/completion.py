"""`licodec completion`: the name of a shell goes in, its completion script comes out."""

import click

from licodec.cli.options import debug_option


@click.command(
    epilog="""\b
Examples:
  eval "$(licodec completion bash)"
  licodec completion fish > ~/.config/fish/completions/licodec.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option
def command(shell: str) -> None:
    """Print the script with which a shell completes licodec's arguments.

    It completes commands, options, names of profiles, .lic files and pictures.
    For bash and zsh, put the eval line into ~/.bashrc or ~/.zshrc (there, after
    compinit), or let `licodec integrate` install the script.
    """
    from licodec.cli.shells import completion_script

    click.echo(completion_script(shell), nl=False)
