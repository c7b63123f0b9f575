"""Every way to choose symbols gives a file that decodes to what the encoder saw."""

from __future__ import annotations

import numpy as np
import pytest

from licodec.codec.decode import decode_symbols
from licodec.codec.encode import encode_pixels
from licodec.codec.model import Family
from licodec.config import CHOICES, EFFORT_CHOICES, choice_of
from licodec.container.read import read_container
from licodec.entropy.tables import MAX_SHIFT
from licodec.errors import CorruptFileError
from tests.codec.files import file_of
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network

CPU = "cpu"


@pytest.fixture(scope="module")
def tiny() -> Family:
    return tiny_family(tiny_network(seed=4))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33), (200, 130), (64, 64)])
def test_decoder_finds_the_planes_of_the_encoder(width, height, mode, choice, tiny):
    pixels = crop(width, height, mode)
    encoded = encode_pixels(pixels, tiny, 200, CPU, choice=choice)
    decoded = decode_symbols(read_container(file_of(encoded, pixels, 200)), tiny)
    np.testing.assert_array_equal(decoded, encoded.planes)


@pytest.mark.parametrize("choice", CHOICES)
def test_shifts_of_scale_indices_fit_the_picture(choice, tiny):
    """A prior without training is far off in every band."""
    encoded = encode_pixels(crop(200, 130), tiny, 200, CPU, choice=choice)
    own = tiny.tables.shift_table
    coded = [s for s, used in encoded.batches if used.size and used[0] == own]
    assert sum(np.count_nonzero(s) for s in coded) > 20
    assert np.concatenate(coded).size <= sum(s.size for s in encoded.shifts)
    assert max(abs(int(s.max())) for s in coded) <= MAX_SHIFT
    nonzero = sum(np.count_nonzero(s) for s in encoded.shifts)
    assert nonzero == sum(np.count_nonzero(s) for s in coded)


@pytest.mark.parametrize("choice", ["rdoq", "tcq8", "tcq128"])
def test_extreme_contrast_at_the_highest_quality_survives(choice, tiny):
    pixels = np.zeros((70, 90, 3), np.uint8)
    pixels[::2, 1::2] = 255
    encoded = encode_pixels(pixels, tiny, 255, CPU, choice=choice, is_all_coded=True)
    decoded = decode_symbols(read_container(file_of(encoded, pixels, 255)), tiny)
    np.testing.assert_array_equal(decoded, encoded.planes)
    assert max(np.abs(np.frombuffer(s, "<i2")).max(initial=0) for s in encoded.symbols) > 30


@pytest.mark.parametrize("choice", ["tcq8", "tcq128"])
def test_trellis_uses_tables_of_both_quantizers_beside_plain_ones(choice, tiny):
    encoded = encode_pixels(crop(200, 130), tiny, 200, CPU, choice=choice)
    used = np.unique(np.concatenate(encoded.tables_used))
    assert (used < 64).any()
    assert ((used >= 64) & (used < 128)).any()
    assert (used >= 128).any()
    assert encoded.quantizer == choice


@pytest.mark.parametrize("choice", ["tcq8", "tcq128"])
@pytest.mark.parametrize("seed", range(12))
def test_damaged_payload_of_a_trellis_is_reported(seed, choice, tiny):
    pixels = crop(130, 100)
    data = bytearray(file_of(encode_pixels(pixels, tiny, 180, CPU, choice=choice), pixels, 180))
    rng = np.random.default_rng(seed)
    for at in rng.integers(40, len(data) - 1, 1 + seed % 3):
        data[at] ^= int(rng.integers(1, 256))
    with pytest.raises(CorruptFileError):
        decode_symbols(read_container(bytes(data)), tiny)


def test_rate_scale_above_one_takes_fewer_bytes(tiny):
    sizes = [
        len(encode_pixels(crop(128, 128), tiny, 180, CPU, choice="rdoq", rate_scale=s).payload)
        for s in (0.5, 1.0, 2.0)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_efforts_name_choices_and_a_quantizer_overrides_them():
    assert [choice_of(effort) for effort in range(len(EFFORT_CHOICES))] == list(EFFORT_CHOICES)
    assert choice_of(0, "tcq8") == "tcq8"
    with pytest.raises(ValueError, match="effort is -1"):
        choice_of(-1)
    with pytest.raises(ValueError, match="quantizer is 'best'"):
        choice_of(2, "best")
