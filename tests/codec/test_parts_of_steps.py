"""Cutting a step into parts changes nothing of what is coded and decoded."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.api import Codec
from licodec.codec.encode import encode_pixels
from licodec.coding import step
from licodec.coding.trellis import chain_groups, num_chains
from licodec.entropy import groups
from licodec.quantize import reference
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network


@pytest.mark.parametrize("choice", ["rounding", "dead-zone", "rdoq", "tcq8"])
def test_payload_does_not_depend_on_how_much_is_chosen_at_once(choice, monkeypatch):
    family, pixels = tiny_family(tiny_network(seed=4)), crop(200, 130)
    family.tables.__dict__["native"] = None
    whole = encode_pixels(pixels, family, 200, "cpu", choice=choice)
    monkeypatch.setattr(reference, "_WHOLE_ELEMENTS", 300)
    monkeypatch.setattr(reference, "_CHAINS_AT_ONCE", 32)
    monkeypatch.setattr(groups, "SORTED_AT_ONCE", 1000)
    cut = encode_pixels(pixels, family, 200, "cpu", choice=choice)
    assert cut.payload == whole.payload
    assert len(np.concatenate(cut.tables_used)) == len(np.concatenate(whole.tables_used))


def test_symbols_read_in_small_pieces_are_the_same(monkeypatch):
    codec, pixels = Codec(device="cpu"), crop(200, 130)
    data = codec.encode(pixels, quality=80)
    whole = codec.decode(data)
    monkeypatch.setattr(step, "_PIECE_ELEMENTS", 100)
    monkeypatch.setattr(groups, "SORTED_AT_ONCE", 1000)
    assert np.array_equal(codec.decode(data), whole)


@pytest.mark.parametrize("count", [4096, 4097, 4159, 4160])
def test_groups_of_chains_form_the_chains_that_all_elements_form(count):
    chains = num_chains(count)
    seen = []
    for elements in chain_groups(count, 32):
        width = num_chains(len(elements))
        assert width <= 32
        for chain in range(width):
            assert np.all(np.diff(elements[chain::width]) == chains)
        seen += (elements[:width] % chains).tolist()
    assert seen == list(range(chains))
