"""Symbols survive the stream, which a second decoder, written from the document, reads too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licodec.entropy import encode, groups
from licodec.entropy.decode import StepDecoder
from licodec.entropy.encode import encode_steps, estimated_bits
from licodec.entropy.groups import ESCAPE_CLASSES, group_by_table
from licodec.entropy.tables import MAX_SYMBOL, Tables
from licodec.errors import CorruptFileError
from tests.entropy.reference_ans import reference_encode
from tests.entropy.tables import random_halves, random_tables
from tests.prior.written_symbols import Symbols

REACHES = (1, 2, 9, 40, 300)
TABLES = random_tables(4, REACHES)
SYMBOLS = st.one_of(
    st.integers(-4, 4),
    st.sampled_from([s * (r + d) for r in REACHES for d in (0, 1, 2) for s in (-1, 1)]),
    st.integers(-MAX_SYMBOL, MAX_SYMBOL),
    st.sampled_from([-MAX_SYMBOL, MAX_SYMBOL]),
)
ELEMENTS = st.tuples(SYMBOLS, st.integers(0, len(REACHES) - 1))
Steps = list[tuple[np.ndarray, np.ndarray]]


def arrays(steps: list[list[tuple[int, int]]]) -> Steps:
    return [
        (np.array([s for s, _ in step], np.int16), np.array([t for _, t in step], np.uint8))
        for step in steps
    ]


def decoded(payload: bytes, steps: Steps, tables: Tables = TABLES) -> list[np.ndarray]:
    decoder = StepDecoder(payload, tables)
    symbols = [decoder.step(index) for _, index in steps]
    decoder.finish()
    return symbols


def assert_equal(found: list[np.ndarray], steps: Steps) -> None:
    assert [f.tolist() for f in found] == [symbols.tolist() for symbols, _ in steps]


def random_steps(seed: int, sizes: list[int], largest: int = 60) -> Steps:
    rng = np.random.default_rng(seed)
    return [
        (
            rng.integers(-largest, largest + 1, n).astype(np.int16),
            rng.integers(0, len(REACHES), n).astype(np.uint8),
        )
        for n in sizes
    ]


@given(steps=st.lists(st.lists(ELEMENTS, max_size=30), max_size=5))
def test_steps_survive_the_round_trip(steps):
    coded = arrays(steps)
    assert_equal(decoded(encode_steps(coded, TABLES), coded), coded)


@pytest.mark.parametrize(("elements", "steps_at_once"), [(1, 9), (20, 9), (1000, 2), (1000, 1)])
def test_stream_is_the_same_however_many_steps_are_sorted_at_once(
    elements, steps_at_once, monkeypatch
):
    steps = random_steps(8, [5, 0, 30, 1, 17, 0, 0, 40, 3])
    whole = encode_steps(steps, TABLES)
    monkeypatch.setattr(encode, "SORTED_AT_ONCE", elements)
    monkeypatch.setattr(encode, "_STEPS_AT_ONCE", steps_at_once)
    assert encode_steps(steps, TABLES) == whole


@given(steps=st.lists(st.lists(ELEMENTS, max_size=12), max_size=3))
def test_decoder_written_from_the_document_reads_the_stream(steps):
    coded = arrays(steps)
    weights = {
        "table_halves": random_halves(4, REACHES),
        "table_reaches": np.array(REACHES),
        "skip_below": np.array([0]),
    }
    reader = Symbols(encode_steps(coded, TABLES), weights, bound=0)
    assert_equal([reader.step(index, [0]) // 16 for _, index in coded], coded)
    assert reader.ans.is_empty()


@pytest.mark.parametrize("sizes", [[], [0], [0, 0, 0], [0, 5, 0], [5000, 0, 1]])
def test_empty_steps_take_no_bytes_and_change_nothing(sizes):
    coded = random_steps(1, sizes)
    payload = encode_steps(coded, TABLES)
    assert payload == encode_steps([step for step in coded if len(step[0])], TABLES)
    assert_equal(decoded(payload, coded), coded)


def test_picture_without_elements_has_an_empty_payload():
    assert encode_steps([], TABLES) == b""
    assert_equal(decoded(b"", []), [])


@pytest.mark.parametrize("table", range(len(REACHES)))
def test_step_of_a_single_table_survives(table):
    symbols, index = random_steps(table, [4000], largest=400)[0]
    coded = [(symbols, np.full_like(index, table))]
    assert_equal(decoded(encode_steps(coded, TABLES), coded), coded)


def test_every_magnitude_that_a_file_can_hold_survives_in_the_narrowest_table():
    symbols = np.arange(-MAX_SYMBOL, MAX_SYMBOL + 1).astype(np.int16)
    coded = [(symbols, np.zeros(len(symbols), np.uint8))]
    assert_equal(decoded(encode_steps(coded, TABLES), coded), coded)


def test_payload_is_within_words_of_the_information_of_its_symbols():
    rng = np.random.default_rng(9)
    table, count = 3, 20000
    frequencies = TABLES.frequencies[table]
    entries = rng.choice(len(frequencies) - 1, count, p=frequencies[:-1] / frequencies[:-1].sum())
    coded = [((entries - REACHES[table]).astype(np.int16), np.full(count, table, np.uint8))]
    bits = float(TABLES.bits(table)[entries].sum())
    assert abs(8 * len(encode_steps(coded, TABLES)) - bits) <= 64 + 0.001 * bits


def test_bits_are_estimated_with_the_suffixes_of_escapes():
    coded = random_steps(5, [3000, 0, 700, 1])
    escapes = [(np.array([900, -12000, 32767], np.int16), np.array([0, 1, 3], np.uint8))] * 60
    for steps in (coded, escapes):
        bits = estimated_bits(steps, TABLES)
        assert abs(8 * len(encode_steps(steps, TABLES)) - bits) <= 64 + 0.001 * bits
    assert estimated_bits([], TABLES) == 0


def test_symbol_beyond_the_largest_is_refused():
    with pytest.raises(ValueError, match="beyond 32767"):
        encode_steps([(np.array([-32768]), np.array([0], np.uint8))], TABLES)


@pytest.mark.parametrize(
    "payload", [b"\x01", b"\x01\x02\x03\x04\x05", bytes(4), b"abcd" + bytes(4)]
)
def test_payload_that_is_no_stream_of_words_is_refused(payload):
    with pytest.raises(CorruptFileError, match="whole word"):
        StepDecoder(payload, TABLES)


def test_words_that_are_left_over_are_reported():
    coded = random_steps(3, [50])
    decoder = StepDecoder(encode_steps([*coded, *random_steps(4, [50])], TABLES), TABLES)
    decoder.step(coded[0][1])
    with pytest.raises(CorruptFileError, match="goes on after the last symbol"):
        decoder.finish()


def test_escape_of_a_size_that_no_encoder_writes_is_refused():
    table = TABLES.frequencies[0].tolist()
    negative, classes, rest = ([2**24 // n] * n for n in (2, ESCAPE_CLASSES, 2**15))
    payload = reference_encode([3, 0, 15, 7], [table, negative, classes, rest])
    decoder = StepDecoder(payload, TABLES)
    with pytest.raises(CorruptFileError, match=f"symbol of size {1 + 2**15 + 7}"):
        decoder.step(np.zeros(1, np.uint8))


@given(words=st.lists(st.integers(1, 2**32 - 1), max_size=40), seed=st.integers(0, 99))
def test_arbitrary_words_give_symbols_or_an_error(words, seed):
    payload = b"".join(word.to_bytes(4, "little") for word in words)
    steps = random_steps(seed, [7, 0, 90, 33])
    try:
        symbols = decoded(payload, steps)
    except CorruptFileError:
        return
    assert all(int(np.abs(s).max(initial=0)) <= MAX_SYMBOL for s in symbols)


def test_grouping_sorts_by_table_and_keeps_the_order_within_one():
    index = np.array([2, 0, 2, 1, 0], np.uint8)
    order, bounds = group_by_table(index, 4)
    assert order.tolist() == [1, 4, 3, 0, 2]
    assert bounds.tolist() == [0, 2, 3, 5, 5]


@pytest.mark.parametrize("first_table", [0, 1, 3, 4])
@pytest.mark.parametrize("at_once", [1, 7, 100, 1000])
def test_grouping_of_large_steps_in_parts_is_a_stable_sort(first_table, at_once, monkeypatch):
    monkeypatch.setattr(groups, "SORTED_AT_ONCE", at_once)
    index = np.random.default_rng(2).integers(0, 4, 300).astype(np.uint8)
    order, bounds = group_by_table(index, 4, first_table)
    expected = [e for t in range(first_table, 4) for e in range(300) if index[e] == t]
    assert order.tolist() == expected
    counts = [int((index == t).sum()) if t >= first_table else 0 for t in range(4)]
    assert np.diff(bounds).tolist() == counts
