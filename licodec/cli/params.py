"""Values of options as click types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from licodec.config import MAX_QUALITY, check_kinds, quality_to_index

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # is not generic in earlier versions of click

CODEC_NAMES = ("licodec", "jpeg", "webp", "jpeg2000", "avif", "jxl")
# As options are written; tests compare both with what licodec.evaluate knows.
METRIC_NAMES = ("ssimulacra2", "butteraugli", "psnr", "ms-ssim")

_BYTES = {"": 1, "k": 1000, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
# Beyond all reason.
_MOST_BYTES = 1e15
_MOST_SECONDS = 1e9
_MOST_BPP = 1000
_MOST_DB = 1000
_MOST_POINTS = 100  # of SSIMULACRA 2


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


def _up_to(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not 0 < value <= most:  # NaN is in no interval
            raise ValueError(f"{value:g} is not above 0 and at most {most:g}")
        return value

    return parse


def _quality(text: str) -> float:
    value = _up_to(MAX_QUALITY)(text)
    quality_to_index(value)  # complains
    return value


def _with_unit(text: str, units: Mapping[str, int], suffix: str, most: float) -> float | None:
    """Value of a number like 1.5k; None if it is none, not above 0, or not below `most`."""
    found = re.fullmatch(rf"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*?){suffix}\s*", text.lower())
    if found is None or found[2] not in units:
        return None
    value = float(found[1]) * units[found[2]]
    return value if 0 < value < most else None


def _size(text: str) -> float:
    size = _with_unit(text, _BYTES, "b?", _MOST_BYTES)
    if size is None:
        raise ValueError(f"{text!r} is no size; write bytes, 100KB, 1.5MB or 64KiB")
    return size


def _duration(text: str) -> float:
    seconds = _with_unit(text, _SECONDS, "", _MOST_SECONDS)
    if seconds is None:
        raise ValueError(f"{text!r} is not a duration; write 90s, 30m or 2h")
    return seconds


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
BPP = Parsed("BITS", _up_to(_MOST_BPP))
SIZE = Parsed("SIZE", _size)
PSNR = Parsed("DB", _up_to(_MOST_DB))
SCORE = Parsed("POINTS", _up_to(_MOST_POINTS))
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
