"""Patches are a mere reordering."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from licodec.transform.grid import padded_size
from licodec.transform.patches import from_patches, to_patches

DTYPES = st.sampled_from([torch.float32, torch.bfloat16, torch.int32])


@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    patch_px=st.sampled_from([2, 8]),
    dtype=DTYPES,
    has_gradients=st.booleans(),
)
def test_patches_are_those_of_pixel_unshuffle_and_back(
    rows, columns, patch_px, dtype, has_gradients
):
    size = (2, 3, rows * patch_px, columns * patch_px)
    planes = (torch.arange(math.prod(size)).view(size) % 251).to(dtype)
    with torch.set_grad_enabled(has_gradients):
        patches = to_patches(planes, patch_px)
        assert patches.equal(F.pixel_unshuffle(planes, patch_px))
        assert patches.is_contiguous(memory_format=torch.channels_last)
        assert from_patches(patches, patch_px).equal(planes)


def test_views_of_planes_have_patches_too():
    planes = torch.randn(1, 3, 16, 40).bfloat16()[:, :, :, 8:24]
    with torch.no_grad():
        assert from_patches(to_patches(planes, 8), 8).equal(planes)


def test_gradients_pass():
    planes = torch.randn(1, 3, 16, 16, requires_grad=True)
    from_patches(to_patches(planes, 2), 2).square().sum().backward()
    torch.testing.assert_close(planes.grad, 2 * planes.detach())


@pytest.mark.parametrize(
    ("size_px", "expected"), [(1, 64), (63, 64), (64, 64), (65, 128), (1365, 1408)]
)
def test_padded_size_is_the_next_multiple(size_px, expected):
    assert padded_size(size_px, 64) == expected
