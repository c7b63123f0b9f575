"""Patches are a mere reordering, and padding repeats the border."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from licodec.transform.patches import (
    PATCH_CHANNELS,
    PATCH_PX,
    from_patches,
    pad_to_grid,
    padded_size,
    to_patches,
)


@given(rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_planes_return_from_their_patches(rows, columns):
    size = (1, 3, rows * PATCH_PX, columns * PATCH_PX)
    planes = torch.arange(rows * columns * PATCH_CHANNELS).view(size).float()
    patches = to_patches(planes)
    assert patches.shape == (1, PATCH_CHANNELS, rows, columns)
    assert from_patches(patches).equal(planes)


def test_channel_of_a_patch_counts_planes_then_rows_then_columns():
    planes = torch.zeros(1, 3, 16, 24)
    planes[0, 2, 8 + 3, 16 + 5] = 1
    assert to_patches(planes)[0, 2 * 64 + 3 * 8 + 5, 1, 2] == 1


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
