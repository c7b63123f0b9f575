"""The float network with a family's integers computes what the integer prior computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.codec.encode import Latent
from licodec.codec.model import Family
from licodec.prior.density import LOG_SCALE_MIN, SCALES_PER_NAT
from licodec.prior.dequantised import DequantisedPrior
from licodec.prior.float_walk import Code, FloatWalk
from licodec.prior.layout import VALUE_BITS, Where
from licodec.prior.walk import walk
from licodec.search.values import coded_values
from tests.photos import crop

CPU = "cpu"


class Recorder:
    """`CodeStep` that rounds; keeps what the integer prior said and the values that came out."""

    def __init__(self, latent: Latent) -> None:
        self.means: list[Tensor] = []
        self.indices: list[Tensor] = []
        self.values: list[Tensor] = []
        self._latent = latent

    def __call__(self, step: int, mean: np.ndarray, index: np.ndarray, where: Where) -> np.ndarray:
        steps = torch.from_numpy(mean).float() / (1 << VALUE_BITS)
        symbols = (torch.from_numpy(self._latent.at(where)) - steps).round()
        self.means.append(steps)
        self.indices.append(torch.from_numpy(index).int())
        self.values.append(steps + symbols)
        return (16 * symbols).to(torch.int32).numpy()


def planes_of(
    family: Family, quality_index: int, dtype: torch.dtype, size: tuple[int, int], code: Code
) -> Tensor:
    """Planes (3, H, W) in grey levels of a walk; size of the low-pass."""
    tensors = {name: torch.from_numpy(array) for name, array in family.tensors.items()}
    prior = DequantisedPrior(family.config, tensors, quality_index, dtype)
    walker = FloatWalk(prior, prior.qualities, *size, code, is_followed=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        walk(walker)
    return walker.low[0]


def walk_both(
    family: Family, quality_index: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Differences of means and scale indices (n,), and of planes in grey levels."""
    pixels = crop(192, 128)
    recorder = Recorder(Latent(pixels, family, quality_index, CPU))
    with torch.no_grad():
        planes = family.prior.planes(quality_index, 128, 192, is_grey=False, code=recorder).whole()
    means: list[Tensor] = []
    indices: list[Tensor] = []

    def code(mean: Tensor, log_scale: Tensor, where: Where) -> Tensor:
        number = len(means)
        index = ((log_scale - LOG_SCALE_MIN) * SCALES_PER_NAT).floor().clamp(1, 63)
        means.append((mean - recorder.means[number]).abs().flatten())
        indices.append((index - recorder.indices[number]).abs().flatten())
        return recorder.values[number][None]

    with torch.no_grad():
        found = planes_of(family, quality_index, dtype, (2, 3), code)
    return torch.cat(means), torch.cat(indices), (found - torch.from_numpy(planes) / 64).abs()


@pytest.mark.parametrize("quality_index", [0, 90, 255])
def test_means_and_scales_agree_with_the_integer_prior(family: Family, quality_index: int) -> None:
    means, indices, planes = walk_both(family, quality_index, torch.float32)
    assert float((means > 1 / 32).float().mean()) < 0.08  # the wavelet's roundings alone differ
    assert float(means.mean()) < 0.01
    assert float(indices.mean()) < 0.5
    assert float(planes.mean()) < 0.1


def test_short_numbers_move_means_by_hundredths_of_a_step(family: Family) -> None:
    means, _, _ = walk_both(family, 120, torch.bfloat16)
    assert float(means.mean()) < 0.02


def test_rate_of_finer_levels_has_a_gradient_in_coarser_values(family: Family) -> None:
    leaves: dict[int, Tensor] = {}
    bits: list[Tensor] = []

    def code(mean: Tensor, log_scale: Tensor, where: Where) -> Tensor:
        values = torch.full(mean.shape, 2.0, requires_grad=True)
        leaves.setdefault(where.level, values)
        if where.level == 1:
            bits.append(log_scale.sum() + mean.square().sum())
        return values

    planes_of(family, 120, torch.float32, (1, 1), code)
    torch.stack(bits).sum().backward()
    for level in (2, 3, 4):
        gradient = leaves[level].grad
        assert gradient is not None
        assert float(gradient.abs().sum()) > 0


@pytest.mark.parametrize("quality_index", [0, 120, 255])
def test_coded_values_are_found_in_the_planes(family: Family, quality_index: int) -> None:
    recorder = Recorder(Latent(crop(192, 128), family, quality_index, CPU))
    with torch.no_grad():
        planes = family.prior.planes(quality_index, 128, 192, is_grey=False, code=recorder).whole()
    values = coded_values(planes, family, quality_index)
    finest = recorder.values[-4]  # luma, first colour of the checkerboard
    found = values.part(Where(1, (0, 3, 4, 7, 8, 11)))
    assert float((found - finest).abs().max()) <= 1 / (1 << VALUE_BITS)
    assert float((found != finest).float().mean()) < 0.02
