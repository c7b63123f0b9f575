"""What is written of a step is read back, and what both directions compute agrees."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from licodec.coding.step import StepReader, StepRule, StepWriter
from licodec.coding.trellis import MIN_ELEMENTS, num_chains, offsets_of, table_ids
from licodec.entropy.adaptive_filter import NO_FILTER, filter_batch
from licodec.entropy.decode import StepDecoder
from licodec.entropy.encode import encode_steps
from licodec.errors import CorruptFileError
from tests.tiny import tiny_family, tiny_network

NUM_BANDS = 3


@pytest.fixture(scope="module")
def family():
    return tiny_family(tiny_network(seed=4))


def rules(family) -> list[StepRule]:
    """Of all quantizers, with bounds up to the first index in chains."""
    found = [
        family.rule(quantizer, is_all_coded=True) for quantizer in ("rounding", "tcq8", "tcq128")
    ]
    return found + [replace(rule, skip_below=bound) for rule in found for bound in (5, 12)]


def random_index(rng: np.random.Generator, side: int) -> np.ndarray:
    """(6, side, side) uint8, a few of padding."""
    index = rng.integers(1, 64, (2 * NUM_BANDS, side, side)).astype(np.uint8)
    index[rng.random(index.shape) < 0.1] = 0
    return index


def write(writer: StepWriter, rule: StepRule, index: np.ndarray, rng) -> np.ndarray:
    """Random shifts and symbols of one step; what a reader must find."""

    def choose(groups: np.ndarray) -> np.ndarray:
        return (rng.integers(-3, 4, groups.shape) * groups).astype(np.int16)

    writer.shift(index, NUM_BANDS, choose)
    flat = index.reshape(-1)
    elements = rule.partition(flat, is_plain_sorted=False)
    symbols = rng.integers(-40, 41, len(flat)).astype(np.int16)
    is_plain = (flat >= elements.begin) & (flat < elements.end)
    writer.put_plain(symbols[is_plain], flat[is_plain])
    offsets = np.where(is_plain, 16 * symbols.astype(np.int32), 0)
    chained = elements.chained
    if len(chained):
        trellis, chains = rule.chains.trellis, num_chains(len(chained))
        quantizers = np.empty(len(chained), np.uint8)
        state = np.zeros(chains, np.uint8)
        for place, element in enumerate(chained):
            chain = place % chains
            quantizers[place] = trellis.quantizer[state[chain]]
            state[chain] = trellis.next_state[state[chain], symbols[element] & 1]
        found = symbols[chained]
        writer.put_chains(found, table_ids(flat[chained], quantizers))
        offsets[chained] = offsets_of(found.astype(np.int32), quantizers)
    return offsets.reshape(index.shape)


@pytest.mark.parametrize("number", range(9))
def test_steps_that_were_written_are_read_with_their_checksum(number, family):
    rng, rule = np.random.default_rng(number), rules(family)[number]
    writer = StepWriter(rule)
    indices = [random_index(rng, side) for side in (1, 3, 5, 12, 40)]
    given = [index.copy() for index in indices]
    expected = [write(writer, rule, index, rng) for index in indices]
    batches = [*writer.batches, filter_batch(NO_FILTER, rule.shift_table)]
    decoder = StepDecoder(encode_steps(batches, family.tables), family.tables)
    reader = StepReader(decoder, rule, zlib.crc32(b"front"))
    for before, index, offsets in zip(given, indices, expected, strict=True):
        np.testing.assert_array_equal(reader.step(before, NUM_BANDS), offsets)
        np.testing.assert_array_equal(before, index)
    assert len(reader.adaptive_filter()) == 0
    words = b"".join(symbols.astype("<i2").tobytes() for symbols, _ in batches)
    assert reader.crc == zlib.crc32(words, zlib.crc32(b"front"))


@pytest.mark.parametrize("number", range(9))
def test_every_coded_element_is_plain_or_in_a_chain(number, family):
    rule = rules(family)[number]
    for count in (MIN_ELEMENTS - 1, MIN_ELEMENTS, 3000):
        index = np.random.default_rng(count).integers(0, 64, count).astype(np.uint8)
        parts = rule.partition(index, is_plain_sorted=True)
        coded = np.flatnonzero(index >= rule.skip_below)
        first = 64 if rule.chains is None else rule.chains.first_index
        chained = np.flatnonzero(index >= first)
        if len(chained) < MIN_ELEMENTS:
            chained = chained[:0]
        assert sorted(parts.chained) == chained.tolist()
        assert sorted(parts.plain) == sorted(set(coded) - set(chained))
        for order in (parts.plain, parts.chained):
            assert order.tolist() == sorted(order, key=lambda e: (index[e], e))
        alone = rule.partition(index, is_plain_sorted=False)
        assert np.array_equal(alone.chained, parts.chained)
        assert (alone.begin, alone.end) == (parts.begin, parts.end)


def test_more_than_the_picture_needs_is_refused(family):
    rule = family.rule("rounding", is_all_coded=True)
    batches = [
        filter_batch(NO_FILTER, rule.shift_table),
        (np.ones(9, np.int16), np.full(9, 30, np.uint8)),
    ]
    decoder = StepDecoder(encode_steps(batches, family.tables), family.tables)
    with pytest.raises(CorruptFileError, match="goes on after the last symbol"):
        StepReader(decoder, rule, 0).adaptive_filter()
