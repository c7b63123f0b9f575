"""A synthesis at a quality, its colours, and the function that searches differentiate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.config import CorrectionConfig
from licodec.entropy.adaptive_filter import NO_FILTER
from licodec.transform.colour import luma_to_grey, planes_to_rgb
from licodec.transform.integer import LAST_BITS, MAX_SHIFT, grey_levels, to_plane_range
from licodec.transform.reference import corrected_planes
from licodec.transform.smooth import SmoothSynthesis
from tests.syntheses import NUM_KNOTS, random_synthesis, random_tensors

CONFIG = CorrectionConfig(width=16, num_blocks=2, fine_width=8, fine_blocks=1)


def test_biases_are_those_of_the_knots_and_lie_between_them():
    tensors = random_tensors(CONFIG, 1)
    synthesis = random_synthesis(CONFIG, 1)
    knots = tensors["into.bias"].astype(float)
    for quality in range(0, 256, 15):
        bias = synthesis.at(quality, NO_FILTER).parts[0].into.bias
        at = quality / 255 * (NUM_KNOTS - 1)
        low = int(at)
        share = at - low
        mixed = knots[low] * (1 - share) + knots[min(low + 1, NUM_KNOTS - 1)] * share
        assert np.abs(bias - mixed).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("quality", [0, 1, 128, 255])
@pytest.mark.parametrize("most", [0, 5, 32767])
def test_last_layers_fit_their_bits_however_they_are_tuned(quality, most):
    adaptive_filter = np.full(24, most, np.int16)
    for part in random_synthesis(CONFIG, 2).at(quality, adaptive_filter).parts:
        assert np.abs(part.out.weight).max() < 1 << LAST_BITS
        assert np.abs(part.out.weight).max() >= 1 << LAST_BITS - 2
        assert 1 <= part.out.shift <= MAX_SHIFT


def test_colours_are_those_of_the_orthonormal_transform():
    random = np.random.default_rng(0)
    planes = random.integers(-15000, 15000, (3, 200, 300)).astype(np.int16)
    levels = torch.from_numpy(planes).double()[None] / 64
    rgb = planes_to_rgb(levels)[0].permute(1, 2, 0).clamp(0, 255).numpy()
    found = grey_levels(planes, is_grey=False)
    assert np.abs(found - rgb).max() < 0.51
    grey = luma_to_grey(levels[0, 0]).clamp(0, 255).numpy()
    assert np.abs(grey_levels(planes, is_grey=True) - grey).max() < 0.51


@pytest.mark.parametrize("is_grey", [False, True])
def test_colours_of_the_ends_of_the_range_do_not_wrap(is_grey):
    planes = to_plane_range(np.array([2**31 - 1, -(2**31)] * 3, np.int32).reshape(3, 1, 2))
    assert planes[0].tolist() == [[32767, -32768]]
    shown = grey_levels(planes, is_grey=is_grey)[0]
    assert shown.reshape(2, -1)[:, 0].tolist() == [255, 0]


def test_smooth_synthesis_is_near_the_integers_and_has_gradients():
    synthesis = random_synthesis(CONFIG, 3)
    random = np.random.default_rng(1)
    planes = torch.from_numpy(random.normal(0, 3000, (3, 64, 64)).astype(np.int32))
    for quality in (20, 240):
        form = synthesis.at(quality, NO_FILTER)
        corrected, _ = corrected_planes(form, planes)
        levels = (planes[None].float() / 64).requires_grad_()
        smooth = SmoothSynthesis(form, torch.device("cpu"))(levels)
        moved = (corrected - planes).double() / 64
        error = smooth[0].detach().double() - corrected.double() / 64
        assert float(error.square().mean()) < 0.2 * float(moved.square().mean())
        smooth.square().sum().backward()
        assert float(levels.grad.abs().max()) > 0
