"""Settings as frozen values, and the ids that files carry; imports nothing heavy."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

DEFAULT_PROFILE = "balanced"
DEFAULT_TUNE = "visual"
DEFAULT_QUALITY = 75.0  # about what avifenc and JPEG give without asking, docs/decisions/quality.md
MIN_QUALITY = 1.0
MAX_QUALITY = 100.0
MAX_QUALITY_INDEX = 255  # one byte in the file

# A picture of more pixels is refused unless the caller raises the limit: decoding takes some 24
# bytes of memory per pixel (`licodec.memory`), so that 2^28 of them need 6.4 GB.
MAX_PIXELS = 2**28

# What a .lic file keeps beside the picture.
METADATA_KINDS = ("icc", "exif", "xmp")
# What a file can be asked to reach in place of a quality, and the most of it: bits per pixel,
# bytes, dB (all three beyond what files have), points (those of equal pictures).
TARGETS: Mapping[str, float] = MappingProxyType(
    {"bpp": 1000.0, "size": 1e15, "psnr": 1000.0, "ssimulacra2": 100.0}
)

# Ids that files carry: append, never reuse.
FAMILY_IDS: Mapping[str, int] = MappingProxyType({"psnr4": 1, "visual6": 2})
PROFILE_IDS: Mapping[str, int] = MappingProxyType({"fast": 1, "balanced": 2, "best": 3})
QUANTIZER_IDS: Mapping[str, int] = MappingProxyType({"rounding": 0, "tcq8": 1, "tcq128": 2})

# What files can be made for, and the latent family that then encodes. Decoders go by the family.
TUNE_FAMILIES: Mapping[str, str] = MappingProxyType({"visual": "visual6", "psnr": "psnr4"})
TUNES = tuple(TUNE_FAMILIES)

# How a picture is coded: as it looks, as a photograph, or as a drawing if that is not larger.
CONTENTS = ("auto", "photo", "graphics")
DEFAULT_CONTENT = "auto"

# How an encoder chooses symbols, and the quantizer that the file then names.
CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "rounding": "rounding",
        "dead-zone": "rounding",
        "rdoq": "rounding",
        "tcq8": "tcq8",
        "tcq128": "tcq128",
    }
)
DEFAULT_CHOICE = "tcq128"

# What an encoder's effort stands for, by level; more effort is slower and smaller.
EFFORT_CHOICES = ("rounding", "dead-zone", "rdoq", "tcq8", "tcq128")
# Above them the latent is searched for as many seconds per megapixel; symbols as at the last one.
SEARCH_SECONDS_PER_MPX: Mapping[int, float] = MappingProxyType(
    {5: 5.0, 6: 15.0, 7: 45.0, 8: 150.0, 9: 500.0}
)
MAX_EFFORT = max(SEARCH_SECONDS_PER_MPX)
DEFAULT_EFFORT = 4


def check_number(name: str, value: object) -> None:
    """Raises TypeError unless a setting is a number."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}, expected a number")


def check_whole(name: str, value: object) -> None:
    """Raises TypeError unless a setting is a whole number."""
    check_number(name, value)
    if not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}, expected a whole number")


def check_names(**settings: object) -> None:
    """Raises TypeError unless each setting is a name."""
    for key, value in settings.items():
        if not isinstance(value, str):
            raise TypeError(f"{key} is {value!r}, expected a name")


def check_target(name: str, value: float) -> None:
    """Raises ValueError unless a value for this one of TARGETS is above 0 and not too high."""
    check_number(name, value)
    if not value > 0:  # NaN is not
        raise ValueError(f"{name} is {value:g}, expected more than 0")
    if value > TARGETS[name]:
        raise ValueError(f"{name} is {value:g}, expected at most {TARGETS[name]:g}")


def check_effort(effort: int) -> None:
    """Raises ValueError if an effort is out of range, TypeError if it is no whole number."""
    check_whole("effort", effort)
    if not 0 <= effort <= MAX_EFFORT:
        raise ValueError(f"effort is {effort}, expected 0 to {MAX_EFFORT}")


def check_time_budget(seconds: float | None) -> None:
    """Raises ValueError unless a time is None, or 0 or more."""
    if seconds is None:
        return
    check_number("time_budget", seconds)
    if not seconds >= 0:  # NaN is not
        raise ValueError(f"time budget is {seconds:g} seconds, expected 0 or more")


def choice_of(effort: int, quantizer: str | None = None) -> str:
    """How symbols are chosen at an effort, unless a quantizer (key of CHOICES) is named.

    Raises:
        ValueError: effort out of range, or an unknown quantizer.
    """
    check_effort(effort)
    if quantizer is not None and quantizer not in tuple(CHOICES):
        raise ValueError(f"quantizer is {quantizer!r}, expected one of: {', '.join(CHOICES)}")
    return EFFORT_CHOICES[min(effort, len(EFFORT_CHOICES) - 1)] if quantizer is None else quantizer


def check_content(content: str) -> None:
    """Raises ValueError unless a content is one of CONTENTS."""
    if content not in CONTENTS:
        raise ValueError(f"content is {content!r}, expected one of: {', '.join(CONTENTS)}")


def family_of(tune: str) -> str:
    """Name of the latent family that encodes for a tune, one of TUNES.

    Raises:
        ValueError: unknown tune.
    """
    if tune not in TUNES:
        raise ValueError(f"tune is {tune!r}, expected one of: {', '.join(TUNES)}")
    return TUNE_FAMILIES[tune]


def tune_of(family: str | None) -> str | None:
    """The tune that a latent family encodes for; None for one that no longer encodes, or None."""
    return next((tune for tune, name in TUNE_FAMILIES.items() if name == family), None)


def search_seconds(effort: int, num_pixels: int) -> float:
    """Seconds that an effort gives to the search of a latent; 0 below 5."""
    return SEARCH_SECONDS_PER_MPX.get(effort, 0.0) * num_pixels / 1e6


def quality_to_index(quality: float) -> int:
    """Map the user's quality, 1 (smallest file) to 100, to the file's knob, 0 to 255.

    Raises:
        ValueError: quality is not a number within 1 .. 100.
    """
    check_number("quality", quality)
    if not math.isfinite(quality) or not MIN_QUALITY <= quality <= MAX_QUALITY:
        raise ValueError(f"quality is {quality:g}, expected 1 to 100")
    share = (quality - MIN_QUALITY) / (MAX_QUALITY - MIN_QUALITY)
    return round(share * MAX_QUALITY_INDEX)


def check_kinds(kinds: Iterable[str]) -> frozenset[str]:
    """Kinds of metadata as a set.

    Raises:
        TypeError: no list, tuple or set.
        ValueError: one that is not in `METADATA_KINDS`, or a text in place of a list.
    """
    known = ", ".join(METADATA_KINDS)
    if isinstance(kinds, str) or not isinstance(kinds, Iterable):
        fault = ValueError if isinstance(kinds, str) else TypeError
        raise fault(f"keep is {kinds!r}, expected any of {known} in a list")
    wanted = list(kinds)
    unknown = sorted(str(kind) for kind in wanted if kind not in METADATA_KINDS)
    if unknown:
        raise ValueError(f"metadata to keep has {', '.join(unknown)}, expected any of {known}")
    return frozenset(wanted)


def _nets(fine: int, middle: int, coarse: int, top: int) -> Mapping[str, int]:
    return MappingProxyType({"fine": fine, "middle": middle, "coarse": coarse, "top": top})


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionConfig:
    """Shape of a learned correction of the picture, before or after the wavelet."""

    width: int
    num_blocks: int
    patch_px: int = 8  # the stride of both
    fine_width: int = 0  # of a second part at stride 2
    fine_blocks: int = 0

    def contains(self, other: CorrectionConfig) -> bool:
        """Whether another shape can grow into this one, or is the same."""
        return self.patch_px == other.patch_px and all(
            getattr(self, name) >= getattr(other, name)
            for name in ("width", "num_blocks", "fine_width", "fine_blocks")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyConfig:
    """Shape of a latent family: analysis, steps and prior."""

    num_knots: int = 9  # qualities with parameters of their own; between them linear
    lambda_min: float = 0.0003  # weight of the squared error at quality 1
    lambda_max: float = 0.5  # the same at quality 100
    widths: Mapping[str, int] = field(default_factory=lambda: _nets(64, 64, 64, 64))
    depths: Mapping[str, int] = field(default_factory=lambda: _nets(2, 3, 3, 2))
    head_widths: Mapping[str, int] = field(default_factory=lambda: _nets(32, 48, 48, 48))
    has_magnitudes: bool = False  # known values are among the prior's inputs without signs, too
    carries_hidden: bool = False  # each head of a level hands its hidden state to the next
    max_weight: int = 127  # of the prior's integers; up to 64 every CPU is exact at full speed
    analysis_width: int = 96
    analysis_blocks: int = 3
    analysis_patch_px: int = 8
    analysis_fine_width: int = 32
    analysis_fine_blocks: int = 2

    def __post_init__(self) -> None:
        # Level 5 takes the top's trunk, levels 4 and 3 the coarse net's own, with the same weights.
        if self.widths["coarse"] != self.widths["top"]:
            raise ValueError("the widths of the coarse and the top net differ; they must be equal")
        if not 1 <= self.max_weight <= 127:
            raise ValueError(f"the prior's largest weight is {self.max_weight}, expected 1 to 127")

    @property
    def analysis(self) -> CorrectionConfig:
        """Shape of the correction before the wavelet."""
        return CorrectionConfig(
            width=self.analysis_width,
            num_blocks=self.analysis_blocks,
            patch_px=self.analysis_patch_px,
            fine_width=self.analysis_fine_width,
            fine_blocks=self.analysis_fine_blocks,
        )

    def with_analysis(self, shape: CorrectionConfig) -> FamilyConfig:
        """The same with another correction before the wavelet."""
        return replace(
            self, **{f"analysis_{k.removeprefix('num_')}": v for k, v in asdict(shape).items()}
        )

    def with_prior(self, name: str) -> FamilyConfig:
        """The same with another prior, a key of `PRIORS`."""
        return replace(self, **PRIORS[name])


# Shapes of a prior by name: 8 and 33 thousand products per pixel.
PRIORS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "small": MappingProxyType(
            {
                "widths": _nets(64, 64, 64, 64),
                "depths": _nets(2, 3, 3, 2),
                "head_widths": _nets(32, 48, 48, 48),
                "has_magnitudes": False,
                "carries_hidden": False,
                "max_weight": 127,
            }
        ),
        "large": MappingProxyType(
            {
                "widths": _nets(96, 128, 160, 160),
                "depths": _nets(2, 4, 5, 2),
                "head_widths": _nets(64, 96, 128, 96),
                "has_magnitudes": True,
                "carries_hidden": True,
                "max_weight": 64,
            }
        ),
    }
)

SYNTHESES: Mapping[str, CorrectionConfig] = MappingProxyType(
    {
        "fast": CorrectionConfig(width=24, num_blocks=0, fine_width=16, fine_blocks=4),
        "balanced": CorrectionConfig(width=128, num_blocks=2, fine_width=32, fine_blocks=2),
        "best": CorrectionConfig(width=128, num_blocks=2, fine_width=64, fine_blocks=8),
    }
)


def family_to_json(config: FamilyConfig) -> str:
    """Text that `family_from_json` reads back; stored in checkpoints and released weights."""
    plain = {f: getattr(config, f) for f in config.__dataclass_fields__}
    plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in plain.items()}
    return json.dumps(plain, sort_keys=True)


def family_from_json(text: str) -> FamilyConfig:
    """Inverse of `family_to_json`.

    Raises:
        ValueError: not JSON, an unknown key, or a value of the wrong kind.
    """
    plain = json.loads(text)
    unknown = set(plain) - set(FamilyConfig.__dataclass_fields__)
    if unknown:
        raise ValueError(
            f"unknown settings {', '.join(sorted(unknown))} in the family's description"
        )
    values: dict[str, Any] = {
        k: MappingProxyType(v) if isinstance(v, dict) else v for k, v in plain.items()
    }
    return FamilyConfig(**values)


def synthesis_to_json(config: CorrectionConfig) -> str:
    """Text that `synthesis_from_json` reads back."""
    return json.dumps(asdict(config), sort_keys=True)


def synthesis_from_json(text: str) -> CorrectionConfig:
    """Inverse of `synthesis_to_json`.

    Raises:
        ValueError: not JSON or not the two known settings.
    """
    plain = json.loads(text)
    known = set(CorrectionConfig.__dataclass_fields__)
    if not {"width", "num_blocks"} <= set(plain) <= known:
        raise ValueError(
            f"the synthesis' description has {', '.join(sorted(plain)) or 'nothing'}; expected "
            "width, num_blocks and perhaps patch_px, fine_width, fine_blocks"
        )
    return CorrectionConfig(**plain)
