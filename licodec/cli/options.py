"""Options of commands as fields of classes, and the types of their values."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from licodec.config import MAX_PIXELS, TARGETS, check_kinds, quality_to_index
from licodec.errors import LicodecError

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # is not generic in earlier versions of click

_F = TypeVar("_F", bound=Callable[..., Any])

CODEC_NAMES = ("licodec", "jpeg", "webp", "jpeg2000", "avif", "jxl")
# As options are written; tests compare both with what licodec.evaluate knows.
METRIC_NAMES = ("ssimulacra2", "ssimulacra2-cut", "butteraugli", "psnr", "ms-ssim")

_BYTES = {"": 1, "k": 1000, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Parsed(_ParamType):
    """A type of options.

    Args:
        name: how the help shows a value.
        parse: text to value; ValueError is wrong usage with its message.
    """

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def _up_to(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = _number(text)
        if not 0 < value <= most:  # NaN is in no interval
            raise ValueError(f"{value:g} is not above 0 and at most {most:g}")
        return value

    return parse


def _quality(text: str) -> float:
    value = _number(text)
    quality_to_index(value)  # complains
    return value


def _with_unit(
    units: Mapping[str, int], suffix: str, most: float, problem: str
) -> Callable[[str], float]:
    """Reads a number like 1.5k, above 0 and at most `most`."""

    def parse(text: str) -> float:
        found = re.fullmatch(rf"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*?){suffix}\s*", text.lower())
        value = float(found[1]) * units.get(found[2], 0) if found is not None else 0.0
        if not 0 < value <= most:
            raise ValueError(f"{text!r} is {problem}")
        return value

    return parse


_seconds = _with_unit(_SECONDS, "", 1e9, "not a duration; write 90s, 30m, 2h or 2h10m")


def _duration(text: str) -> float:
    """Seconds of one number, whose unit may be missing, or of several with units."""
    parts = re.split(r"(?<=[smh])\s*(?=[\d.])", text.lower())
    are_whole = len(parts) == 1 or parts[-1].strip()[-1:].isalpha()
    return sum(map(_seconds, parts if are_whole else [text]))


def _region(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(p.isascii() and p.isdigit() for p in parts):
        raise ValueError(f"{text} is not X,Y,W,H: left, top, width and height as whole numbers")
    found = tuple(map(int, parts))
    if 0 in found[2:]:
        raise ValueError(f"{text} is empty; width and height are at least 1")
    return found


def _names_among(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        for name in names:
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return names

    return parse


def _metrics(text: str) -> tuple[str, ...]:
    """Keys of licodec.evaluate.measures.MEASURES."""
    return tuple(name.replace("-", "_") for name in _names_among(METRIC_NAMES)(text))


def _qualities(text: str) -> tuple[float, ...]:
    try:
        return tuple(_quality(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text!r} is no list of numbers from 1 to 100") from error


def _kinds(text: str) -> frozenset[str]:
    names = [name.strip() for name in text.lower().split(",")]
    if "" in names:
        raise ValueError("an empty name; use --strip for none")
    return check_kinds(names)


QUALITY = Parsed("1..100", _quality)
SCORE = Parsed("POINTS", _up_to(TARGETS["ssimulacra2"]))
BPP = Parsed("BITS", _up_to(TARGETS["bpp"]))
PSNR = Parsed("DB", _up_to(TARGETS["psnr"]))
SIZE = Parsed(
    "SIZE",
    _with_unit(_BYTES, "b?", TARGETS["size"], "no size; write bytes, 100KB, 1.5MB or 64KiB"),
)
DURATION = Parsed("TIME", _duration)
REGION = Parsed("X,Y,W,H", _region)
CODECS = Parsed("NAME,...", _names_among(CODEC_NAMES))
METRICS = Parsed("NAME,...", _metrics)
QUALITIES = Parsed("Q,Q,...", _qualities)
KINDS = Parsed("LIST", _kinds)
COUNT = click.IntRange(min=1)
NAME = click.Path(readable=False)  # of anything: shells complete it, nothing is checked
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass
class Settings:
    """What options set for the whole run; `main` reads it after a command has failed."""

    is_debug: bool = False


def option(help_text: str, *flags: str, **settings: Any) -> Any:
    """A field of a class that `with_options` reads.

    Args:
        help_text: of the option.
        flags: its names besides --name-of-the-field; another long one stands in place of that.
        settings: others of click.option.
    """
    return field(metadata={"flags": flags, "settings": {"help": help_text, **settings}})


def flag(help_text: str, *flags: str) -> Any:
    """`option` that is given or not."""
    return option(help_text, *flags, is_flag=True)


def with_options(argument: str, made: type[Any]) -> Callable[[_F], _F]:
    """Add the options of a dataclass to a command, in the order of its fields.

    Args:
        argument: of the command, which gets an instance of the class there.
        made: the class; its fields come from `option` and `flag`.
    """

    def add(command: _F) -> _F:
        @functools.wraps(command)
        def run(*arguments: Any, **others: Any) -> Any:
            values = {item.name: others.pop(item.name) for item in fields(made)}
            return command(*arguments, **{argument: made(**values)}, **others)

        for item in reversed(fields(made)):
            names = list(item.metadata["flags"])
            if not any(name.startswith("--") for name in names):
                names.append(f"--{item.name.replace('_', '-')}")
            run = click.option(*names, item.name, **item.metadata["settings"])(run)
        return cast("_F", run)

    return add


def given(*names: str) -> list[str]:
    """Those of these fields whose options the user gave, as --name."""
    source = click.get_current_context().get_parameter_source
    found = [name for name in names if source(name) is ParameterSource.COMMANDLINE]
    return [f"--{name.replace('_', '-')}" for name in found]


def refuse_together(*names: str) -> None:
    """Raises click.UsageError if the user gave more than one of these options."""
    found = given(*names)
    if len(found) > 1:
        raise click.UsageError(f"{' and '.join(found)} exclude each other; give one of them")


def max_pixels_option() -> Any:
    """--max-pixels of a command that reads pictures."""
    return option("Refuse larger pictures.", type=COUNT, default=MAX_PIXELS, metavar="N")


def device_option(help_text: str = "Where the networks run.") -> Any:
    """--device of a command that runs networks."""
    return option(help_text, type=click.Choice(["auto", "cpu", "cuda"]), default="auto")


def threads_option(help_text: str) -> Any:
    """--threads of a command that runs networks for long."""
    return option(help_text, type=COUNT)


def set_threads(threads: int | None) -> int:
    """Set torch's number of threads unless None, and return it."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def profile_option(help_text: str, **settings: Any) -> Any:
    """-p of a command that codes with installed networks."""
    return option(
        help_text,
        "-p",
        "--profile",
        metavar="PROFILE",
        shell_complete=_complete_profile,
        **settings,
    )


def _complete_profile(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of the installed profiles."""
    from licodec.profiles import list_profiles

    try:
        names = [profile.name for profile in list_profiles()]
    except LicodecError:  # nowhere to say it: the user is in the middle of a line
        names = []
    return [name for name in names if name.startswith(incomplete)]
