"""Finds the quality and the weight of the rate that meet a wanted size or closeness."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from licodec.config import MAX_QUALITY_INDEX, check_target
from licodec.errors import TargetError

# Range of the factor on the rate in the choice of symbols: the last fine adjustment, worth several
# steps of quality to either side.
MIN_RATE_SCALE, MAX_RATE_SCALE = 0.25, 2.5
# Most encodes over the quality and over the factor; two to eight in all are usual.
_MAX_COARSE = 10
_MAX_FINE = 7
# Factors are not searched closer than this: about 0.1 % of a size, 0.005 dB.
_SMALLEST_BRACKET = 0.01

TargetKind = Literal["size", "psnr", "ssimulacra2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How files are compared with targets of one kind; see `Target.excess` for the unit."""

    accepted: tuple[float, float]  # excess of files that meet the target
    per_index: float  # what the excess is first taken to rise by with the quality index
    per_rate_scale: float  # and with the factor on the rate
    # So far from the target a file may be, at an end of the scale, before that is out of reach.
    end_tolerance: float


_KINDS: Mapping[TargetKind, _Kind] = MappingProxyType(
    {
        "size": _Kind(
            accepted=(math.log(0.99), 0.0),
            per_index=0.017,
            per_rate_scale=-0.15,
            end_tolerance=0.08,
        ),
        "psnr": _Kind(
            accepted=(0.0, 0.05), per_index=0.07, per_rate_scale=-0.5, end_tolerance=0.08
        ),
        "ssimulacra2": _Kind(
            accepted=(0.0, 0.5), per_index=0.35, per_rate_scale=-3.0, end_tolerance=0.5
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a file shall reach: a size that it stays under, or a closeness that it comes up to.

    Attributes:
        wanted: bytes of the whole file, dB of PSNR, or points of SSIMULACRA 2.
        kind: which of them.
    """

    wanted: float
    kind: TargetKind

    @property
    def is_size(self) -> bool:
        """Whether it is an upper limit of the size, not a lower one of closeness."""
        return self.kind == "size"

    def excess(self, found: float) -> float:
        """How far a file is above the target: logarithm of the sizes' ratio, dB or points."""
        return math.log(found / self.wanted) if self.is_size else found - self.wanted

    @property
    def aim(self) -> float:
        """Excess in the middle of what is accepted."""
        return sum(_KINDS[self.kind].accepted) / 2

    def is_met(self, found: float) -> bool:
        """Whether a file is at most 1 % under a size, 0.05 dB or 0.5 points above a closeness."""
        low, high = _KINDS[self.kind].accepted
        return low <= self.excess(found) <= high

    def is_allowed(self, found: float) -> bool:
        """Whether a file is on the right side: not above a size, not below a closeness."""
        return self.excess(found) <= 0 if self.is_size else self.excess(found) >= 0


def target_of(
    num_pixels: int,
    *,
    bpp: float | None = None,
    size: float | None = None,
    psnr: float | None = None,
    ssimulacra2: float | None = None,
) -> Target | None:
    """The target that one of four arguments names; None if none does.

    Args:
        num_pixels: of the picture.
        bpp: bits of the whole file per pixel.
        size: bytes of the whole file.
        psnr: dB.
        ssimulacra2: points.

    Raises:
        ValueError: more than one is given, or one is not above 0 and at most that of `TARGETS`.
    """
    wanted = {"bpp": bpp, "size": size, "psnr": psnr, "ssimulacra2": ssimulacra2}
    given = {name: value for name, value in wanted.items() if value is not None}
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other; give one of them")
    for name, value in given.items():
        check_target(name, value)
    if bpp is not None:
        return Target(bpp * num_pixels / 8, "size")
    if size is not None:
        return Target(size, "size")
    if psnr is not None:
        return Target(psnr, "psnr")
    return None if ssimulacra2 is None else Target(ssimulacra2, "ssimulacra2")


@dataclass(frozen=True, slots=True)
class Setting:
    """What an encoder is asked to do."""

    quality_index: int
    rate_scale: float = 1.0


# Bytes, dB or points of the file of a setting.
Measure = Callable[[Setting], float]


def find_setting(target: Target, measure: Measure, start: int) -> Setting:
    """Search the setting that meets a target, with few encodes.

    Secant steps over the quality index within a bracket, then over the factor on the rate.

    Args:
        target: what is wanted.
        measure: codes the picture; what is found rises with the index, falls with the factor.
        start: first quality index to try, 0..255.

    Returns:
        A setting that meets the target; where none was found, since the factor has no effect or
        the file is of a few bytes, the nearest one on the right side.

    Raises:
        TargetError: no quality reaches the target; tells the nearest that can be reached. A size
            above that of the best quality is reached by it.
    """
    search = _Search(target, measure)
    search.fine_near(search.coarse(min(max(start, 0), MAX_QUALITY_INDEX)))
    return search.result(allows_less=True)


def adjust_setting(target: Target, measure: Measure, start: int) -> Setting:
    """Search the factor on the rate at a quality index and, where it does not do, at its
    neighbours. Arguments, result and errors as `find_setting`."""
    search = _Search(target, measure)
    search.fine_near(start)
    return search.result()


class _Search:
    """All that was measured."""

    def __init__(self, target: Target, measure: Measure) -> None:
        self._target = target
        self._measure = measure
        self._known: dict[Setting, float] = {}

    def _excess(self, setting: Setting) -> float:
        if setting not in self._known:
            self._known[setting] = self._measure(setting)
        return self._target.excess(self._known[setting])

    def _is_met(self) -> bool:
        return any(self._target.is_met(found) for found in self._known.values())

    def coarse(self, index: int) -> int:
        """The quality index whose file is nearest to the middle of the room."""
        aim, slope = self._target.aim, _KINDS[self._target.kind].per_index
        low, high = -1, MAX_QUALITY_INDEX + 1  # too little, too much excess
        points: list[tuple[int, float]] = []
        while len(points) < _MAX_COARSE:
            excess = self._excess(Setting(index))
            points.append((index, excess))
            low, high = (index, high) if excess < aim else (low, index)
            if self._is_met() or high - low <= 1:
                break
            if len(points) > 1:
                (a, at_a), (b, at_b) = points[-2:]
                slope = max((at_b - at_a) / (b - a), 0.2 * slope)
            index = min(max(index + round((aim - excess) / slope), low + 1), high - 1)
        return min(points, key=lambda point: abs(point[1] - aim))[0]

    def fine_near(self, index: int) -> None:
        """Tries factors on the rate at a quality index, then at its neighbours."""
        for near in (index, index + 1, index - 1):
            if 0 <= near <= MAX_QUALITY_INDEX and self._fine(near):
                break

    def _fine(self, index: int) -> bool:
        """Tries factors on the rate at one quality index; whether one meets the target.

        Small pictures jump from factor to factor, so that a bracket may close around a jump.
        """
        aim, slope = self._target.aim, _KINDS[self._target.kind].per_rate_scale
        low, high = MIN_RATE_SCALE, MAX_RATE_SCALE  # too much, too little excess beyond
        points: list[tuple[float, float]] = []
        scale = 1.0
        while len(points) < _MAX_FINE:
            excess = self._excess(Setting(index, scale))
            points.append((scale, excess))
            low, high = (scale, high) if excess > aim else (low, scale)
            if self._is_met() or high - low < _SMALLEST_BRACKET:
                break
            if len(points) > 1:
                (a, at_a), (b, at_b) = points[-2:]
                if at_a == at_b:  # the factor has no effect
                    break
                slope = min((at_b - at_a) / (b - a), 0.2 * slope)
            step = scale + (aim - excess) / slope
            inside = min(max(step, low), high)
            is_tried = any(inside == tried for tried, _ in points)
            scale = (low + high) / 2 if is_tried else inside
        return self._is_met()

    def result(self, *, allows_less: bool = False) -> Setting:
        """The best setting measured.

        Args:
            allows_less: the largest file will do where all are smaller than a size.

        Raises:
            TargetError: all are on the wrong side, or the target is beyond an end of the scale.
        """
        best = self._best()
        if best is None:  # what is proposed is measured here, so that a search for it finds it
            last = self._last_resort()
            self._excess(last)
            best = self._best()
            if best is None and allows_less and self._target.is_size and self._allowed():
                # A size is an upper limit; of files of one size the better is taken.
                return max(self._allowed(), key=lambda s: (self._excess(s), s.quality_index))
            if best is None:
                raise _unreachable(self._target, self._known[last])
        return best

    def _allowed(self) -> list[Setting]:
        return [s for s, found in self._known.items() if self._target.is_allowed(found)]

    def _best(self) -> Setting | None:
        """The nearest setting on the right side; None if there is none, or if it is far from the
        target and all are on that side, up to the end of the scale."""
        allowed = self._allowed()
        if not allowed:
            return None
        best = min(allowed, key=lambda setting: abs(self._excess(setting)))
        end = MAX_QUALITY_INDEX if self._target.is_size else 0
        is_end_known = any(setting.quality_index == end for setting in allowed)
        is_beyond = is_end_known and len(allowed) == len(self._known)
        tolerance = _KINDS[self._target.kind].end_tolerance
        return None if is_beyond and abs(self._excess(best)) >= tolerance else best

    def _last_resort(self) -> Setting:
        """The setting that goes furthest towards the target: the highest quality measured with the
        least factor on the rate, or the lowest with the greatest."""
        indices = [setting.quality_index for setting in self._known]
        # Files are smaller than they may be, or not close enough.
        if bool(self._allowed()) == self._target.is_size:
            return Setting(max(indices), MIN_RATE_SCALE)
        return Setting(min(indices), MAX_RATE_SCALE)


def notes_on_size(target: Target | None, num_bytes: int, quality: float) -> tuple[str, ...]:
    """A line if a file of the best quality is smaller than was allowed.

    Args:
        target: what was asked for.
        num_bytes: of the file.
        quality: of the file, 1 to 100.
    """
    if target is None or not target.is_size or quality < 100:
        return ()
    if target.is_met(num_bytes):
        return ()
    return (
        f"the best quality has {num_bytes:,} bytes, fewer than the {target.wanted:,.0f} allowed",
    )


def _unreachable(target: Target, nearest: float) -> TargetError:
    if target.is_size:
        return TargetError(
            f"no file of {target.wanted:,.0f} bytes can be made of this picture, the nearest has "
            f"{nearest:,.0f}; ask for --size {nearest:.0f}",
            nearest,
        )
    reachable = math.floor(nearest * 100) / 100
    if target.kind == "ssimulacra2":
        return TargetError(
            f"SSIMULACRA 2 of {target.wanted:g} cannot be reached with this picture, the nearest "
            f"is {nearest:.2f}; ask for "
            + (f"--ssimulacra2 {reachable:.2f}" if reachable > 0 else "a PSNR or a quality"),
            nearest,
        )
    return TargetError(
        f"{target.wanted:g} dB cannot be reached with this picture, the nearest is {nearest:.2f} "
        f"dB; ask for --psnr {reachable:.2f}",
        nearest,
    )
