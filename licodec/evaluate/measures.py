"""The measures of quality that benchmarks report: their names, limits, and the scales on which
curves are drawn and compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Metric = Literal["ssimulacra2", "ssimulacra2_cut", "butteraugli", "psnr", "ms_ssim"]
Levels = NDArray[np.float64]
_T = TypeVar("_T")

# MS-SSIM of exactly 1 would be infinite in dB; this bound is far above what lossy coding reaches.
MAX_MS_SSIM = 1 - 1e-10

# Likewise a distance of 0; the best lossy files come to some 0.1.
MIN_DISTANCE = 1e-4


def _unchanged(value: _T) -> _T:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One way to tell how near a picture is to its original."""

    label: str  # in headings
    digits: int  # after the point, in tables
    is_distance: bool = False  # whether lower is better
    lowest: float = 0.0  # values that a stored curve may have
    highest: float
    # The scale, on which higher is better: its name, how values come to it, and the shortest
    # interval on it that a mean is taken over, for below it says more about the interpolation.
    scale: str
    level: Callable[[Levels], Levels] = _unchanged
    value: Callable[[float], float] = _unchanged  # from the scale back
    min_span: float = 0.5

    @property
    def heading(self) -> str:
        """The label with its unit."""
        return f"{self.label} (dB)" if self.label == "PSNR" else self.label

    def text(self, value: float | None) -> str:
        """A value for a table, "-" if there is none."""
        return "-" if value is None else f"{value:.{self.digits}f}"


def _similarity_db(values: Levels) -> Levels:
    return np.asarray(-10 * np.log10(1 - np.minimum(values, MAX_MS_SSIM)), np.float64)


def _distance_db(values: Levels) -> Levels:
    """The logarithm makes equal ratios of distance weigh alike at all rates, as PSNR does with
    errors; on the distance itself the lowest rates would make up most of every mean."""
    return np.asarray(-20 * np.log10(np.maximum(values, MIN_DISTANCE)), np.float64)


# In the order of reports: what people see first.
MEASURES: Mapping[Metric, Measure] = MappingProxyType(
    {
        "ssimulacra2": Measure(
            label="SSIMULACRA 2",
            digits=2,
            lowest=-1e6,
            highest=100.0,
            scale="SSIMULACRA 2",
            min_span=1.0,
        ),
        "ssimulacra2_cut": Measure(
            label="SSIMULACRA 2 when cut",
            digits=2,
            lowest=-1e6,
            highest=100.0,
            scale="SSIMULACRA 2, mean over four cuts",
            min_span=1.0,
        ),
        "butteraugli": Measure(
            label="Butteraugli",
            digits=3,
            is_distance=True,
            highest=1e6,
            scale="Butteraugli, 3-norm (dB, -20 log10 x)",
            level=_distance_db,
            value=lambda level: float(10 ** (-level / 20)),
        ),
        "psnr": Measure(
            label="PSNR",
            digits=2,
            highest=1e3,
            scale="PSNR (dB)",
        ),
        "ms_ssim": Measure(
            label="MS-SSIM",
            digits=4,
            highest=1.0,
            scale="MS-SSIM (dB, -10 log10(1 - x))",
            level=_similarity_db,
            value=lambda level: float(1 - 10 ** (-level / 10)),
        ),
    }
)

# The two halves of a report: what people see, and what has long been reported.
VISUAL: tuple[Metric, ...] = ("ssimulacra2", "ssimulacra2_cut", "butteraugli")
CLASSIC: tuple[Metric, ...] = ("psnr", "ms_ssim")
