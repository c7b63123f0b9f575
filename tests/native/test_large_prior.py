"""A family with a large prior codes natively, to the same bytes as with the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from licodec.codec.decode import decode_symbols
from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family
from licodec.container.read import read_container
from licodec.prior.load import load_prior, native_prior
from licodec.prior.native_network import NativeNetwork
from tests.codec.files import file_of
from tests.photos import crop
from tests.tiny import RICH_FAMILY, tiny_family, tiny_network

QUALITY_INDEX = 200


@pytest.fixture(scope="module")
def family() -> Family:
    """With the reference, on float64."""
    return tiny_family(tiny_network(4, RICH_FAMILY), torch.float64)


def test_the_native_library_takes_such_a_family(family):
    assert isinstance(load_prior(family.tensors).network, NativeNetwork)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (101, 136)])
def test_files_are_those_of_the_reference_and_decode_to_its_planes(
    width, height, mode, family, libraries
):
    pixels = crop(width, height, mode)
    expected = encode_pixels(pixels, family, QUALITY_INDEX, "cpu")
    container = read_container(file_of(expected, pixels, QUALITY_INDEX))
    for library in libraries:
        native = replace(family, prior=native_prior(family.tensors, library))
        assert encode_pixels(pixels, native, QUALITY_INDEX, "cpu").payload == expected.payload
        np.testing.assert_array_equal(decode_symbols(container, native), expected.planes)
