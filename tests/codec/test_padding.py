"""Pictures keep their quality at borders that are off the wavelet's grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.api import Codec
from licodec.codec import padding as padding_module
from licodec.codec.padding import settle_padding
from licodec.transform.grid import GRID_PX, band_norm
from licodec.transform.wavelet import analyse
from tests.photos import crop, psnr_db

SIZES = [(100, 64), (64, 100), (300, 290), (65, 1), (1, 1), (127, 66)]


def planes_of(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    pad = ((0, -height % GRID_PX), (0, -width % GRID_PX))
    return np.stack([np.pad(pixels.astype(np.float32), pad, mode="edge")] * 3)


def padding_energy(planes: np.ndarray, height: int, width: int) -> float:
    """Sum of squares of the details that lie in the padding, orthonormal."""
    total = 0.0
    for level, details in enumerate(analyse(torch.from_numpy(planes)[None])[1], 1):
        y, x = (np.arange(n) << level for n in details.shape[3:])
        outside = (y >= height)[:, None] | (x >= width)
        for band in range(3):
            found = details[0, :, band].numpy()[:, outside] * band_norm(level, band)
            total += float(np.square(found).sum())
    return total


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
    assert psnr_db(found, pixels) > best - 1.0
    border = np.s_[-4:], np.s_[:, -4:]
    assert all(psnr_db(found[part], pixels[part]) > best - 3.0 for part in border)


@pytest.mark.parametrize(("width", "height"), [(64, 64), *SIZES])
def test_picture_itself_is_untouched_and_its_padding_codes_as_next_to_nothing(
    width: int, height: int
) -> None:
    pixels = crop(width, height, "L")
    planes = planes_of(pixels)
    before = planes.copy()
    settle_padding(planes, height, width)
    np.testing.assert_array_equal(planes[:, :height, :width], before[:, :height, :width])
    has_padding = planes.shape[1:] != (height, width)
    assert np.array_equal(planes, before) != has_padding
    if has_padding:
        energy = padding_energy(planes, height, width)
        assert energy < 0.02 * padding_energy(before, height, width)


@pytest.mark.parametrize(("width", "height"), [(100, 64), (64, 100), (320, 290), (97, 192)])
def test_planes_that_reach_farther_change_nothing(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Details of the padding depend on no more than the strip that is solved for."""
    planes = planes_of(crop(width, height, "L"))
    whole = planes.copy()
    settle_padding(planes, height, width)
    monkeypatch.setattr(
        padding_module, "_start", lambda size, padded, levels: padded if size == padded else 0
    )
    settle_padding(whole, height, width)
    np.testing.assert_allclose(planes, whole, atol=0.02)
