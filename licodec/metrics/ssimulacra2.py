"""SSIMULACRA 2 of two pictures: 100 for equal ones, 90 hardly visible.

At each of six scales, in XYB colours whose lightness follows a cube root, three maps are made: the
structural error, artefacts (edges that the original does not have) and lost detail (edges that are
gone). The score is a function of a weighted sum of the maps' means and 4-norms.

Source: Jon Sneyers, github.com/cloudinary/ssimulacra2, version 2.1, as the Python package
`ssimulacra2` 0.3 computes it: a Gaussian of 11 taps, rows that end in zeros, mirrored columns.
Scores agree with the package within 0.001 points. The reference's recursive Gaussian, which takes
zeros beyond all borders, gives photographs of 768x512 px 0.2 to 0.6 points more from 50 upwards.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from licodec.metrics.blur import blur, gaussian
from licodec.metrics.light import halve, linear_light
from licodec.metrics.pairs import MIN_SIDE_PX, check_pair

NUM_SCALES = 6

OPSIN = torch.tensor(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.55180986650955360],
    ],
    dtype=torch.float32,
)
OPSIN_BIAS = 0.0037930732552754493
# Keeps the structural error finite in flat areas.
STRUCTURE_FLOOR = 0.0009
_KERNEL = gaussian(1.5, 5)

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


def ssimulacra2(reference: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """SSIMULACRA 2 of two sRGB pictures; takes some 230 bytes of memory per pixel.

    Args:
        reference: (H, W, 3) uint8 RGB.
        decoded: (H, W, 3) uint8 RGB.

    Returns:
        At most 100, which equal pictures get; below 0 for very bad ones. None for pictures with a
        side below MIN_SIDE_PX.

    Raises:
        ValueError: another shape or dtype, or two different shapes.
    """
    check_pair(reference, decoded)
    if min(reference.shape[:2]) < MIN_SIDE_PX:
        return None
    with torch.inference_mode():
        return _score(_scales(linear_light(reference), linear_light(decoded)))


def _scales(reference: torch.Tensor, decoded: torch.Tensor) -> list[NDArray[np.float64]]:
    """Norms of each scale that has sides of MIN_SIDE_PX, (3, 2, 3) float64 each."""
    norms = []
    for scale in range(NUM_SCALES):
        if scale:
            reference, decoded = halve(reference), halve(decoded)
        if min(reference.shape[1:]) < MIN_SIDE_PX:
            break
        norms.append(_norms(_positive_xyb(reference), _positive_xyb(decoded)))
    return norms


def _positive_xyb(linear: torch.Tensor) -> torch.Tensor:
    """Linear light, (3, H, W), as X, Y and B - Y with offsets that keep them positive."""
    mixed = (OPSIN @ linear.flatten(1)).add_(OPSIN_BIAS).pow_(1 / 3)
    mixed -= OPSIN_BIAS ** (1 / 3)
    long, middle, short = mixed.view_as(linear)
    y = 0.5 * (long + middle)
    return torch.stack([7 * (long - middle) + 0.42, y + 0.01, short - y + 0.55])


def _norms(reference: torch.Tensor, decoded: torch.Tensor) -> NDArray[np.float64]:
    """Mean and 4-norm of the three maps of one scale, (channel, norm, map) float64."""
    norms = np.empty((reference.shape[0], 2, 3))
    # One channel at a time: all of them would take three times the memory.
    # In float64, as the rounding of float32 in flat areas adds up to half a point.
    for channel, (p, q) in enumerate(zip(reference, decoded, strict=True)):
        for kind, error in enumerate(_error_maps(p.double(), q.double())):
            norms[channel, 0, kind] = error.mean()
            norms[channel, 1, kind] = error.square_().square_().mean() ** 0.25
    return norms


def _error_maps(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Structural error, artefacts and lost detail of one channel q against p, (H, W) each."""
    planes = torch.stack([p, q, p * p, q * q, p * q])
    # Rows end in zeros and columns are mirrored: that is how the package continues pictures.
    mean_p, mean_q, square_p, square_q, product = blur(
        planes, _KERNEL, rows="zero", columns="mirror"
    )
    top = (1 - (mean_p - mean_q).square_()) * (2 * (product - mean_p * mean_q) + STRUCTURE_FLOOR)
    bottom = (square_p - mean_p * mean_p) + (square_q - mean_q * mean_q) + STRUCTURE_FLOOR
    edges = (1 + (q - mean_q).abs_()) / (1 + (p - mean_p).abs_()) - 1
    return (1 - top / bottom).clamp_min_(0), edges.clamp_min(0), (-edges).clamp_min_(0)


def _score(scales: Sequence[NDArray[np.float64]]) -> float:
    # Pictures with fewer scales move on in the list of weights, as they do in the reference.
    norms = np.stack(scales, axis=1).ravel()  # (channel, scale, norm, map)
    total = sum(_WEIGHTS.get(place, 0.0) * norm for place, norm in enumerate(norms))
    x = float(distance_of_sum(torch.tensor(total, dtype=torch.float64)))
    return 100 - 10 * x**0.6276336467831387 if x > 0 else 100.0


def distance_of_sum(total: torch.Tensor) -> torch.Tensor:
    """The weighted sum of all norms to the distance that the score is a power of; any shape."""
    x = 0.9562382616834844 * total
    return 2.326765642916932 * x - 0.020884521182843837 * x**2 + 6.248496625763138e-05 * x**3


def scale_weights(scale: int) -> torch.Tensor:
    """(channel, norm, map) float32 weights of one of the NUM_SCALES scales of large pictures."""
    weights = torch.tensor([_WEIGHTS.get(place, 0.0) for place in range(18 * NUM_SCALES)])
    return weights.view(3, NUM_SCALES, 2, 3)[:, scale]
