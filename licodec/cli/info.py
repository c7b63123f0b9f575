"""`licodec info`: the front of a .lic file goes in, lines or JSON come out."""

import json
import os
import stat
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from licodec.cli.completers import complete_lic
from licodec.cli.lic import check_is_lic
from licodec.cli.names import printable
from licodec.cli.options import debug_option, max_pixels_option
from licodec.cli.plan import PIPE, check_stdin, shown
from licodec.cli.system import print_system
from licodec.errors import LicodecError

if TYPE_CHECKING:
    from licodec.inspect import Info

JSON_SCHEMA = 1


@click.command(
    epilog="""\b
Examples:
  licodec info photo.lic
  licodec info --json *.lic
  licodec info --system"""
)
@click.argument("files", nargs=-1, metavar="[FILE.lic]...", shell_complete=complete_lic)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object per file.")
@click.option(
    "--check", "is_checked", is_flag=True, help="Decode the symbols and verify the checksum."
)
@click.option(
    "--system", "is_system", is_flag=True, help="Show what codes here instead: library, CPU."
)
@max_pixels_option
@debug_option
@click.pass_context
def command(
    context: click.Context,
    files: tuple[str, ...],
    is_json: bool,
    is_checked: bool,
    is_system: bool,
    max_pixels: int,
) -> None:
    """Show what .lic files contain and whether they can be decoded here.

    FILE.lic is a file or - for stdin. Without --check only its front is read,
    and --max-pixels does not matter.
    """
    if is_system == bool(files):
        raise click.UsageError("give either files or --system")
    if is_system:
        print_system(is_json=is_json, schema=JSON_SCHEMA)
        return
    if PIPE in files:
        check_stdin()
    if len(files) == 1:
        _tell(files[0], is_json=is_json, is_checked=is_checked, max_pixels=max_pixels)
        return
    num_failed = 0
    for index, file in enumerate(files):
        if index and not is_json:
            click.echo()
        try:
            _tell(file, is_json=is_json, is_checked=is_checked, max_pixels=max_pixels)
        except LicodecError as error:
            num_failed += 1
            click.echo(f"licodec: {printable(str(error))}", err=True)
    context.exit(1 if num_failed else 0)


def _tell(file: str, *, is_json: bool, is_checked: bool, max_pixels: int) -> None:
    """Print what a file contains.

    Raises:
        LicodecError: it cannot be read, with its name.
    """
    name = shown(file)
    try:
        info = _read(file, is_checked=is_checked, max_pixels=max_pixels)
    except LicodecError as error:
        raise LicodecError(f"{name}: {error}") from error
    if is_json:
        line = {"schema": JSON_SCHEMA, "input": file} | asdict(info)
        line |= {"bpp": info.bpp, "sections": dict(info.sections)}
        line["is_checked"] = is_checked  # a failed check never comes to here
        click.echo(json.dumps(line))
        return
    rows = [("file", name), *_rows(info)]
    if is_checked:
        coded = "picture matches" if info.family is None else "symbols match"
        rows.append(("check", f"{coded} the checksum"))
    for label, value in rows:
        click.echo(f"{label:<11}  {value}")


def _read(file: str, *, is_checked: bool, max_pixels: int) -> "Info":
    from licodec.inspect import read_info, read_info_from

    try:
        if file == PIPE:
            data = sys.stdin.buffer.read()
        else:
            with open(file, "rb") as stream:
                status = os.fstat(stream.fileno())
                check_is_lic(stream.peek())
                if stat.S_ISREG(status.st_mode) and not is_checked:
                    return read_info_from(stream, status.st_size)
                data = stream.read()
    except OSError as error:
        raise LicodecError(f"cannot be read: {error.strerror or error}") from error
    info = read_info(data)
    if is_checked:
        from licodec.inspect import check_file

        check_file(data, max_pixels)
    return info


def _rows(info: "Info") -> list[tuple[str, str]]:
    colour = "grey" if info.is_grey else "RGB"
    rows = [
        ("picture", f"{info.width}x{info.height} {colour}{' + alpha' if info.has_alpha else ''}"),
        ("size", f"{info.num_bytes:,} B, {info.bpp:.3f} bpp"),
        *_coding_rows(info),
        ("frame", f"{info.frame_bytes:,} B"),
    ]
    rows += [(section, f"{num_bytes:,} B") for section, num_bytes in info.sections]
    payload = "pixels" if info.family is None else "symbols"
    rows.append((payload, f"{info.payload_bytes:,} B"))
    rows.append(("decodable", "yes" if info.is_decodable else "no"))
    rows += [("note", note) for note in info.notes]
    return rows


def _coding_rows(info: "Info") -> list[tuple[str, str]]:
    if info.coding == "lossless":
        return [("coding", "lossless: every pixel is as it was")]
    if info.coding == "graphics":
        return [("coding", f"graphics of few colours, asked for quality {info.quality:g}")]
    layers = [("coding", "photograph below a layer of text and drawings")]
    return [
        *(layers if info.coding == "layers" else []),
        ("profile", str(info.profile)),
        ("quality", f"{info.quality:g} (step {info.quality_index} of 0 to 255)"),
        ("quantizer", str(info.quantizer)),
        ("tune", info.tune or "not known"),
        ("family", f"{info.family} {info.family_fingerprint}"),
        ("synthesis", str(info.synthesis_fingerprint)),
    ]
