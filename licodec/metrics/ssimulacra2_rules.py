"""What SSIMULACRA 2 and the visual distance are made with: colours, blur and weights of norms.

Numbers and rules on numpy alone, so that an encoder needs no torch for them.

Source: Jon Sneyers, github.com/cloudinary/ssimulacra2, version 2.1.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from licodec.metrics.curves import gaussian
from licodec.metrics.pairs import MIN_SIDE_PX
from licodec.native.visual import Rules

if TYPE_CHECKING:
    from torch import Tensor

NUM_SCALES = 6

OPSIN = np.array(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.55180986650955360],
    ],
    np.float32,
)
OPSIN_BIAS = 0.0037930732552754493
# Keeps the structural error finite in flat areas.
STRUCTURE_FLOOR = 0.0009
KERNEL = gaussian(1.5, 5)  # of the blur; (11,) float64
# Of the visual distance: keeps the slopes of its 4-norms finite.
LEAST_NORM = 1e-20
# Of the visual distance: what its lightness is counted from.
MIDDLE_LIGHTNESS = 0.4

# Weights that are not zero, as they stand in the reference: place in the list of channel X, Y, B;
# scale; mean, 4-norm; structural error, artefacts, lost detail (the last varies fastest).
_WEIGHTS = {
    1: 0.0007376606707406586, 4: 0.0007793481682867309, 7: 0.0004371155730107379,
    9: 1.1041726426657346, 10: 0.00066284834129271, 11: 0.00015231632783718752,
    13: 0.0016406437456599754, 15: 1.8422455520539298, 16: 11.441172603757666,
    18: 0.0007989109436015163, 19: 0.000176816438078653, 21: 1.8787594979546387,
    22: 10.94906990605142, 24: 0.0007289346991508072, 25: 0.9677937080626833,
    27: 0.00014003424285435884, 28: 0.9981766977854967, 29: 0.00031949755934435053,
    30: 0.0004550992113792063, 33: 0.0013648766163243398, 39: 7.466890328078848,
    41: 17.445833984131262, 42: 0.0006235601634041466, 45: 6.683678146179332,
    46: 0.00037724407979611296, 47: 1.027889937768264, 48: 225.20515300849274,
    51: 19.213238186143016, 52: 0.0011401524586618361, 53: 0.001237755635509985,
    54: 176.39317598450694, 57: 24.43300999870476, 58: 0.28520802612117757,
    59: 0.0004485436923833408, 63: 34.77906344483772, 64: 44.835625328877896,
    73: 0.0008680556573291698, 79: 0.0005313191874358747, 81: 0.00016533814161379112,
    87: 0.0004179171803251336, 88: 0.0017290828234722833, 90: 0.0020827005846636437,
    93: 8.826982764996862, 94: 23.19243343998926, 96: 95.1080498811086, 97: 0.9863978034400682,
    98: 0.9834382792465353, 99: 0.0012286405048278493, 100: 171.2667255897307,
    101: 0.9807858872435379, 105: 0.0005130064588990679, 107: 0.00010854057858411537,
}  # fmt: skip

_FIRST, _SECOND, _THIRD = 2.326765642916932, -0.020884521182843837, 6.248496625763138e-05
_SUM_SCALE = 0.9562382616834844

Sums = TypeVar("Sums", float, "Tensor")


def distance_of_sum(total: Sums) -> Sums:
    """The weighted sum of all norms to the distance that the score is a power of."""
    x = _SUM_SCALE * total
    return _FIRST * x + _SECOND * x**2 + _THIRD * x**3


def slope_of_sum(total: float) -> float:
    """Derivative of `distance_of_sum`."""
    x = _SUM_SCALE * total
    return _SUM_SCALE * (_FIRST + 2 * _SECOND * x + 3 * _THIRD * x * x)


def weight_at(place: int) -> float:
    """Weight at a place of the reference's list."""
    return _WEIGHTS.get(place, 0.0)


def scale_weights(scale: int) -> np.ndarray:
    """(channel, norm, map) float32 weights of one of the NUM_SCALES scales of large pictures."""
    weights = np.array([weight_at(place) for place in range(18 * NUM_SCALES)], np.float32)
    return weights.reshape(3, NUM_SCALES, 2, 3)[:, scale]


def num_scales(height: int, width: int) -> int:
    """Scales of a picture whose sides are MIN_SIDE_PX or more."""
    return sum(min(height, width) >> scale >= MIN_SIDE_PX for scale in range(NUM_SCALES))


@cache
def native_rules() -> Rules:
    """What the native library is told of the visual distance, and its form on numpy."""
    return Rules(
        opsin=OPSIN,
        kernel=KERNEL.astype(np.float32),
        weights=np.stack([scale_weights(scale) for scale in range(NUM_SCALES)]),
        opsin_bias=OPSIN_BIAS,
        middle=MIDDLE_LIGHTNESS,
        structure_floor=STRUCTURE_FLOOR,
        least_norm=LEAST_NORM,
    )
