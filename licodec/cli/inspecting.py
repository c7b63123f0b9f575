"""`licodec info`, `licodec profiles` and `licodec thumbnail`: files and networks as they are."""

import io
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from licodec.cli.options import COUNT, NAME, flag, max_pixels_option, with_options
from licodec.cli.streams import check_stdin
from licodec.config import DEFAULT_PROFILE, DEFAULT_TUNE, TUNE_FAMILIES
from licodec.errors import LicodecError, ModelError
from licodec.files import check_target, open_input, read_bytes, write_file
from licodec.names import PIPE, printable, shown

if TYPE_CHECKING:
    from licodec.inspect import Info

JSON_SCHEMA = 1

_PURPOSES = {
    "visual": "made for how people see pictures",
    "psnr": "made for the least squared error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoOptions:
    """What is shown of files, and how."""

    is_json: bool = flag("Print one JSON object per file.", "--json")
    is_checked: bool = flag("Decode the symbols and verify the checksum.", "--check")
    is_system: bool = flag("Show what codes here instead: library, CPU.", "--system")
    max_pixels: int = max_pixels_option()


@click.command(
    epilog="""\b
Examples:
  licodec info photo.lic
  licodec info --json *.lic
  licodec info --system"""
)
@click.argument("files", nargs=-1, metavar="[FILE.lic]...", type=NAME)
@with_options("options", InfoOptions)
@click.pass_context
def info(context: click.Context, files: tuple[str, ...], options: InfoOptions) -> None:
    """Show what .lic files contain and whether they can be decoded here.

    FILE.lic is a file or - for stdin. Without --check only its front is read,
    and --max-pixels does not matter.
    """
    if options.is_system == bool(files):
        raise click.UsageError("give either files or --system")
    if options.is_system:
        _tell_system(is_json=options.is_json)
        return
    if PIPE in files:
        check_stdin()
    num_told = 0
    for file in files:
        try:
            found = _read(file, options)
        except LicodecError as error:
            click.echo(f"licodec: {shown(file)}: {printable(str(error))}", err=True)
            if options.is_json:
                _print_json(file, None, str(error), options)
            continue
        if options.is_json:
            _print_json(file, found, None, options)
        else:
            _tell(file, found, options, is_first=num_told == 0)
        num_told += 1
    context.exit(0 if num_told == len(files) else 1)


def _print_json(file: str, found: "Info | None", error: str | None, options: InfoOptions) -> None:
    """A line for --json; keys are the same for success and failure."""
    from licodec.inspect import Info

    line = {"schema": JSON_SCHEMA, "input": file, "ok": error is None, "error": error}
    if found is None:
        names = (*Info.__dataclass_fields__, "bpp")
        line |= dict.fromkeys(names)
    else:
        line |= asdict(found) | {"bpp": found.bpp, "sections": dict(found.sections)}
    line["is_checked"] = options.is_checked and found is not None
    click.echo(json.dumps(line))


def _tell(file: str, found: "Info", options: InfoOptions, *, is_first: bool) -> None:
    """Print what a file contains, a blank line below the one before."""
    rows = [("file", shown(file)), *_rows(found)]
    if options.is_checked:
        coded = "picture matches" if found.family is None else "symbols match"
        rows.append(("check", f"{coded} the checksum"))
    if not is_first:
        click.echo()
    for label, value in rows:
        click.echo(f"{label:<11}  {value}")


def _read(file: str, options: InfoOptions) -> "Info":
    """Raises LicodecError if a file cannot be read, or is damaged."""
    from licodec.image.strangers import check_is_lic
    from licodec.inspect import check_file, read_info, read_info_from

    if file == PIPE:
        data = read_bytes(PIPE)
        check_is_lic(data)
    else:
        with open_input(file) as stream:
            status = os.fstat(stream.fileno())
            check_is_lic(stream.peek())
            if stat.S_ISREG(status.st_mode) and not options.is_checked:
                return read_info_from(stream, status.st_size)
            data = stream.read()
    found = read_info(data)
    if options.is_checked:
        check_file(data, options.max_pixels)
    return found


def _rows(found: "Info") -> list[tuple[str, str]]:
    colour = ("grey" if found.is_grey else "RGB") + (" + alpha" if found.has_alpha else "")
    return [
        ("picture", f"{found.width}x{found.height} {colour}"),
        ("size", f"{found.num_bytes:,} B, {found.bpp:.3f} bpp"),
        *_coding_rows(found),
        ("frame", f"{found.frame_bytes:,} B"),
        *((section, f"{num_bytes:,} B") for section, num_bytes in found.sections),
        ("pixels" if found.family is None else "symbols", f"{found.payload_bytes:,} B"),
        ("decodable", "yes" if found.is_decodable else "no"),
        *(("note", note) for note in found.notes),
    ]


def _coding_rows(found: "Info") -> list[tuple[str, str]]:
    if found.coding == "lossless":
        return [("coding", "lossless: every pixel is as it was")]
    if found.coding == "graphics":
        return [("coding", f"graphics in few colours, for quality {found.quality:g}")]
    layers = [("coding", "photograph below a layer of text and drawings")]
    return [
        *(layers if found.coding == "layers" else []),
        ("profile", str(found.profile)),
        ("quality", f"{found.quality:g} (step {found.quality_index} of 0 to 255)"),
        ("quantizer", str(found.quantizer)),
        ("tune", found.tune or "not known"),
        ("family", f"{found.family} {found.family_fingerprint}"),
        ("synthesis", str(found.synthesis_fingerprint)),
    ]


def _tell_system(*, is_json: bool) -> None:
    """Print the native library, its instruction set, all that could be used, and threads."""
    from licodec import native
    from licodec.native.binding import usable_sets
    from licodec.native.threads import num_threads

    library = native.find()
    sets = [] if library is None else usable_sets(library)
    if is_json:
        system = {
            "schema": JSON_SCHEMA,
            "native": None if library is None else str(library.path),
            "instruction_set": None if library is None else library.isa,
            "instruction_sets": sets,
            "threads": num_threads(),
        }
        click.echo(json.dumps(system))
        return
    if library is None:
        click.echo("native       none: symbols are coded with torch and constriction")
    else:
        click.echo(f"native       {library.path}")
        click.echo(f"instructions {library.isa} (of {', '.join(sets)})")
    click.echo(f"threads      {num_threads()}")


@click.command(epilog="Example: licodec profiles")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object per profile.")
def profiles(is_json: bool) -> None:
    """List the installed profiles with size, complexity and typical results.

    Each tune has profiles of its own; files of all are decoded alike.

    Complexity is thousands of multiply-accumulates per pixel to decode: that of
    the profile's own network, and that of the prior which all profiles share.
    Rates and PSNR are means over the validation pictures, from real files.
    """
    from licodec.profiles import list_profiles

    found = [(tune, p) for tune, family in TUNE_FAMILIES.items() for p in list_profiles(family)]
    if not found:
        raise ModelError("no profile is installed; reinstall licodec")
    if is_json:
        for tune, profile in found:
            plain = {
                key: value.hex() if isinstance(value, bytes) else value
                for key, value in asdict(profile).items()
                if not key.endswith("_path")
            }
            click.echo(json.dumps({"schema": JSON_SCHEMA, "tune": tune} | plain))
        return
    for tune in dict.fromkeys(tune for tune, _ in found):
        click.echo(f"tune {tune:<8}{_PURPOSES[tune]}{' (default)' if tune == DEFAULT_TUNE else ''}")
    click.echo(
        f"\n{'profile':<12}{'tune':<8}{'family':<10}{'weights':>9}  {'kMAC/px':<18}fingerprints"
    )
    for tune, profile in found:
        synthesis, prior = profile.kmac_per_px
        is_default = (profile.name, tune) == (DEFAULT_PROFILE, DEFAULT_TUNE)
        click.echo(
            f"{profile.name:<12}{tune:<8}{profile.family:<10}{profile.file_bytes / 1e6:>6.1f} MB  "
            f"{f'{synthesis:.1f} + {prior:.1f}':<18}"
            f"{profile.family_fingerprint.hex()} {profile.synthesis_fingerprint.hex()}"
            f"{' (default)' if is_default else ''}"
        )
    for tune, profile in found:
        click.echo(f"\n{profile.name}, tune {tune}\n{'quality':>9}{'bpp':>9}{'PSNR dB':>9}")
        for quality, bpp, psnr_db in profile.rd:
            click.echo(f"{quality:>9g}{bpp:>9.3f}{psnr_db:>9.2f}")


@click.command(
    epilog="""\b
Example:
  licodec thumbnail photo.lic photo.png --size 256"""
)
@click.argument("file", metavar="FILE.lic", type=NAME)
@click.argument("output", metavar="OUT", type=NAME)
@click.option(
    "-s",
    "--size",
    type=COUNT,
    default=256,
    metavar="N",
    help="Greatest width and height in pixels; smaller pictures keep their size.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def thumbnail(file: str, output: str, size: int, force: bool) -> None:
    """Write a small PNG of a .lic file, as file managers show it.

    OUT is a PNG file, whatever its name. An EXIF orientation is applied.
    """
    if PIPE in (file, output):
        raise click.UsageError("- is no file here; licodec decompress --max-size N takes pipes")
    target = Path(output)
    check_target(target, Path(file), force=force)
    try:
        png = _render(read_bytes(file), size)
    except LicodecError as error:
        raise LicodecError(f"{shown(file)}: {error}") from error
    write_file(target, png, replace=force)


def _render(data: bytes, size: int) -> bytes:
    import numpy as np
    from PIL import Image

    import licodec
    from licodec.image.exif import EXIF_PREFIX, find_orientation
    from licodec.image.picture import turn
    from licodec.image.strangers import check_is_lic
    from licodec.inspect import read_info
    from licodec.profiles import list_profiles

    check_is_lic(data)
    found = read_info(data)
    names = [] if found.family is None else [p.name for p in list_profiles(found.family)]
    # Where the file's own is missing, nobody sees another one in a small picture.
    profile = next((name for name in names if found.profile not in names), None)
    image = licodec.decode(data, profile=profile, max_size=size)
    orientation = find_orientation(image.info.get("exif", b"").removeprefix(EXIF_PREFIX))
    upright = Image.fromarray(turn(np.asarray(image), orientation))
    buffer = io.BytesIO()
    upright.save(buffer, "PNG", icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()
