"""Fits the last layer of a synthesis to the very picture that is coded.

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

from licodec.codec.distortion_weights import rd_lambda
from licodec.codec.encode import Encoded
from licodec.codec.model import Family
from licodec.codec.synthesis import PictureSynthesis, new_results
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.native.threads import one_blas_thread, over_rows
from licodec.prior.plane_source import PlaneSource
from licodec.quantize.costs import magnitude_bits
from licodec.transform.colour_planes import planes_of_rows
from licodec.transform.grid import FRACTION_BITS, NUM_PLANES, PATCH_PX, padded_size
from licodec.transform.integer import DIRECTION_BITS, IntegerSynthesis, PartAt

# More of a picture than this is not looked at, but bands of it.
_MOST_PX = 1 << 22
_NUM_BANDS = 8
# Pixels whose features are there at a time, and features, of patches, that are multiplied at once.
_STRIP_PX = 1 << 18
_BLOCK_PATCHES = 1 << 11
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


def moments(
    pixels: np.ndarray,
    planes: PlaneSource,
    synthesis: IntegerSynthesis,
    quality_index: int,
) -> Moments | None:
    """Measure how features of the last layer and missing pixels go together.

    Args:
        pixels: (H, W) or (H, W, 3) uint8, the original.
        planes: that a decoder has of it before its correction.
        synthesis: that corrects them.
        quality_index: 0..255.

    Returns:
        Of features in grey levels a unit of the last layer's weights; None where the picture is
        smaller than a patch of that layer.
    """
    fitted = PictureSynthesis(synthesis, quality_index)
    last = fitted.form.parts[-1]
    patch = last.patch_px
    num_outputs = len(last.out.bias) // (NUM_PLANES if pixels.ndim == 2 else 1)
    height, width = (n // patch * patch for n in pixels.shape[:2])
    if not height or not width:
        return None
    size = last.out.weight.shape[1] + 1
    features, missing = np.zeros((size, size)), np.zeros((num_outputs, size))
    error, num_rows = 0.0, 0
    with one_blas_thread():
        for top, bottom in _bands(height, planes.shape[2]):
            num_rows += bottom - top
            rows = max(PATCH_PX, _STRIP_PX // planes.shape[2] // PATCH_PX * PATCH_PX)
            for begin in range(top, bottom, rows):
                strip = slice(begin, min(begin + rows, bottom))
                seen, lack = _strip(fitted, pixels, planes, strip, width)
                for part in _blocks(seen, lack[:num_outputs], last):
                    features += part.features
                    missing += part.missing
                    error += part.error
    return Moments(features, missing, error, num_rows / height)


def _strip(
    fitted: PictureSynthesis, pixels: np.ndarray, planes: PlaneSource, rows: slice, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """What the last layer sees and what its outputs lack, of rows from a multiple of 8.

    Returns:
        (h, C / 4, w, 4) uint8 and (O, h, w) float32 grey levels, h and w in patches of that layer.
    """
    patch, height = fitted.form.parts[-1].patch_px, rows.stop - rows.start
    bottom = min(rows.start + padded_size(height, PATCH_PX), planes.shape[1])
    results = new_results(fitted.form, bottom - rows.start, planes.shape[2])
    assert results.planes is not None
    assert results.seen is not None

    def make(first: int, end: int) -> None:
        part = rows.start + first, rows.start + end, 0, planes.shape[2]
        fitted.put(planes, part, results.rows(first, end))

    over_rows(make, bottom - rows.start, planes.shape[2], PATCH_PX)
    wanted = planes_of_rows(pixels, rows.start, rows.stop)[:, :, :width]
    lack = wanted - results.planes[:, :height, :width] * np.float32(2.0**-FRACTION_BITS)
    lack = lack.reshape(NUM_PLANES, height // patch, patch, width // patch, patch)
    lack = lack.transpose(0, 2, 4, 1, 3).reshape(-1, height // patch, width // patch)
    return results.seen[: height // patch, :, : width // patch], lack


def _blocks(seen: np.ndarray, lack: np.ndarray, last: PartAt) -> list[Moments]:
    """Moments of blocks of rows, which do not depend on the number of threads.

    Args:
        seen, lack: see `_strip`.
        last: part of the synthesis that has seen.
    """
    height, width = lack.shape[1:]
    rows = max(1, _BLOCK_PATCHES // width)
    firsts = range(0, height, rows)
    found: dict[int, Moments] = {}

    def make(first: int, end: int) -> None:
        for number in range(first, end):
            block = slice(firsts[number], firsts[number] + rows)
            part = seen[block].transpose(1, 3, 0, 2)
            x = np.ones((4 * len(part) + 1, part[0, 0].size), np.float32)
            x[:-1] = part.reshape(len(x) - 1, -1)
            x[:-1] -= last.last_zero[:, None]
            x *= np.float32(last.out.gain)
            lacking = lack[:, block].reshape(len(lack), -1)
            error = float(np.square(lacking).sum())
            found[number] = Moments(x @ x.T, lacking @ x.T, error, 1.0)

    over_rows(make, len(firsts), rows * width)
    return [found[number] for number in range(len(firsts))]


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First rows, and those after the last, of what is looked at: all, or bands of a large one."""
    if height * width <= _MOST_PX:
        yield 0, height
        return
    rows = max(PATCH_PX, _MOST_PX // (_NUM_BANDS * width) // PATCH_PX * PATCH_PX)
    for number in range(_NUM_BANDS):
        top = (height - rows) * number // (_NUM_BANDS - 1) // PATCH_PX * PATCH_PX
        yield top, top + rows


def fit_filter(
    encoded: Encoded,
    pixels: np.ndarray,
    family: Family,
    synthesis: IntegerSynthesis,
    quality_index: int,
) -> Encoded:
    """The same file with the last layer fitted to the picture, where that saves more than it costs.

    Args:
        encoded: with its planes, not filtered yet.
        pixels: (H, W) or (H, W, 3) uint8, the original.
        family: that coded it.
        synthesis: of the file's profile.
        quality_index: 0..255.
    """
    if synthesis.directions is None or encoded.synthesis is None:
        return encoded
    started = time.perf_counter()
    found = moments(pixels, encoded.synthesis, synthesis, quality_index)
    if found is None:
        return encoded
    # Bits that a unit of squared error is worth.
    unit = rd_lambda(family, quality_index) / NUM_PLANES / found.share
    directions = synthesis.directions[:, : len(found.missing)] * 2.0**-DIRECTION_BITS
    moved = directions @ found.features  # (K, n, w + 1)
    slopes = unit * np.einsum("kno,no->k", directions, found.missing)
    curvatures = unit * np.einsum("kno,jno->kj", moved, directions)
    numbers = _whole_numbers(slopes, curvatures, magnitude_bits(family.tables)[-1])
    timings_s = encoded.timings_s | {"adaptive filter": time.perf_counter() - started}
    return replace(encoded, adaptive_filter=numbers, timings_s=timings_s)


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
    return numbers.astype(np.int16) if cost + bits[1] < bits[0] else NO_FILTER
