"""Hypothesis strategies for values that several tests need."""

from __future__ import annotations

from hypothesis import strategies as st

from licodec.config import QUANTIZER_IDS
from licodec.container.format import SECTION_NAMES, Header, LosslessHeader, Section


def sides() -> st.SearchStrategy[int]:
    """Width or height in pixels, the ends of the range and of each varint length included."""
    edges = (1, 127, 128, 2**14 - 1, 2**14, 2**21 - 1, 2**21, 2**24)
    return st.one_of(st.sampled_from(edges), st.integers(1, 2**24))


def headers(side: st.SearchStrategy[int] | None = None) -> st.SearchStrategy[Header]:
    """Any valid header."""
    side = sides() if side is None else side
    return st.builds(
        Header,
        family_id=st.integers(1, 31),
        profile_id=st.integers(1, 7),
        family_fingerprint=st.binary(min_size=4, max_size=4),
        synthesis_fingerprint=st.binary(min_size=2, max_size=2),
        width=side,
        height=side,
        quality_index=st.integers(0, 255),
        is_grey=st.booleans(),
        quantizer_id=st.sampled_from(sorted(QUANTIZER_IDS.values())),
        is_all_coded=st.booleans(),
    )


def lossless_headers() -> st.SearchStrategy[LosslessHeader]:
    """Any valid header of a lossless file."""
    return st.builds(
        LosslessHeader,
        width=sides(),
        height=sides(),
        is_grey=st.booleans(),
        asked_quality=st.integers(0, 100),
    )


def section_data() -> st.SearchStrategy[bytes]:
    """Bytes that deflate does not shrink, and bytes that it does."""
    return st.one_of(
        st.binary(max_size=60),
        st.builds(lambda unit, n: unit * n, st.binary(min_size=1, max_size=9), st.integers(0, 400)),
    )


@st.composite
def section_lists(draw: st.DrawFn) -> list[Section]:
    """Any number of sections, each type at most once, in any order."""
    types = draw(st.lists(st.sampled_from(sorted(SECTION_NAMES)), unique=True))
    return [Section(number, draw(section_data())) for number in types]


@st.composite
def payloads(draw: st.DrawFn, max_words: int = 20) -> bytes:
    """Little-endian words, the last one not zero, often with zero bytes at its end."""
    words = draw(st.lists(st.integers(0, 2**32 - 1), max_size=max_words))
    if words:
        words[-1] = draw(st.one_of(st.integers(1, 2**8), st.integers(1, 2**32 - 1)))
    return b"".join(word.to_bytes(4, "little") for word in words)


def symbol_portions() -> st.SearchStrategy[list[bytes]]:
    """Symbols of a few steps, little-endian int16."""
    symbol = st.integers(-(2**15), 2**15 - 1).map(lambda s: s.to_bytes(2, "little", signed=True))
    return st.lists(st.lists(symbol, max_size=12).map(b"".join), max_size=4)
