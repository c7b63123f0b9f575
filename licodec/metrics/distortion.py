"""What training and search minimise beside the rate: squared error, or what people see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor

from licodec.metrics.butteraugli import butteraugli_distance
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.metrics.phases import MOST_DRAWN_PX, PHASES, Phase, cut, draw_phases
from licodec.metrics.visual import visual_distance
from licodec.metrics.visual_slope import SQUARED_ERROR_SHARE, SQUARED_LEVELS_PER_UNIT


class Distortion(Protocol):
    """What decoded pictures lack, in squared grey levels."""

    def __call__(
        self, reference: Tensor, decoded: Tensor, *, phases: Sequence[Phase] = PHASES
    ) -> Tensor:
        """Compare pictures.

        Args:
            reference: originals (N, 3, H, W) in sRGB grey levels.
            decoded: likewise.
            phases: cuts, each at most `phases.MOST_DRAWN_PX`; the mean over them counts, where a
                cut matters.

        Returns:
            (N,).
        """


# The same, at cuts that it draws.
TrainedDistortion = Callable[[Tensor, Tensor], Tensor]

# In place of `SQUARED_ERROR_SHARE` in training, where Butteraugli sees those.
TRAINED_SQUARED_ERROR_SHARE = 0.2
# Of every second crop in training, the share that Butteraugli has of what is seen, and the unit and
# power by which its 3-norm is about the visual distance of coded photographs at all qualities.
BUTTERAUGLI_SHARE = 0.6
_BUTTERAUGLI_UNIT, _BUTTERAUGLI_POWER = 3.24, 1.63


def squared_error(
    reference: Tensor, decoded: Tensor, *, phases: Sequence[Phase] = PHASES
) -> Tensor:
    """Mean squared error over pixels and colours (N,), without any cut."""
    del phases
    return (decoded - reference).square().flatten(1).mean(1)


def visual_distortion(
    reference: Tensor, decoded: Tensor, *, phases: Sequence[Phase] = PHASES
) -> Tensor:
    """Visual distance with a share of squared error (N,); squared error alone of tiny pictures."""
    if _is_tiny(reference, max(map(max, phases))):
        return squared_error(reference, decoded)
    seen = visual_distance(reference, decoded, phases)
    return _with_squared_error(seen, reference, decoded, SQUARED_ERROR_SHARE)


def drawn_visual_distortion(reference: Tensor, decoded: Tensor) -> Tensor:
    """As `visual_distortion`, at two cuts that are drawn."""
    return visual_distortion(reference, decoded, phases=draw_phases())


def trained_visual_distortion(reference: Tensor, decoded: Tensor) -> Tensor:
    """As `drawn_visual_distortion`, with less squared error, and Butteraugli in half of the crops.

    Two measures of what is seen are harder to game than one; Butteraugli, of the first half, takes
    twice as long as the distance of all.
    """
    if _is_tiny(reference, MOST_DRAWN_PX):
        return squared_error(reference, decoded)
    phases = draw_phases()
    seen = visual_distance(reference, decoded, phases)
    num = len(reference) // 2
    if num:
        some, shown = (cut(x[:num].float(), phases[0]) for x in (reference, decoded))
        with torch.autocast(decoded.device.type, enabled=False):
            norms = butteraugli_distance(some, shown)
        other = _BUTTERAUGLI_UNIT * norms.pow(_BUTTERAUGLI_POWER)
        mixed = (1 - BUTTERAUGLI_SHARE) * seen[:num] + BUTTERAUGLI_SHARE * other
        seen = torch.cat([mixed, seen[num:]])
    return _with_squared_error(seen, reference, decoded, TRAINED_SQUARED_ERROR_SHARE)


def _is_tiny(pictures: Tensor, most_cut_px: int) -> bool:
    return min(pictures.shape[2:]) < MIN_SIDE_PX + most_cut_px


def _with_squared_error(seen: Tensor, reference: Tensor, decoded: Tensor, share: float) -> Tensor:
    error = squared_error(reference, decoded)
    return (1 - share) * SQUARED_LEVELS_PER_UNIT * seen + share * error


# Weight of the distortion at quality 100 of a family that is trained anew: for the eye the range
# goes on to where nothing is seen any more.
LAMBDA_MAX: Mapping[str, float] = MappingProxyType({"visual": 2.0, "psnr": 0.5})

# By what a family is tuned to.
DISTORTIONS: Mapping[str, Distortion] = MappingProxyType(
    {"visual": visual_distortion, "psnr": squared_error}
)

# What joint training minimises in place of them, and training on files that do not change.
TRAINED_DISTORTIONS: Mapping[str, TrainedDistortion] = MappingProxyType(
    {"visual": trained_visual_distortion, "psnr": squared_error}
)
FINETUNED_DISTORTIONS: Mapping[str, TrainedDistortion] = MappingProxyType(
    {"visual": drawn_visual_distortion, "psnr": squared_error}
)


def stage_name(stage: str, tune: str) -> str:
    """Name of a stage in log and checkpoint; runs of another name begin a new schedule."""
    return stage if tune == "psnr" else f"{stage}, {tune}"
