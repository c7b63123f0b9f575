"""The analysis correction gives the same integers everywhere, whatever the strips and threads."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.analysis import analysed_planes
from licodec.codec.model import Family, quality_inputs
from licodec.codec.pixels import corrected_rows
from licodec.codec.torch_analysis import corrected_planes
from licodec.config import CorrectionConfig
from licodec.errors import ModelError
from licodec.native import threads
from licodec.native.binding import Library
from licodec.transform.analysis_reference import corrected_words
from licodec.transform.integer_analysis import IntegerCorrection
from licodec.transform.native_correction import NativeCorrection
from licodec.transform.weights import CorrectionWeights
from tests.corrections import INPUTS, SHAPES, random_words, weights
from tests.photos import crop


def corrected(given: CorrectionWeights, library: Library, x: np.ndarray) -> np.ndarray:
    net = NativeCorrection(given.integer, library)
    return net.correct(given.integer.at(INPUTS), x, (0, x.shape[1]))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 200), (120, 72)])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_instruction_set_gives_what_the_reference_gives(shape, height, width, libraries):
    given, x = weights(shape), random_words(height, width)
    expected = corrected_words(given.integer.at(INPUTS), x)
    assert np.abs(expected - x).mean() > 32
    for library in libraries:
        np.testing.assert_array_equal(corrected(given, library, x), expected)


@pytest.mark.parametrize("size", [1 << 15, 1 << 20])
def test_clamped_numbers_are_those_of_the_reference(size, libraries):
    """Planes beyond 16 bits, and biases so large that maps are clamped, too."""
    given = weights(SHAPES[0])
    large = {k: a * (200 if k.endswith("bias") else 1) for k, a in given.arrays.items()}
    net = IntegerCorrection(given.shape, large)
    x = np.random.default_rng(size).integers(-size, size, (3, 64, 64)).astype(np.int32)
    expected = corrected_words(net.at(INPUTS), x)
    for library in libraries:
        found = NativeCorrection(net, library).correct(net.at(INPUTS), x, (0, 64))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.usefixtures("restored_threads")
def test_threads_change_nothing(number, libraries, monkeypatch):
    given, x = weights(SHAPES[0]), random_words(136, 88)
    threads.set_num_threads(1)
    expected = corrected(given, libraries[-1], x)
    monkeypatch.setattr(threads, "_MIN_POSITIONS", 1)
    threads.set_num_threads(number)
    for library in libraries:
        np.testing.assert_array_equal(corrected(given, library, x), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_windows_are_parts_of_the_whole(shape, libraries):
    given, x = weights(shape), random_words(240, 16)
    parts, net = given.integer.at(INPUTS), NativeCorrection(given.integer, libraries[-1])
    whole = net.correct(parts, x, (0, 240))
    halo = -(-given.integer.halo_px // 8) * 8
    for top, bottom in ((0, 8), (80, 104), (200, 240)):
        first, last = max(top - halo, 0), min(bottom + halo, 240)
        window, wanted = np.ascontiguousarray(x[:, first:last]), (top - first, bottom - first)
        np.testing.assert_array_equal(net.correct(parts, window, wanted), whole[:, top:bottom])
        found = corrected_words(parts, window)[:, slice(*wanted)]
        np.testing.assert_array_equal(found, whole[:, top:bottom])


def test_arrays_and_windows_that_do_not_fit_are_refused(libraries):
    given = weights(SHAPES[0])
    parts, net = given.integer.at(INPUTS), NativeCorrection(given.integer, libraries[0])
    with pytest.raises(ValueError, match="expected contiguous int32"):
        net.correct(parts, random_words(8, 8).astype(np.int16), (0, 8))
    with pytest.raises(ValueError, match="refuses a window"):
        net.correct(parts, random_words(8, 12), (0, 8))
    with pytest.raises(ModelError, match="cannot take"):
        NativeCorrection(weights(CorrectionConfig(width=300, num_blocks=0)).integer, libraries[0])


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("quality_index", [0, 130, 255])
def test_analysis_of_the_installed_family_is_near_that_in_floating_point(
    quality_index: int, mode: str, family: Family
):
    pixels = crop(200, 150, mode)
    found = np.stack(analysed_planes(pixels, family, quality_index, "cpu"))
    inputs = quality_inputs(family.config, quality_index)
    expected = corrected_planes(pixels, family.analysis.module, inputs, "cpu")
    (given,) = corrected_rows(pixels, lambda planes, is_last: planes)
    moved = np.square(expected - given.numpy()).mean()
    assert np.square(found - expected).mean() < 1e-3 * moved + 1e-4  # for the unit, 1/64
