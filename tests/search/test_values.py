"""Values that a decoder has are found again in its planes."""

from __future__ import annotations

import pytest
import torch

from licodec.codec.latent import analysed_latent
from licodec.codec.model import Family
from licodec.prior.fixed_point import VALUE_BITS
from licodec.prior.layout import StepElements
from licodec.search.values import coded_values
from tests.photos import crop
from tests.prior.tracing import RoundedSymbols


@pytest.mark.parametrize("quality_index", [0, 120, 255])
def test_coded_values_are_found_in_the_planes(family: Family, quality_index: int) -> None:
    recorder = RoundedSymbols(analysed_latent(crop(192, 128), family, quality_index, "cpu"))
    with torch.no_grad():
        planes = family.prior.planes(quality_index, 128, 192, is_grey=False, code=recorder).whole()
    values = coded_values(planes, family, quality_index)
    finest = recorder.values[-4]  # luma, first colour of the checkerboard
    found = values.part(StepElements(1, (0, 3, 4, 7, 8, 11)))
    assert float((found - finest).abs().max()) <= 1 / (1 << VALUE_BITS)
    assert float((found != finest).float().mean()) < 0.02
