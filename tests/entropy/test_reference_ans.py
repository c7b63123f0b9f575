"""The written definition of the ANS stream against constriction, word for word."""

from itertools import pairwise

import constriction
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.entropy.reference_ans import PRECISION_BITS, ReferenceDecoder, reference_encode

TOTAL = 2**PRECISION_BITS


def model_of(table):
    """constriction's model with exactly these frequencies."""
    weights = np.array(table, dtype=np.int64) - 1
    return constriction.stream.model.Categorical(weights.astype(np.float64), perfect=False)


def random_table(rng, num_entries):
    """Frequencies from 1 to nearly 2^24 that sum to 2^24."""
    weights = rng.random(num_entries) ** 8
    table = 1 + np.floor(weights / weights.sum() * (TOTAL - num_entries)).astype(np.int64)
    table[rng.integers(num_entries)] += TOTAL - int(table.sum())
    return [int(f) for f in table]


def library_encode(symbols, tables):
    coder = constriction.stream.stack.AnsCoder()
    for symbol, table in zip(reversed(symbols), reversed(tables), strict=True):
        coder.encode_reverse(np.array([symbol], dtype=np.int32), model_of(table))
    return coder.get_compressed().astype("<u4").tobytes()


@pytest.mark.parametrize("seed", range(10))
def test_definition_writes_and_reads_the_words_that_constriction_writes(seed):
    rng = np.random.default_rng(seed)
    choices = [random_table(rng, n) for n in (2, 3, 17, 65, 257)]
    tables = [choices[i] for i in rng.integers(len(choices), size=400)]
    symbols = [int(rng.integers(len(table))) for table in tables]
    payload = library_encode(symbols, tables)
    assert reference_encode(symbols, tables) == payload
    decoder = ReferenceDecoder(payload)
    assert [decoder.decode(table) for table in tables] == symbols
    assert decoder.is_empty()


@pytest.mark.parametrize("seed", range(5))
def test_both_decoders_read_the_same_symbols_from_random_words(seed):
    rng = np.random.default_rng(seed)
    table = random_table(rng, 33)
    payload = rng.bytes(400) + b"\x01\x00\x00\x00"
    coder = constriction.stream.stack.AnsCoder(np.frombuffer(payload, "<u4").astype(np.uint32))
    decoder = ReferenceDecoder(payload)
    expected = coder.decode(model_of(table), 500).tolist()
    assert [decoder.decode(table) for _ in range(500)] == expected
    assert decoder.is_empty() == coder.is_empty()


def test_likely_first_symbols_take_no_bytes_at_all():
    table = [TOTAL - 1, 1]
    assert reference_encode([0] * 50, [table] * 50) == b""
    decoder = ReferenceDecoder(b"")
    assert [decoder.decode(table) for _ in range(50)] == [0] * 50
    assert decoder.is_empty()


def test_one_symbol_of_half_the_range_gives_the_word_computed_by_hand():
    # state 0: 0 // 2^23 << 24 | (2^23 + 0 % 2^23) = 2^23, flushed as one word.
    assert reference_encode([1], [[TOTAL // 2, TOTAL // 2]]) == bytes.fromhex("00008000")


@given(data=st.data())
def test_every_short_message_survives_the_round_trip(data):
    cuts = data.draw(st.lists(st.integers(1, TOTAL - 1), min_size=1, max_size=4, unique=True))
    edges = [0, *sorted(cuts), TOTAL]
    table = [b - a for a, b in pairwise(edges)]
    symbols = data.draw(st.lists(st.integers(0, len(table) - 1), max_size=60))
    decoder = ReferenceDecoder(reference_encode(symbols, [table] * len(symbols)))
    assert [decoder.decode(table) for _ in symbols] == symbols
    assert decoder.is_empty()


@pytest.mark.parametrize("payload", [b"\x01", bytes(4), b"\x01\x00\x00\x00\x00\x00\x00\x00"])
def test_payload_that_no_encoder_writes_is_refused(payload):
    with pytest.raises(ValueError, match="whole words"):
        ReferenceDecoder(payload)
