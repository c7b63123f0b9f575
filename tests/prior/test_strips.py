"""Working in strips gives what the whole map gives, to the last bit on integer carriers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from licodec.prior.strips import in_strips


def integers(generator: torch.Generator, low: int, high: int, *shape: int) -> Tensor:
    return torch.randint(low, high, shape, generator=generator).float()


@given(
    height=st.integers(1, 41),
    width=st.integers(1, 12),
    depth=st.integers(1, 3),
    positions=st.integers(1, 200),
    seed=st.integers(0, 999),
)
def test_convolutions_in_strips_equal_the_whole(height, width, depth, positions, seed):
    generator = torch.Generator().manual_seed(seed)
    kernels = [integers(generator, -3, 4, 4, 4, 3, 3) for _ in range(depth)]

    def run(maps: Tensor) -> Tensor:
        for kernel in kernels:
            maps = F.conv2d(maps[None], kernel, padding=1)[0].clamp(0, 255)
        return maps

    maps = integers(generator, 0, 256, 4, height, width)
    assert in_strips(run, [maps], depth, positions).equal(run(maps))


@given(
    half_rows=st.integers(1, 20),
    is_odd=st.booleans(),
    half_columns=st.integers(1, 6),
    positions=st.integers(1, 150),
    seed=st.integers(0, 999),
)
def test_second_map_of_half_the_size_is_cut_at_its_own_rows(
    half_rows, is_odd, half_columns, positions, seed
):
    height = max(2, 2 * half_rows - is_odd)  # an odd height has half a coarse row at its end
    generator = torch.Generator().manual_seed(seed)
    kernel = integers(generator, -3, 4, 3, 2, 3, 3)
    mix = integers(generator, -3, 4, 3, 2, 1, 1)

    def run(fine: Tensor, coarse: Tensor) -> Tensor:
        up = F.conv2d(coarse[None], mix).repeat_interleave(2, 2).repeat_interleave(2, 3)
        return (F.conv2d(fine[None], kernel, padding=1) + up[:, :, : fine.shape[1]])[0]

    fine = integers(generator, 0, 256, 2, height, 2 * half_columns)
    coarse = integers(generator, 0, 256, 2, -(-height // 2), half_columns)
    assert in_strips(run, [fine, coarse], 1, positions).equal(run(fine, coarse))


@pytest.mark.parametrize("positions", [1, 30, 10**6])
def test_strips_keep_type_and_number_of_channels(positions):
    maps = torch.arange(2 * 20 * 3, dtype=torch.uint8).view(2, 20, 3)
    strips = in_strips(lambda m: m.to(torch.int16).repeat(2, 1, 1), [maps], 0, positions)
    assert strips.dtype == torch.int16
    assert strips.equal(maps.to(torch.int16).repeat(2, 1, 1))
