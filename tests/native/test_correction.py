"""Corrections in the native library are those of torch, whatever the strips and threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from licodec.codec.analysis import analysed_planes
from licodec.codec.model import Family, quality_inputs
from licodec.codec.torch_analysis import corrected_planes
from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.native import threads
from licodec.native.binding import Library
from licodec.transform.colour import rgb_to_planes
from licodec.transform.colour_planes import planes_of_rows
from licodec.transform.correction import Correction
from licodec.transform.native_correction import NativeCorrection
from licodec.transform.weights import CorrectionWeights, weights_of
from tests.photos import crop

KNOTS = 3
INPUTS = np.array([[0.25, 0.75, 0]], np.float32), np.array([7.5], np.float32)
SHAPES = [
    CorrectionConfig(width=16, num_blocks=1, fine_width=8, fine_blocks=1),
    CorrectionConfig(width=5, num_blocks=0, fine_width=3, fine_blocks=2),
    CorrectionConfig(width=20, num_blocks=2, patch_px=2),
]


def weights(shape: CorrectionConfig) -> CorrectionWeights:
    """Random ones, large enough to change pictures by some grey levels."""
    torch.manual_seed(shape.width)
    net = Correction(
        width=shape.width,
        num_blocks=shape.num_blocks,
        num_knots=KNOTS,
        patch_px=shape.patch_px,
        fine_width=shape.fine_width,
        fine_blocks=shape.fine_blocks,
    )
    for name, parameter in net.named_parameters():
        if name.endswith(("bias", "gain")):
            torch.nn.init.normal_(parameter, std=0.3)
        if name.endswith("out.weight"):
            parameter.data.mul_(30)
    return weights_of(net, shape, KNOTS)


def planes(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(width).normal(0, 60, (3, height, width)).astype(np.float32)


def corrected(given: CorrectionWeights, library: Library, x: np.ndarray) -> np.ndarray:
    net = NativeCorrection(given.shape, given.arrays, library)
    size = x.shape[1]
    return net.correct(x, INPUTS, first_row=0, num_rows=size, top=0, bottom=size)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 200), (120, 72)])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_instruction_set_comes_to_what_torch_does(shape, height, width, libraries):
    given, x = weights(shape), planes(height, width)
    with torch.inference_mode():
        inputs = [torch.from_numpy(i) for i in INPUTS]
        expected = given.module(torch.from_numpy(x)[None], *inputs)[0].numpy()
    assert np.abs(expected - x).mean() > 0.5
    for library in libraries:
        np.testing.assert_allclose(corrected(given, library, x), expected, atol=1e-3)


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.usefixtures("restored_threads")
def test_threads_change_nothing(number, libraries, monkeypatch):
    given, x = weights(SHAPES[0]), planes(136, 88)
    threads.set_num_threads(1)
    expected = [corrected(given, library, x) for library in libraries]
    monkeypatch.setattr(threads, "_MIN_POSITIONS", 1)
    threads.set_num_threads(number)
    for library, other in zip(libraries, expected, strict=True):
        np.testing.assert_array_equal(corrected(given, library, x), other)


@pytest.mark.parametrize("shape", SHAPES)
def test_windows_are_parts_of_the_whole(shape, libraries):
    given, x = weights(shape), planes(240, 16)
    net = NativeCorrection(given.shape, given.arrays, libraries[-1])
    whole = corrected(given, libraries[-1], x)
    for top, bottom in ((0, 8), (80, 104), (200, 240)):
        first, last = max(top - net.reach_px, 0), min(bottom + net.reach_px, 240)
        part = net.correct(
            np.ascontiguousarray(x[:, first:last]),
            INPUTS,
            first_row=first,
            num_rows=240,
            top=top,
            bottom=bottom,
        )
        np.testing.assert_array_equal(part, whole[:, top:bottom])


def test_window_without_the_rows_around_it_is_refused(libraries):
    given = weights(SHAPES[0])
    net = NativeCorrection(given.shape, given.arrays, libraries[0])
    with pytest.raises(ValueError, match="refuses its arguments"):
        net.correct(planes(8, 8), INPUTS, first_row=64, num_rows=240, top=64, bottom=72)


def test_weights_of_another_shape_are_refused(libraries):
    given = weights(SHAPES[0])
    more = dict(given.arrays) | {"more": np.zeros(1, np.float32)}
    with pytest.raises(ModelError, match="more weights"):
        NativeCorrection(given.shape, more, libraries[0])
    wrong = dict(given.arrays) | {"into.weight": np.zeros((16, 3, 3, 3), np.float32)}
    with pytest.raises(ModelError, match="a correction has weights"):
        NativeCorrection(given.shape, wrong, libraries[0])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_analysis_of_the_installed_family_is_that_of_torch(mode: str, family: Family, monkeypatch):
    monkeypatch.setattr("licodec.codec.pixels.has_fast_bfloat16", lambda: False)
    pixels = crop(200, 150, mode)
    found = analysed_planes(pixels, family, 130, "cpu")
    inputs = quality_inputs(family.config, 130)
    expected = corrected_planes(pixels, family.analysis.module, inputs, "cpu")
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_colour_planes_are_those_of_torch():
    pixels = crop(100, 70)
    rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    expected = rgb_to_planes(rgb)[0].numpy()
    found = planes_of_rows(pixels, 0, 128)
    np.testing.assert_allclose(found[:, :70, :100], expected, atol=1e-4)
    np.testing.assert_array_equal(found[:, 70:], np.repeat(found[:, 69:70], 58, 1))
    np.testing.assert_array_equal(planes_of_rows(pixels, 64, 128), found[:, 64:])
