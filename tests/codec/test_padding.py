"""Pictures keep their quality at borders that are off the wavelet's grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.api import Codec
from licodec.codec.padding import Padding
from tests.photos import crop, psnr_db


def planes_of(pixels: np.ndarray) -> torch.Tensor:
    height, width = pixels.shape[:2]
    pad = ((0, -height % 64), (0, -width % 64))
    return torch.from_numpy(np.pad(pixels.astype(np.float32), pad, mode="edge")).repeat(3, 1, 1)


@pytest.mark.parametrize(
    ("width", "height"), [(192, 160), (160, 192), (100, 90), (200, 65), (70, 300)]
)
def test_odd_sizes_are_coded_as_well_as_whole_ones(
    psnr_codec: Codec, width: int, height: int
) -> None:
    whole = crop(192, 192)
    best = psnr_db(np.asarray(psnr_codec.decode(psnr_codec.encode(whole, quality=95))), whole)
    pixels = crop(width, height)
    found = np.asarray(psnr_codec.decode(psnr_codec.encode(pixels, quality=95)))
    assert psnr_db(found, pixels) > best - 2.0
    border = np.s_[-4:], np.s_[:, -4:]
    assert all(psnr_db(found[part], pixels[part]) > best - 12.0 for part in border)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (100, 64), (64, 100), (300, 290)])
def test_picture_itself_is_untouched(width: int, height: int) -> None:
    pixels = crop(width, height, "L")
    planes = planes_of(pixels)
    before = planes.clone()
    padding = Padding(pixels, planes_of, 24)
    for top in range(0, planes.shape[1], 32):
        padding.put(planes[:, top : top + 32], top)
    assert planes[:, :height, :width].equal(before[:, :height, :width])
    has_padding = planes.shape[1:] != (height, width)
    assert planes.equal(before) != has_padding


def test_padding_does_not_depend_on_the_rows_asked_for() -> None:
    pixels = crop(100, 90, "L")
    padding = Padding(pixels, planes_of, 24)
    whole = planes_of(pixels)
    padding.put(whole, 0)
    part = planes_of(pixels)[:, 40:104].clone()
    padding.put(part, 40)
    assert part.equal(whole[:, 40:104])
