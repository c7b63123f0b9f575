"""The float network with a family's integers computes what the integer prior computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from licodec.codec.latent import analysed_latent
from licodec.codec.model import Family
from licodec.config import FamilyConfig
from licodec.prior.dequantised import DequantisedPrior
from licodec.prior.fixed_point import LOG_SCALE_MIN, SCALES_PER_NAT, VALUE_BITS
from licodec.prior.float_walk import Code, FloatWalk
from licodec.prior.layout import StepElements
from licodec.prior.logistic import HALVING_BIAS
from licodec.prior.walk import walk
from tests.photos import crop
from tests.prior.tracing import RandomSymbols, RoundedSymbols
from tests.tiny import RICH_FAMILY, TINY_FAMILY, tiny_family, tiny_network

HEIGHT, WIDTH = 128, 192


def walked(
    family: Family,
    quality_index: int,
    code: Code,
    *,
    size: tuple[int, int] = (HEIGHT // 64, WIDTH // 64),
    dtype: torch.dtype = torch.float32,
    is_grey: bool = False,
    is_followed: bool = True,
) -> Tensor:
    """Planes (3, H, W) in grey levels of a walk; size of the low-pass."""
    tensors = {name: torch.from_numpy(array) for name, array in family.tensors.items()}
    prior = DequantisedPrior(family.config, tensors, quality_index, dtype)
    walker = FloatWalk(
        prior, prior.qualities, *size, code, is_grey=is_grey, is_followed=is_followed
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        walk(walker, is_grey=is_grey)
    return walker.low[0]


def walk_both(
    family: Family, quality_index: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """Differences of means and scale indices (n,), and of planes in grey levels."""
    recorder = RoundedSymbols(analysed_latent(crop(WIDTH, HEIGHT), family, quality_index, "cpu"))
    planes = family.prior.planes(quality_index, HEIGHT, WIDTH, is_grey=False, code=recorder).whole()
    means: list[Tensor] = []
    indices: list[Tensor] = []

    def code(mean: Tensor, log_scale: Tensor, where: StepElements, _: Tensor | None) -> Tensor:
        number = len(means)
        # Sixteenths are halved to an index by (s + 1) >> 1; log scales lie half a one higher.
        sixteenths = (log_scale - LOG_SCALE_MIN) * 2 * SCALES_PER_NAT - HALVING_BIAS
        index = ((sixteenths.round() + 1) / 2).floor().clamp(1, 63)
        means.append((mean - recorder.means[number]).abs().flatten())
        indices.append((index - recorder.indices[number]).abs().flatten())
        return recorder.values[number][None]

    with torch.no_grad():
        found = walked(family, quality_index, code, dtype=dtype)
    return torch.cat(means), torch.cat(indices), (found - torch.from_numpy(planes) / 64).abs()


def check_agreement(family: Family, quality_index: int) -> None:
    means, indices, planes = walk_both(family, quality_index)
    assert float((means > 1 / 32).float().mean()) < 0.05  # the wavelet's roundings alone differ
    assert float(means.mean()) < 0.01
    assert float(indices.mean()) < 0.1
    assert float(planes.mean()) < 0.05


@pytest.mark.parametrize("quality_index", [0, 90, 255])
def test_means_and_scales_agree_with_the_integer_prior(family: Family, quality_index: int) -> None:
    check_agreement(family, quality_index)


@pytest.mark.parametrize("shape", [TINY_FAMILY, RICH_FAMILY])
@pytest.mark.parametrize("quality_index", [0, 90, 255])
def test_they_agree_whatever_the_shape_of_the_prior(
    shape: FamilyConfig, quality_index: int
) -> None:
    check_agreement(tiny_family(tiny_network(4, shape)), quality_index)


def test_means_of_grey_pictures_agree_with_the_integer_prior(family: Family) -> None:
    symbols, means, values = RandomSymbols(seed=5), [], []

    def note(mean: np.ndarray, index: np.ndarray, where: StepElements) -> np.ndarray:
        added = symbols(mean, index, where)
        means.append(torch.from_numpy(mean) / (1 << VALUE_BITS))
        values.append(means[-1] + torch.from_numpy(added) / 16)
        return added

    planes = family.prior.planes(90, HEIGHT, WIDTH, is_grey=True, code=note).whole()
    errors: list[Tensor] = []

    def code(mean: Tensor, log_scale: Tensor, where: StepElements, _: Tensor | None) -> Tensor:
        number = len(errors)
        errors.append((mean[0] - means[number]).abs().flatten())
        return values[number][None]

    found = walked(family, 90, code, is_grey=True)
    assert len(errors) == len(means)
    assert float(torch.cat(errors).mean()) < 0.01
    assert float((found - torch.from_numpy(planes) / 64).abs().mean()) < 0.1
    assert not found[1:].any()


def test_short_numbers_move_means_by_hundredths_of_a_step(family: Family) -> None:
    means, _, _ = walk_both(family, 120, torch.bfloat16)
    assert float(means.mean()) < 0.02


@pytest.mark.parametrize("is_followed", [True, False])
def test_rate_of_finer_levels_has_a_gradient_in_coarser_values_where_it_is_followed(
    is_followed: bool, family: Family
) -> None:
    leaves: dict[int, Tensor] = {}
    bits: list[Tensor] = []

    def code(mean: Tensor, log_scale: Tensor, where: StepElements, _: Tensor | None) -> Tensor:
        values = torch.full(mean.shape, 2.0, requires_grad=True)
        leaves.setdefault(where.level, values)
        if where.level == 1:
            bits.append(log_scale.sum() + mean.square().sum())
        return values

    walked(family, 120, code, size=(1, 1), is_followed=is_followed)
    total = torch.stack(bits).sum()
    assert total.requires_grad == is_followed
    if is_followed:
        total.backward()
        assert all(float(leaves[level].grad.abs().sum()) > 0 for level in (2, 3, 4))


def test_nobody_elses_random_numbers_change(family: Family) -> None:
    before = torch.get_rng_state()
    tensors = {name: torch.from_numpy(array) for name, array in family.tensors.items()}
    DequantisedPrior(family.config, tensors, 0, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
