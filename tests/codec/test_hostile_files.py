"""Files that were damaged, foreign or made to harm: an error, never another picture."""

from __future__ import annotations

import random
import resource

import numpy as np
import pytest

import licodec
from licodec.api import Codec
from licodec.check import check_symbols_of
from licodec.codec.encode import encode_pixels
from licodec.config import FAMILY_IDS, PROFILE_IDS, QUANTIZER_IDS
from licodec.container.format import Header
from licodec.container.read import read_container
from licodec.container.write import write_container
from licodec.errors import (
    BitstreamError,
    CorruptFileError,
    ModelError,
    TooLargeError,
)
from licodec.prior.coding_prior import CodingPrior
from tests.photos import crop

PIXELS = crop(48, 40)
QUALITY_INDEX = 200


@pytest.fixture(scope="module")
def data(codec) -> bytes:
    """A small file without metadata."""
    return codec.encode(PIXELS, quality=80)


def file_with(codec: Codec, family, **changes: object) -> bytes:
    """The picture's own symbols behind a header with some fields changed."""
    encoded = encode_pixels(PIXELS, family, QUALITY_INDEX, "cpu")
    fields: dict[str, object] = {
        "family_id": FAMILY_IDS[codec.info.family],
        "profile_id": PROFILE_IDS[codec.info.name],
        "family_fingerprint": family.fingerprint,
        "synthesis_fingerprint": codec.info.synthesis_fingerprint,
        "width": PIXELS.shape[1],
        "height": PIXELS.shape[0],
        "quality_index": QUALITY_INDEX,
        "is_grey": False,
        "quantizer_id": QUANTIZER_IDS[encoded.quantizer],
    }
    header = Header(**(fields | changes))  # type: ignore[arg-type]
    return write_container(header, [], encoded.payload, encoded.symbols)


def test_flipped_bit_at_500_random_places_is_an_error_and_never_a_picture(codec, data):
    assert len(data) > 100
    places = random.Random(11).sample(range(8 * len(data)), 500)
    for place in places:
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((BitstreamError, ModelError)) as caught:
            codec.decode(bytes(damaged))
        assert "\n" not in str(caught.value)


def test_every_truncation_is_an_error(codec, data):
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            codec.decode(data[:length])


def test_bytes_after_the_end_are_an_error(codec, data):
    for more in (b"\0", b"\x01", data):
        with pytest.raises(CorruptFileError, match="end of the payload"):
            codec.decode(data + more)


@pytest.mark.parametrize("seed", range(30))
def test_random_payload_behind_a_valid_frame_is_corrupt(seed, codec, data):
    container = read_container(data)
    rng = np.random.default_rng(seed)
    payload = rng.bytes(4 * int(rng.integers(0, 200))) + b"\x01\x02\x03\x04"
    forged = write_container(container.header, [], payload, [])
    with pytest.raises(CorruptFileError):
        codec.decode(forged)


@pytest.mark.parametrize("quality_index", [0, 128, 255])
def test_symbols_of_another_quality_are_an_error(quality_index, codec, family):
    with pytest.raises(CorruptFileError):
        codec.decode(file_with(codec, family, quality_index=quality_index))


def test_giant_claim_is_refused_before_memory_is_reserved(codec, family, monkeypatch):
    forged = file_with(codec, family, width=2**24, height=2**24)
    monkeypatch.setattr(CodingPrior, "planes", None)  # a call would be a TypeError
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeError, match="raise max_pixels"):
        codec.decode(forged)
    with pytest.raises(TooLargeError, match="raise max_pixels"):
        check_symbols_of(forged)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 32 * 1024


def test_limit_of_the_codec_holds_from_one_pixel_above_it(codec, data):
    num_pixels = PIXELS.shape[0] * PIXELS.shape[1]
    assert Codec(device="cpu", max_pixels=num_pixels).decode(data).size == (48, 40)
    with pytest.raises(TooLargeError):
        Codec(device="cpu", max_pixels=num_pixels - 1).decode(data)


def test_file_of_other_weights_of_the_family_is_refused_by_both_fingerprints(codec, family):
    forged = file_with(codec, family, family_fingerprint=b"\x01\x02\x03\x04")
    for check in (codec.decode, check_symbols_of):
        found = f"{codec.info.family} 01020304, installed is {family.fingerprint.hex()}"
        with pytest.raises(ModelError, match=f"made with weights {found}"):
            check(forged)


def test_file_of_an_unknown_family_is_refused_by_its_number(codec, family):
    for check in (codec.decode, check_symbols_of):
        with pytest.raises(ModelError, match="latent family 31, which this licodec does not know"):
            check(file_with(codec, family, family_id=31))


def test_family_is_named_before_a_profile_that_is_unknown_too(codec, family):
    with pytest.raises(ModelError, match="latent family 31, which this licodec does not know"):
        licodec.decode(file_with(codec, family, family_id=31, profile_id=7))


def test_file_made_for_another_synthesis_decodes_with_the_one_at_hand(codec, family):
    own = codec.decode(file_with(codec, family))
    other = file_with(codec, family, profile_id=7, synthesis_fingerprint=b"\xff\xff")
    assert codec.decode(other).tobytes() == own.tobytes()


def test_check_passes_a_whole_file_and_reports_a_flipped_bit(data):
    check_symbols_of(data)
    damaged = data[:-1] + bytes([data[-1] ^ 0x40])
    with pytest.raises(CorruptFileError):
        check_symbols_of(damaged)
