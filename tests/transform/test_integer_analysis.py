"""The analysis correction in integers: derived from floating point, and never beyond 32 bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.codec.model import Family, quality_inputs
from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.transform.analysis_reference import corrected_words
from licodec.transform.colour import grey_to_luma, rgb_to_planes
from licodec.transform.colour_planes import integer_planes
from licodec.transform.integer_analysis import IntegerCorrection, WordPart
from tests.corrections import INPUTS, SHAPES, random_words, weights
from tests.photos import crop


def scaled(shape: CorrectionConfig, factor: float) -> dict[str, np.ndarray]:
    """Weights of all 3x3 convolutions and biases times a factor."""
    arrays = weights(shape).arrays
    return {k: a if "out" in k or "gain" in k else a * factor for k, a in arrays.items()}


def assert_fits(part: WordPart) -> None:
    """The largest sum of a layer's products, its bias and half of its shift fit 32 bits."""
    for number, layer in enumerate([*part.layers, part.out]):
        assert layer.weight.dtype == np.int16
        assert layer.shift.min() >= 1
        assert layer.shift.max() <= 24
        is_leaky = number == len(part.layers) or (number > 0 and number % 2 == 0)
        ends = (-3277 if is_leaky else -32768, 32767)
        rows = layer.weight.astype(np.int64).reshape(len(layer.weight), -1)
        for signs in (1, -1):
            most = np.where(rows * signs > 0, rows * ends[1], rows * ends[0]).sum(1)
            least = np.where(rows * signs > 0, rows * ends[0], rows * ends[1]).sum(1)
            sums = np.array([most, least]) + layer.bias.astype(np.int64)
            assert sums.max() < 1 << 31
            assert sums.min() >= -(1 << 31)
        assert np.abs(layer.bias.astype(np.int64)).max() <= 1 << 28


@pytest.mark.parametrize("factor", [0, 1e-6, 0.01, 1, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_never_leave_32_bits(shape, factor):
    for part in IntegerCorrection(shape, scaled(shape, factor)).at(INPUTS):
        assert_fits(part)


@pytest.mark.parametrize("quality_index", [0, 100, 255])
def test_sums_of_the_installed_family_never_leave_32_bits(quality_index: int, family: Family):
    for part in family.analysis.integer.at(quality_inputs(family.config, quality_index)):
        assert_fits(part)
        assert len(set(part.out.shift)) == 1
        for layer in part.layers:  # some bits less would lose what was trained
            assert np.abs(layer.weight).reshape(len(layer.weight), -1).max(1).min() >= 64


@pytest.mark.parametrize("factor", [0.25, 1, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_integers_are_near_floating_point_whatever_the_size_of_its_weights(shape, factor):
    arrays, x = scaled(shape, factor), random_words(64, 88)
    net = weights(shape).module
    net.load_state_dict({k: torch.from_numpy(a) for k, a in arrays.items()})
    with torch.inference_mode():
        inputs = [torch.from_numpy(i) for i in INPUTS]
        expected = net(torch.from_numpy(x).float()[None] / 64, *inputs)[0].numpy()
    found = corrected_words(IntegerCorrection(shape, arrays).at(INPUTS), x) / 64
    inside = np.abs(expected) < 500  # what planes hold
    moved = np.square(expected - x / 64)[inside].mean()
    assert np.square(found - expected)[inside].mean() < 1e-3 * moved + 1e-4  # for the unit, 1/64


def test_network_of_zeros_changes_nothing():
    arrays = {k: np.zeros_like(a) for k, a in weights(SHAPES[0]).arrays.items()}
    x = random_words(16, 16)
    found = corrected_words(IntegerCorrection(SHAPES[0], arrays).at(INPUTS), x)
    np.testing.assert_array_equal(found, x)


def test_last_bits_of_logarithm_and_exponential_change_nothing(family: Family):
    net = family.analysis.integer
    for quality_index in range(0, 256, 51):
        knots, step = (x.astype(np.float64) for x in quality_inputs(family.config, quality_index))
        for part, other in zip(
            net.at((knots, step)), net.at((knots, step * (1 + 2**-50))), strict=True
        ):
            np.testing.assert_array_equal(part.out.weight, other.out.weight)
            np.testing.assert_array_equal(part.out.bias, other.out.bias)


def test_weights_of_another_shape_are_refused():
    shape, arrays = SHAPES[0], weights(SHAPES[0]).arrays
    with pytest.raises(ModelError, match="more weights"):
        IntegerCorrection(shape, dict(arrays) | {"more": np.zeros(1, np.float32)})
    with pytest.raises(ModelError, match=r"into.weight of a correction is \(16, 3, 3, 3\), not"):
        IntegerCorrection(shape, dict(arrays) | {"into.weight": np.zeros((16, 3, 3, 3), "f4")})
    with pytest.raises(ModelError, match=r"into.bias of a correction is \(3, 7\)"):
        IntegerCorrection(shape, dict(arrays) | {"into.bias": np.zeros((3, 7), "f4")})
    with pytest.raises(ModelError, match="no 4n"):
        odd = CorrectionConfig(width=6, num_blocks=0)
        IntegerCorrection(odd, weights(odd).arrays)
    with pytest.raises(KeyError, match=r"blocks\.0"):
        IntegerCorrection(shape, {k: a for k, a in arrays.items() if "blocks.0" not in k})


def test_colour_planes_are_the_orthonormal_ones_rounded():
    pixels = crop(100, 70)
    rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].double()
    expected = rgb_to_planes(rgb)[0].numpy() * 64
    found = integer_planes(pixels, 0, 128)
    assert np.abs(found[:, :70, :100] - expected).max() < 0.51
    np.testing.assert_array_equal(found[:, 70:], np.repeat(found[:, 69:70], 58, 1))
    np.testing.assert_array_equal(integer_planes(pixels, 64, 128), found[:, 64:])


def test_grey_planes_are_luma_alone():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    planes = integer_planes(pixels, 0, 16)
    expected = grey_to_luma(torch.from_numpy(pixels).double()).numpy() * 64
    assert np.abs(planes[0, :, :16] - expected).max() < 0.51
    assert not planes[1:].any()
