"""The largest pictures that are allowed unasked have steps, planes and rows that the library takes.

Most of the arrays are zeros that nobody touches, which take no memory.
"""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.model import Family
from licodec.config import MAX_PIXELS
from licodec.native.coder import NativeDecoder, NativeTables, encode_batches
from licodec.prior.native_elements import NativeElements
from licodec.prior.reference_elements import ReferenceElements
from licodec.transform.native_synthesis import Corrector, NativeSynthesis
from tests.tiny import tiny_family, tiny_network, tiny_synthesis

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def family() -> Family:
    return tiny_family(tiny_network())


def test_symbols_at_the_end_of_the_largest_step_are_read(family, libraries):
    """Chroma of level 1 has 12 channels on a grid of a sixteenth of the pixels."""
    tables = NativeTables(family.tables.frequencies, family.tables.reaches, libraries[-1])
    symbols = np.random.default_rng(0).integers(-3, 4, 200).astype(np.int16)
    payload = encode_batches([(symbols, np.full(200, 20, np.uint8))], tables)
    index = np.zeros(12 * MAX_PIXELS // 16, np.uint8)
    index[-200:] = 20
    decoder = NativeDecoder(payload, tables, 1)
    offsets, found = decoder.step(index)
    decoder.finish()
    np.testing.assert_array_equal(found, symbols)
    np.testing.assert_array_equal(offsets[-200:], 16 * symbols)


def test_window_at_the_end_of_the_largest_planes_is_that_of_smaller_ones(family, libraries):
    side = int(MAX_PIXELS**0.5) // 2
    low, values = np.zeros((3, side, side), np.int32), np.zeros((9, side, side), np.int16)
    random = np.random.default_rng(0)
    low[:, -10:, -10:] = random.integers(-9000, 9000, (3, 10, 10))
    values[:, -10:, -10:] = random.integers(-300, 300, (9, 10, 10))
    window = (2 * side - 12, 2 * side, 2 * side - 12, 2 * side)
    elements = NativeElements(family.tensors, libraries[-1])
    found = elements.synthesise(1, 100, low, values, window)
    part = low[:, -10:, -10:].copy(), values[:, -10:, -10:].copy()
    expected = ReferenceElements(family.tensors).synthesise(1, 100, *part, (8, 20, 8, 20))
    np.testing.assert_array_equal(found, expected)


def test_rows_of_more_than_a_million_pixels_are_corrected(libraries):
    synthesis = tiny_synthesis(tiny_network())
    native = NativeSynthesis(synthesis, libraries[-1])
    parts = native.picture(synthesis.at(100, np.zeros(0, np.int16)))
    width = (1 << 20) + 64
    planes = np.zeros((3, 8, width), np.int32)
    planes[:, :, -64:] = np.arange(64)
    pixels = [np.empty((8, n, 3), np.uint8) for n in (width, 128)]
    for taken in pixels:
        columns = taken.shape[1]
        corrector = Corrector(native, parts, (8, columns), (0, 8, 0, columns), pixels=taken)
        corrector.push(np.ascontiguousarray(planes[:, :, -columns:]))
    np.testing.assert_array_equal(pixels[0][:, -64:], pixels[1][:, -64:])
