"""The options that say what a .lic file shall reach and how long its encoder may take."""

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from licodec.config import (
    CHOICES,
    DEFAULT_EFFORT,
    DEFAULT_QUALITY,
    DEFAULT_TUNE,
    MAX_EFFORT,
    TUNES,
    choice_of,
    family_of,
    quality_to_index,
    search_seconds,
)

if TYPE_CHECKING:
    from licodec.image.picture import Picture
    from licodec.search.target import Target

_F = TypeVar("_F", bound=Callable[..., Any])
TARGETS = ("bpp", "size", "psnr", "ssimulacra2")
_BYTES = {"": 1, "k": 1000, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_MOST = 1e15  # bytes or seconds
_MOST_BPP = 1000
_MOST_POINTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the options ask for."""

    quality: float = DEFAULT_QUALITY
    target: tuple[str, float] | None = None  # name in TARGETS, value; in place of the quality
    tune: str = DEFAULT_TUNE
    effort: int = DEFAULT_EFFORT
    quantizer: str | None = None
    time_budget: float | None = None  # seconds

    @property
    def quality_in_file(self) -> float | None:
        """What `licodec info` tells of the file; None if a target decides."""
        if self.target is not None:
            return None
        from licodec.profiles import quality_scale

        scale = quality_scale(family_of(self.tune))
        return scale.shown(scale.to_index(self.quality))

    @property
    def quantizer_in_file(self) -> str:
        """What `licodec info` tells of the file."""
        return CHOICES[choice_of(self.effort, self.quantizer)]

    def search_seconds(self, num_pixels: int) -> float:
        """Time that a picture's search may take, 0 without one."""
        if self.time_budget is not None:
            return self.time_budget
        return search_seconds(self.effort, num_pixels)

    def arguments(self, picture: "Picture") -> dict[str, Any]:
        """Keywords for `Codec.encode_picture`."""
        found: dict[str, Any] = {"quality": self.quality, "effort": self.effort}
        if self.quantizer is not None:
            found["quantizer"] = self.quantizer
        if self.time_budget is not None:
            found["time_budget"] = self.time_budget
        target = self._target_for(picture)
        if target is not None:
            found["target"] = target
        return found

    def notes(self, picture: "Picture", num_bytes: int, quality: float) -> tuple[str, ...]:
        """What is to be told of a file with this size and quality."""
        if self.target is None:
            return ()
        from licodec.search.target import notes_on_size

        return notes_on_size(self._target_for(picture), num_bytes, quality)

    def _target_for(self, picture: "Picture") -> "Target | None":
        if self.target is None:
            return None
        from licodec.search.target import target_of

        name, value = self.target
        return target_of(picture.width * picture.height, **{name: value})


def goal_options(command: _F) -> _F:
    """Adds -q, --bpp, --size, --psnr, --ssimulacra2, --tune, -e, --time-budget and --quantizer.

    The command gets what they ask for as `goal`.
    """

    @functools.wraps(command)
    def run(
        *arguments: Any,
        quality: float | None,
        bpp: float | None,
        size: float | None,
        psnr: float | None,
        ssimulacra2: float | None,
        tune: str,
        effort: int,
        time_budget: float | None,
        quantizer: str | None,
        **others: Any,
    ) -> Any:
        goal = goal_of(
            quality, (bpp, size, psnr, ssimulacra2), tune, effort, time_budget, quantizer
        )
        return command(*arguments, goal=goal, **others)

    for option in reversed(_OPTIONS):
        run = option(run)
    return cast("_F", run)


def goal_of(
    quality: float | None,
    targets: tuple[float | None, ...],
    tune: str,
    effort: int,
    time_budget: float | None,
    quantizer: str | None,
) -> Goal:
    """Put the options' values together; targets are in the order of TARGETS.

    Raises:
        click.UsageError: two of -q, --bpp, --size, --psnr and --ssimulacra2 are given.
    """
    wanted = zip(("--quality", *(f"--{t}" for t in TARGETS)), (quality, *targets), strict=True)
    given = [(name, value) for name, value in wanted if value is not None]
    if len(given) > 1:
        names = " and ".join(name for name, _ in given)
        raise click.UsageError(f"{names} exclude each other; give one of them")
    target = None
    if given and quality is None:
        target = (given[0][0].removeprefix("--"), given[0][1])
    return Goal(
        quality=DEFAULT_QUALITY if quality is None else quality,
        target=target,
        tune=tune,
        effort=effort,
        quantizer=quantizer,
        time_budget=time_budget,
    )


def check_quality(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    """A quality within its range, or none."""
    if value is not None:
        try:
            quality_to_index(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return value


def check_positive(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    """A number above 0, or none."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is not more than 0")
    return value


def check_score(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    """A SSIMULACRA 2 that can be asked for, or none."""
    if value is not None and not 0 < value <= _MOST_POINTS:  # NaN is in no interval
        raise click.BadParameter(f"{value:g} is not above 0 and at most {_MOST_POINTS}")
    return value


def check_bpp(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    """Bits per pixel that a file can have, or none."""
    if value is not None and not 0 < value < _MOST_BPP:  # NaN is in no interval
        raise click.BadParameter(f"{value:g} is not between 0 and {_MOST_BPP}")
    return value


def _number_with_unit(text: str, units: dict[str, int], suffix: str) -> float | None:
    """Value of a number like 1.5k; None if it is none, not more than 0, or beyond all reason."""
    found = re.fullmatch(rf"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*?){suffix}\s*", text.lower())
    if found is None or found[2] not in units:
        return None
    value = float(found[1]) * units[found[2]]
    return value if 0 < value < _MOST else None


def _read_size(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    size = _number_with_unit(value, _BYTES, "b?")
    if size is None:
        raise click.BadParameter(f"{value!r} is no size; write bytes, 100KB, 1.5MB or 64KiB")
    return size


def _read_time(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    seconds = _number_with_unit(value, _SECONDS, "")
    if seconds is None:
        raise click.BadParameter(f"{value!r} is no time; write 30s, 2m or 1h")
    return seconds


_OPTIONS = (
    click.option(
        "-q",
        "--quality",
        type=float,
        callback=check_quality,
        metavar="1..100",
        help="Picture quality, 1 (smallest file) to 100 (closest to the original, not lossless).  "
        f"[default: {DEFAULT_QUALITY:g}]",
    ),
    click.option(
        "--bpp",
        type=float,
        callback=check_bpp,
        metavar="BITS",
        help="Bits per pixel of the file in place of a quality, reached to 1 %.",
    ),
    click.option(
        "--size",
        callback=_read_size,
        metavar="SIZE",
        help="Most bytes of the file in place of a quality, such as 100KB; it has at most 1 % less "
        "if a quality reaches them.",
    ),
    click.option(
        "--psnr",
        type=float,
        callback=check_positive,
        metavar="DB",
        help="PSNR of the picture in place of a quality, reached to 0.05 dB.",
    ),
    click.option(
        "--ssimulacra2",
        type=float,
        callback=check_score,
        metavar="POINTS",
        help="SSIMULACRA 2 of the picture in place of a quality, reached to 0.5 points: 70 is high "
        "quality, 90 hardly to be told from the original.",
    ),
    click.option(
        "--tune",
        type=click.Choice(TUNES),
        default=DEFAULT_TUNE,
        show_default=True,
        help="What files are made for: how people see them, or the least squared error.",
    ),
    click.option(
        "-e",
        "--effort",
        type=click.IntRange(0, MAX_EFFORT),
        default=DEFAULT_EFFORT,
        metavar=f"0..{MAX_EFFORT}",
        show_default=True,
        help="Time for smaller files: from 5 on the latent is searched for this very picture, "
        "5 s per megapixel at 5, 500 s at 9.",
    ),
    click.option(
        "--time-budget",
        callback=_read_time,
        metavar="TIME",
        help="Time for that search for each picture, such as 30s or 2m, in place of the effort's; "
        "a bare number is seconds.",
    ),
    click.option(
        "--quantizer",
        type=click.Choice(list(CHOICES)),
        help="How symbols are chosen, in place of the effort's way.",
    ),
)
