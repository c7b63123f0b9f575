"""`licodec integrate` and `licodec completion`: desktop and shells get to know .lic files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click

from licodec.cli.options import refuse_together
from licodec.errors import LicodecError

SYSTEM_DATA = Path("/usr/local/share")  # stands first in XDG_DATA_DIRS
MARK = "Written by licodec integrate; changes here are lost."

_MIME_XML = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- {MARK} -->
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="image/x-licodec">
    <comment>licodec image</comment>
    <generic-icon name="image-x-generic"/>
    <magic priority="60">
      <match type="string" offset="0" value="\\x8cLIC"/>
    </magic>
    <glob pattern="*.lic"/>
  </mime-type>
</mime-info>
"""

# Backslashes are doubled, and % in Exec. The caller has made the output file already: --force.
_THUMBNAILER = """\
# {mark}
[Thumbnailer Entry]
TryExec={try_exec}
Exec={command} thumbnail --force --size %s -- %i %o
MimeType=image/x-licodec;
"""

# Place below the data folder.
_MIME_PLACE = "mime/packages/licodec.xml"
_THUMBNAILER_PLACE = "thumbnailers/licodec.thumbnailer"
_COMPLETION_PLACES = {
    "bash": "bash-completion/completions/licodec",
    "zsh": "zsh/site-functions/_licodec",
    "fish": "fish/vendor_completions.d/licodec.fish",
}


@click.command(
    epilog="""\b
Examples:
  licodec integrate --dry-run
  sudo licodec integrate --system
  licodec integrate --remove"""
)
@click.option("--user", is_flag=True, help="For you alone; this is the default.")
@click.option("--system", is_flag=True, help="For everyone, in /usr/local/share.")
@click.option("--remove", is_flag=True, help="Take away what an earlier call has written.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
def integrate(user: bool, system: bool, remove: bool, dry_run: bool) -> None:
    """Tell desktop and shells about .lic files.

    Writes the MIME type image/x-licodec, a thumbnailer and completion scripts
    for bash, zsh and fish into the folders where they look for such files
    ($XDG_DATA_HOME for one user), and prints each path. A file there that
    another program wrote is left alone.
    """
    refuse_together("user", "system")
    data = SYSTEM_DATA if system else _user_data()
    if remove:
        _remove(data, is_dry=dry_run)
    else:
        _write(data, is_dry=dry_run)
    _update_mime_database(data / "mime", is_dry=dry_run)
    if not (system or remove):
        fpath = (data / _COMPLETION_PLACES["zsh"]).parent
        click.echo(
            f"zsh: put  fpath+={shlex.quote(str(fpath))}  before compinit in ~/.zshrc", err=True
        )


@click.command(
    epilog="""\b
Examples:
  eval "$(licodec completion bash)"
  licodec completion fish > ~/.config/fish/completions/licodec.fish"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which a shell completes licodec's arguments.

    It completes commands, options, names of profiles and formats, and files.
    For bash and zsh, put the eval line into ~/.bashrc or ~/.zshrc (there, after
    compinit), or let `licodec integrate` install the script.
    """
    click.echo(completion_script(shell), nl=False)


def completion_script(shell: str) -> str:
    """click's script for bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    from licodec.cli.main import COMPLETE_VARIABLE, cli

    kind = get_completion_class(shell)
    assert kind is not None
    return kind(cli, {}, "licodec", COMPLETE_VARIABLE).source()


def places() -> tuple[str, ...]:
    """Where each file goes, below the data folder."""
    return _MIME_PLACE, _THUMBNAILER_PLACE, *_COMPLETION_PLACES.values()


def _user_data() -> Path:
    """$XDG_DATA_HOME if it is absolute, as its specification demands, or else the default."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".local" / "share"


def _contents() -> dict[str, str]:
    """Text of each file, by place below the data folder."""
    words = _find_program()
    texts = {
        _MIME_PLACE: _MIME_XML,
        _THUMBNAILER_PLACE: _THUMBNAILER.format(
            mark=MARK,
            try_exec=words[0].replace("\\", "\\\\"),
            command=shlex.join(words).replace("\\", "\\\\").replace("%", "%%"),
        ),
    }
    for shell, place in _COMPLETION_PLACES.items():
        first, rest = completion_script(shell).split("\n", 1)
        if first.startswith("#compdef"):  # zsh looks for it in the first line
            texts[place] = f"{first}\n# {MARK}\n{rest}"
        else:
            texts[place] = f"# {MARK}\n{first}\n{rest}"
    return texts


def _find_program() -> list[str]:
    """Words that start this licodec, whatever the caller's PATH is."""
    called = shutil.which(sys.argv[0])
    if called is not None and Path(called).name in ("licodec", "licodec.exe"):
        return [os.path.abspath(called)]
    return [sys.executable, "-m", "licodec"]


def _write(data: Path, *, is_dry: bool) -> None:
    from licodec.files import make_folder, write_file

    texts = {data / place: text for place, text in _contents().items()}
    foreign = [path for path in texts if os.path.lexists(path) and not _is_own(path)]
    if foreign:
        raise LicodecError(f"{foreign[0]} was not written by licodec; move it away and try again")
    for path, text in texts.items():
        if not is_dry:
            make_folder(path.parent)
            write_file(path, text.encode(), replace=True)
        click.echo(f"{'would write' if is_dry else 'wrote'} {click.format_filename(path)}")


def _remove(data: Path, *, is_dry: bool) -> None:
    for path in (data / place for place in places()):
        if not os.path.lexists(path):
            continue
        shown = click.format_filename(path)
        if not _is_own(path):
            click.echo(f"licodec: {shown}: left alone, was not written by licodec", err=True)
            continue
        if not is_dry:
            path.unlink()
        click.echo(f"{'would remove' if is_dry else 'removed'} {shown}")


def _is_own(path: Path) -> bool:
    """Whether an earlier call wrote the file; what cannot be read as text was not."""
    try:
        return path.is_file() and MARK in path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False


def _update_mime_database(mime: Path, *, is_dry: bool) -> None:
    """Let the desktop's index know; where its program is missing, there is no such desktop."""
    program = shutil.which("update-mime-database")
    if program is None or not (is_dry or mime.is_dir()):
        return
    if not is_dry:
        done = subprocess.run(  # noqa: S603 - a fixed program with our own folder
            [program, str(mime)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            text = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise LicodecError(f"update-mime-database {mime}: {text}")
    click.echo(f"{'would run' if is_dry else 'ran'} update-mime-database {mime}")
