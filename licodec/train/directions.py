"""Finds the directions in which the last layer of a synthesis can be fitted to a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from licodec.codec.adaptive_filter import Moments, moments
from licodec.codec.distortion_weights import rd_lambda
from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family
from licodec.config import MAX_QUALITY_INDEX
from licodec.entropy.adaptive_filter import NUM_DIRECTIONS
from licodec.train.data import Pictures
from licodec.transform.grid import NUM_PLANES
from licodec.transform.integer import DIRECTION_BITS, IntegerSynthesis

_MOST_CROPS, _CROPS_PER_PICTURE = 300, 4
_CROP_PX = (384, 512)  # height, width at most
_NUM_STEPS, _BATCH_SIZE, _LEARNING_RATE = 400, 96, 2e-2
# Pictures that gain more, such as tinted ones in black and white, count as this many dB.
_MOST_DB = 0.4
# Of a direction's own curvature, so that a picture's solution stays small.
_RIDGE = 1e-4
# What one step along a direction changes in a picture of so many pixels, in bits.
_UNIT_BITS, _UNIT_PX = 32.0, 400_000


def fit_directions(family: Family, synthesis: IntegerSynthesis, train: Pictures) -> Tensor:
    """Find the directions that lower the squared error of training pictures most.

    Args:
        family: that codes the pictures.
        synthesis: whose last layer they move.
        train: pictures; crops of them are coded at random qualities.

    Returns:
        (NUM_DIRECTIONS, n, w + 1) int32 for outputs and inputs of the last layer, and its bias, in
        2^-DIRECTION_BITS of the unit of its weights. A whole step along one is about what is worth
        telling.
    """
    found = list(_all_moments(family, synthesis, train))
    features = torch.from_numpy(np.stack([m.features / error for m, error, _ in found]))
    missing = torch.from_numpy(np.stack([m.missing / error for m, error, _ in found]))
    directions = _optimised(_start(features, missing), features, missing)
    worth = torch.tensor([bits for _, _, bits in found], dtype=torch.float64)
    seen = torch.einsum("kno,ioq->iknq", directions, features * worth[:, None, None])
    metric = torch.einsum("iknq,jnq->kj", seen, directions) / len(found)
    sizes, turned = torch.linalg.eigh(metric)
    # Where a picture has less than NUM_DIRECTIONS outputs times features, some have no size.
    scale = (_UNIT_BITS / sizes.clamp_min(sizes[-1] * 1e-9)).sqrt()
    moved: Tensor = torch.einsum("kj,kno->jno", turned * scale, directions).flip(0)
    return torch.round(moved * 2**DIRECTION_BITS).to(torch.int32)


def _all_moments(
    family: Family, synthesis: IntegerSynthesis, train: Pictures
) -> Iterator[tuple[Moments, float, float]]:
    """Moments of crops, their squared error, and what that is worth in bits at _UNIT_PX pixels."""
    random = np.random.default_rng(0)
    for number in range(min(_MOST_CROPS, _CROPS_PER_PICTURE * len(train.arrays))):
        picture = train.arrays[number % len(train.arrays)]
        height, width = (min(most, n) for most, n in zip(_CROP_PX, picture.shape[:2], strict=True))
        top = int(random.integers(0, picture.shape[0] - height + 1))
        left = int(random.integers(0, picture.shape[1] - width + 1))
        crop = np.ascontiguousarray(picture[top : top + height, left : left + width])
        index = int(random.integers(0, MAX_QUALITY_INDEX + 1))
        encoded = encode_pixels(crop, family, index, "cpu")
        assert encoded.synthesis is not None
        measured = moments(crop, encoded.synthesis, synthesis, index)
        if measured is None or measured.error <= 0:
            continue
        bits = rd_lambda(family, index) / NUM_PLANES * measured.error
        yield measured, measured.error, bits * _UNIT_PX / (height * width)


def _start(features: Tensor, missing: Tensor) -> Tensor:
    """Principal directions (K, n, w + 1) of what single pictures would do.

    Args:
        features: (N, w + 1, w + 1), as `Moments`, divided by the squared error.
        missing: (N, n, w + 1), the same.
    """
    own: Tensor = torch.linalg.solve(features + _ridge(features), missing.mT).mT
    gain = torch.einsum("ino,ino->i", own, missing).clamp(1e-6, 1 - 1e-6)
    mean = features.mean(0)
    level = 1e-6 * mean.diagonal().mean().expand(len(mean))
    root = torch.linalg.cholesky(mean + torch.diag(level))
    spread = (own @ root).flatten(1)
    weight = (-10 * torch.log10(1 - gain)).clamp(max=_MOST_DB).sqrt()
    spread = spread / spread.norm(dim=1, keepdim=True).clamp_min(1e-12) * weight[:, None]
    largest = torch.linalg.svd(spread, full_matrices=False)[2][:NUM_DIRECTIONS]
    if len(largest) < NUM_DIRECTIONS:
        largest = F.pad(largest, (0, 0, 0, NUM_DIRECTIONS - len(largest)))
    shaped = largest.view(NUM_DIRECTIONS, *missing.shape[1:])
    directions: Tensor = torch.linalg.solve_triangular(root, shaped, upper=False, left=False)
    return directions


def _ridge(products: Tensor) -> Tensor:
    """What makes (N, m, m) products invertible."""
    return torch.diag_embed(_RIDGE * products.diagonal(dim1=1, dim2=2) + 1e-12)


def _optimised(directions: Tensor, features: Tensor, missing: Tensor) -> Tensor:
    """Directions that gain more dB on average; arguments as of `_start`."""
    sizes = directions.flatten(1).std(1)[:, None, None].clamp_min(1e-12)
    moved = (directions / sizes).requires_grad_()
    optimizer = torch.optim.Adam([moved], _LEARNING_RATE)
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for step in range(_NUM_STEPS):
            some = torch.randperm(len(features), generator=generator)[:_BATCH_SIZE]
            gain = _gain(moved * sizes, features[some], missing[some])
            loss = 10 * torch.log10(1 - gain).clamp(min=-_MOST_DB / 10).mean()
            for group in optimizer.param_groups:
                group["lr"] = _LEARNING_RATE * (1 - step / _NUM_STEPS)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return (moved * sizes).detach()


def _gain(directions: Tensor, features: Tensor, missing: Tensor) -> Tensor:
    """(N,) share of the squared error that the directions take away."""
    slopes = torch.einsum("kno,ino->ik", directions, missing)
    seen = torch.einsum("kno,ioq->iknq", directions, features)
    curvatures = torch.einsum("iknq,jnq->ikj", seen, directions)
    best = torch.linalg.solve(curvatures + _ridge(curvatures.detach()), slopes)
    taken = 2 * (best * slopes).sum(1) - torch.einsum("ik,ikj,ij->i", best, curvatures, best)
    return torch.clamp(taken, max=1 - 1e-6)
