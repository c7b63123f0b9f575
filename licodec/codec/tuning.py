"""A coded picture in, its synthesis' last layer fitted to that very picture out.

    decoded planes --correction--> features of the last layer --+
                                                                 +--> least squares --> few integers
    original pixels --------- what is still missing -------------+

The last layer is linear, so that the best change of its weights is a matter of a linear system. A
synthesis has directions in which those weights differ from picture to picture; a file holds how far
to go in each. Decoding takes as long as without.

Source of the idea: content-adaptive filters that a stream tells, such as the adaptive loop filter
of VVC (Karczewicz et al. 2021).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from licodec.codec.encode import Encoded
from licodec.codec.model import Family
from licodec.codec.pixels import STRIP_PX, Corrector, padded_rows
from licodec.codec.torch_synthesis import quality_tensors
from licodec.codec.weights import rd_lambda
from licodec.entropy.tuning import NO_TUNING
from licodec.prior.layout import NUM_PLANES
from licodec.prior.planes import Planes
from licodec.prior.strips import row_strips
from licodec.quantize.costs import magnitude_bits
from licodec.transform.correction import Correction
from licodec.transform.grid import FRACTION_BITS, PATCH_PX
from licodec.transform.patches import to_patches
from licodec.transform.quality import interpolate

# More of a picture than this is not looked at, but bands of it.
_MOST_PX = 1 << 22
_NUM_BANDS = 8
# Rounds over all numbers while whole ones are chosen.
_NUM_ROUNDS = 3
_LARGEST = 1000


@dataclass(frozen=True)
class Moments:
    """Second moments of a picture's features and of what its pixels lack.

    Attributes:
        features: (w + 1, w + 1) float64, sums of their products; the last feature is 1.
        missing: (n, w + 1) float64, of outputs times features.
        error: sum of the squares of what is missing, over all outputs.
        share: of the picture that was looked at, above 0.
    """

    features: np.ndarray
    missing: np.ndarray
    error: float
    share: float


class _Recorder:
    """A last layer that keeps what it was given."""

    def __init__(self, layer: torch.nn.Module) -> None:
        self._layer = layer
        self.taken: Tensor | None = None

    def __call__(self, hidden: Tensor) -> Tensor:
        self.taken = hidden
        out: Tensor = self._layer(hidden)
        return out


@torch.inference_mode()
def moments(
    pixels: np.ndarray,
    planes: Planes,
    correction: Correction,
    family: Family,
    quality_index: int,
    device: str,
) -> Moments | None:
    """Measure how features of the last layer and missing pixels go together.

    Args:
        pixels: (H, W) or (H, W, 3) uint8, the original.
        planes: that a decoder has of it before its correction.
        correction: of the synthesis.
        family: that coded it.
        quality_index: 0..255.
        device: of the correction.

    Returns:
        None where the picture is smaller than a patch of the last layer.
    """
    last = correction.last
    patch = last.patch_px
    num_outputs = last.out.weight.shape[0] // (NUM_PLANES if pixels.ndim == 2 else 1)
    height, width = (n // patch * patch for n in pixels.shape[:2])
    if not height or not width:
        return None
    size = last.out.weight.shape[1] + 1
    features, missing = np.zeros((size, size)), np.zeros((num_outputs, size))
    weights, step_px = quality_tensors(family.config, quality_index)
    gain = float(step_px * torch.exp(interpolate(weights, last.log_gain.cpu())))
    error = 0.0
    num_rows = 0
    for top, bottom in _bands(height, planes.shape[2]):
        num_rows += max(0, bottom - top)
        recorder = _Recorder(last.out)
        corrector = Corrector(correction, weights, step_px, device, recorder)
        for row, corrected in _corrected(planes, corrector, top, bottom):
            inside = slice(max(top, row) - row, min(bottom, row + corrected.shape[1]) - row)
            if inside.start >= inside.stop or recorder.taken is None:
                continue
            seen = slice(inside.start // patch, inside.stop // patch)
            x = recorder.taken[0, :, seen, : width // patch].float().flatten(1)
            x = torch.cat([x, torch.ones_like(x[:1])]).mul_(gain).cpu()
            wanted = padded_rows(pixels, row + inside.start, row + inside.stop)[:, :, :width]
            lack = to_patches((wanted - corrected[:, inside, :width])[None], patch)[0]
            features += (x @ x.t()).double().numpy()
            lack = lack.flatten(1)[:num_outputs]
            missing += (lack @ x.t()).double().numpy()
            error += float(lack.square().sum())
    return Moments(features, missing, error, num_rows / height)


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First rows, and those after the last, of what is looked at: all, or bands of a large one."""
    if height * width <= _MOST_PX:
        yield 0, height
        return
    rows = max(PATCH_PX, _MOST_PX // (_NUM_BANDS * width) // PATCH_PX * PATCH_PX)
    for number in range(_NUM_BANDS):
        top = (height - rows) * number // (_NUM_BANDS - 1) // PATCH_PX * PATCH_PX
        yield top, top + rows


def _corrected(
    planes: Planes, corrector: Corrector, top: int, bottom: int
) -> Iterator[tuple[int, Tensor]]:
    """Corrected rows (3, n, W') around a band, each with its first row."""
    halo = corrector.halo_patches
    upper = max(top // PATCH_PX - halo, 0)
    lower = min(-(-bottom // PATCH_PX) + halo, planes.shape[1] // PATCH_PX)
    push, row = corrector.start(), upper * PATCH_PX
    width = planes.shape[2]
    for begin, end in row_strips(lower - upper, width, positions=STRIP_PX // PATCH_PX):
        window = (upper + begin) * PATCH_PX, (upper + end) * PATCH_PX, 0, width
        levels = torch.from_numpy(planes.window(*window)).float().mul_(2.0**-FRACTION_BITS)
        corrected = push(levels, is_last=end == lower - upper)
        yield row, corrected
        row += corrected.shape[1]


def tune(
    encoded: Encoded,
    pixels: np.ndarray,
    family: Family,
    correction: Correction,
    quality_index: int,
    device: str,
) -> Encoded:
    """The same file with the last layer fitted to the picture, where that saves more than it costs.

    Args:
        encoded: with its planes, not tuned yet.
        pixels: (H, W) or (H, W, 3) uint8, the original.
        family: that coded it.
        correction: of the file's synthesis.
        quality_index: 0..255.
        device: of the correction.
    """
    if correction.directions is None or encoded.synthesis is None:
        return encoded
    started = time.perf_counter()
    found = moments(pixels, encoded.synthesis, correction, family, quality_index, device)
    if found is None:
        return encoded
    # Bits that a unit of squared error is worth.
    unit = rd_lambda(family, quality_index) / NUM_PLANES / found.share
    directions = correction.directions[:, : len(found.missing)].double().numpy()
    moved = directions @ found.features  # (K, n, w + 1)
    slopes = unit * np.einsum("kno,no->k", directions, found.missing)
    curvatures = unit * np.einsum("kno,jno->kj", moved, directions)
    numbers = _whole_numbers(slopes, curvatures, magnitude_bits(family.tables)[-1])
    timings_s = encoded.timings_s | {"tuning": time.perf_counter() - started}
    return replace(encoded, tuning=numbers, timings_s=timings_s)


def _whole_numbers(slopes: np.ndarray, curvatures: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """(K,) int16 a that make a'Ca - 2 s'a + bits(a) small; (0,) where nothing gains.

    Args:
        slopes: s, (K,) float64.
        curvatures: C, (K, K) float64.
        bits: of each magnitude, (m,) float.
    """
    ridge = 1e-6 * np.trace(curvatures) / len(slopes) + 1e-12
    best = np.linalg.solve(curvatures + ridge * np.eye(len(slopes)), slopes)
    numbers = best.round().clip(-_LARGEST, _LARGEST).astype(np.int64)
    for _ in range(_NUM_ROUNDS):
        for k, number in enumerate(numbers):
            slope = slopes[k] - curvatures[k] @ numbers + curvatures[k, k] * number
            options = np.array([0, number - 1, number, number + 1])
            costs = curvatures[k, k] * options**2 - 2 * slope * options + bits[np.abs(options)]
            numbers[k] = options[costs.argmin()]
    cost = numbers @ curvatures @ numbers - 2 * slopes @ numbers + bits[np.abs(numbers)].sum()
    return numbers.astype(np.int16) if cost + bits[1] < bits[0] else NO_TUNING
