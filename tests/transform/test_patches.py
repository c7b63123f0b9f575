"""Patches are a mere reordering, and padding repeats the border."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from licodec.transform.patches import from_patches, pad_to_grid, padded_size


@given(rows=st.integers(1, 5), columns=st.integers(1, 5), patch_px=st.sampled_from([2, 8]))
def test_planes_return_from_their_patches(rows, columns, patch_px):
    size = (2, 3, rows * patch_px, columns * patch_px)
    planes = torch.arange(math.prod(size)).view(size)
    assert from_patches(F.pixel_unshuffle(planes, patch_px), patch_px).equal(planes)


@pytest.mark.parametrize(
    ("size_px", "expected"), [(1, 64), (63, 64), (64, 64), (65, 128), (1365, 1408)]
)
def test_padded_size_is_the_next_multiple(size_px, expected):
    assert padded_size(size_px, 64) == expected


@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_padding_repeats_the_last_row_and_column(height, width):
    planes = torch.arange(2 * height * width).view(1, 2, height, width).float()
    padded = pad_to_grid(planes, 16)
    assert padded.shape[2:] == (-(-height // 16) * 16, -(-width // 16) * 16)
    rows = torch.arange(padded.shape[2]).clamp(max=height - 1)
    columns = torch.arange(padded.shape[3]).clamp(max=width - 1)
    assert padded.equal(planes[:, :, rows][:, :, :, columns])
