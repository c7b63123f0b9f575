"""Streams of the native coder are those of the definition and of constriction."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.model import Family
from licodec.coding.native_step import NativeStepReader
from licodec.coding.step import StepReader
from licodec.entropy.decode import StepDecoder
from licodec.entropy.encode import encode_steps
from licodec.entropy.tables import Tables
from licodec.errors import CorruptFileError, ModelError
from licodec.native.coder import NativeDecoder, NativeTables, encode_batches
from tests.entropy.reference_ans import reference_encode
from tests.tiny import tiny_family, tiny_network

BANDS = 3


@pytest.fixture(scope="module")
def family() -> Family:
    return tiny_family(tiny_network())


@pytest.fixture(scope="module")
def tables(family, libraries) -> NativeTables:
    return NativeTables(family.tables.frequencies, family.tables.reaches, libraries[0])


def without_library(tables: Tables) -> Tables:
    """The same tables, coded with constriction whatever is installed."""
    other = Tables(tables.reaches, tables.frequencies, tables.skip_below)
    other.__dict__["native"] = None
    return other


def batches(seed: int, tables: Tables, spread: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of several lengths, none and one among them; escapes where the spread is large."""
    random = np.random.default_rng(seed)
    found = []
    for count in (300, 0, 1, 7, 1000):
        number = random.integers(0, len(tables.reaches), count)
        symbols = random.laplace(0, spread * tables.reaches[number])
        symbols = symbols.round().clip(-32767, 32767)
        found.append((symbols.astype(np.int16), number.astype(np.uint8)))
    return found


@pytest.mark.parametrize("spread", [0.01, 0.3, 5, 1000])
def test_payload_is_that_of_constriction(spread, family, tables):
    steps = batches(1, family.tables, spread)
    expected = encode_steps(steps, without_library(family.tables))
    assert encode_batches(steps, tables) == expected


def test_payload_is_that_of_the_definition(family, tables):
    """One table a batch, so that no order hides."""
    random = np.random.default_rng(5)
    steps, symbols, frequencies = [], [], []
    for number in (3, 0, 63, 191, tables.shift_table):
        reach = int(family.tables.reaches[number])
        values = random.integers(-reach, reach + 1, 40)
        steps.append((values.astype(np.int16), np.full(40, number, np.uint8)))
        symbols += (values + reach).tolist()
        frequencies += [family.tables.frequencies[number].tolist()] * 40
    assert encode_batches(steps, tables) == reference_encode(symbols, frequencies)


def test_nothing_is_coded_as_nothing(tables):
    assert encode_batches([], tables) == b""
    assert encode_batches([(np.empty(0, np.int16), np.empty(0, np.uint8))], tables) == b""
    NativeDecoder(b"", tables, 1).finish()


@pytest.mark.parametrize("size", [-32768, 32768])
def test_symbol_beyond_the_largest_is_refused(size, tables):
    with pytest.raises(ValueError, match="beyond 32767"):
        encode_batches([(np.array([size]), np.array([0], np.uint8))], tables)


def test_number_beyond_the_tables_is_refused(tables):
    with pytest.raises(ValueError, match="refuses its arguments"):
        encode_batches([(np.array([1], np.int16), np.array([200], np.uint8))], tables)


@pytest.mark.parametrize("payload", [b"abc", bytes(4), b"abcde", b"abcd" + bytes(4)])
def test_payload_that_no_encoder_writes_is_refused(payload, tables):
    with pytest.raises(CorruptFileError, match="does not end in a whole word"):
        NativeDecoder(payload, tables, 1)


def test_payload_that_goes_on_is_refused(tables):
    decoder = NativeDecoder(b"abcd" * 5, tables, 1)
    decoder.batch(2)
    with pytest.raises(CorruptFileError, match="goes on after the last symbol"):
        decoder.finish()


@pytest.mark.parametrize("frequencies", [[1, 2, 3, 4], [0, 1 << 23, 1 << 23, 0], [1 << 24] * 4])
def test_tables_that_are_none_are_refused(frequencies, libraries):
    with pytest.raises(ModelError):
        NativeTables([np.array(frequencies)], np.array([1]), libraries[0])


def readers(
    payload: bytes, quantizer: str, family: Family, tables: NativeTables
) -> tuple[StepReader, NativeStepReader]:
    rule = family.rule(quantizer, is_all_coded=False)
    decoder = StepDecoder(payload, family.tables)
    return StepReader(decoder, rule, 7), NativeStepReader(payload, tables, rule, 7)


def read(reader: StepReader | NativeStepReader, seed: int) -> list[object]:
    """What a reader makes of some steps, to the first error."""
    random = np.random.default_rng(seed)
    results: list[object] = []
    try:
        for side in (9, 30, 0, 1, 40):
            shape = 2 * BANDS, side, side
            index = random.gamma(2, 8, shape).clip(0, 63).astype(np.uint8)
            moved = index.copy()
            offsets = reader.step(moved, BANDS)
            results += [offsets.astype(np.int32).tobytes(), moved.tobytes()]
            results.append(reader.crc)
        results += [reader.adaptive_filter().tolist(), reader.crc]
    except CorruptFileError as error:
        results.append(str(error).startswith("payload"))
    return results


@pytest.mark.parametrize("quantizer", ["rounding", "tcq8", "tcq128"])
@pytest.mark.parametrize("seed", range(6))
def test_any_payload_is_read_as_constriction_reads_it(quantizer, seed, family, tables):
    """Random words: symbols of any size, escapes, and at last an error or the end."""
    random = np.random.default_rng(seed)
    payload = random.bytes(4 * int(random.integers(0, 8000)))[:-1] + b"\1"
    payload = payload if len(payload) % 4 == 0 else b""
    expected, found = (read(reader, seed) for reader in readers(payload, quantizer, family, tables))
    assert found == expected
