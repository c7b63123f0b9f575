"""The last layer of a synthesis is fitted to a picture by the encoder, and so moved by decoders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from licodec import native
from licodec.codec import adaptive_filter as filter_module
from licodec.codec.adaptive_filter import fit_filter, moments
from licodec.codec.decode import decode_pixels
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.model import Family, Synthesis
from licodec.codec.region import Region
from licodec.container.read import read_container
from licodec.entropy.adaptive_filter import NO_FILTER, NUM_DIRECTIONS
from licodec.errors import CorruptFileError
from licodec.native.threads import set_num_threads
from licodec.train.data import Pictures
from licodec.train.directions import fit_directions
from licodec.transform.colour import grey_to_luma, rgb_to_planes
from licodec.transform.integer import IntegerSynthesis
from licodec.transform.patches import to_patches
from licodec.transform.reference import corrected_planes
from tests.codec.files import file_of
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network, tiny_synthesis

CPU = "cpu"
QUALITY = 160
OWN, FOREIGN = b"\1\2", b"\3\4"


@pytest.fixture(scope="module")
def network():
    return tiny_network(seed=7)


@pytest.fixture(scope="module")
def family(network) -> Family:
    return tiny_family(network)


@pytest.fixture(scope="module")
def correction(network) -> IntegerSynthesis:
    """Too dark and too red, which the first two directions can make up for."""
    luma, red = slice(0, 4), slice(4, 8)
    directions = torch.zeros(NUM_DIRECTIONS, 12, 9)
    directions[0, luma, -1] = directions[1, red, -1] = 0.05
    network.synthesis.last.out.bias[luma] -= 0.5
    network.synthesis.last.out.bias[red] += 0.3
    return tiny_synthesis(network, directions)


def use_isa(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthesise with the library, or with torch where it is "none"."""
    library = None if isa == native.NO_LIBRARY else native.find()
    monkeypatch.setattr("licodec.codec.synthesis.native.find", lambda: library)


def coded(pixels: np.ndarray, family: Family) -> Encoded:
    return encode_pixels(pixels, family, QUALITY, CPU, choice="tcq8")


def tuned(pixels: np.ndarray, family: Family, correction: IntegerSynthesis) -> Encoded:
    return fit_filter(coded(pixels, family), pixels, family, correction, QUALITY)


def file_of_own(encoded: Encoded, pixels: np.ndarray) -> bytes:
    return file_of(encoded, pixels, QUALITY, synthesis=OWN)


def decoded(
    data: bytes,
    family: Family,
    correction: IntegerSynthesis,
    fingerprint: bytes = OWN,
    **options: Region,
) -> np.ndarray:
    container = read_container(data)
    return decode_pixels(container, family, Synthesis(fingerprint, correction), {}, **options)


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.square(a.astype(float) - b).mean())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(256, 192), (151, 101)])
def test_a_tuned_file_decodes_with_less_error(width, height, mode, family, correction):
    pixels = crop(width, height, mode)
    plain, better = coded(pixels, family), tuned(pixels, family, correction)
    assert better.adaptive_filter.shape == (NUM_DIRECTIONS,)
    before = mse(decoded(file_of_own(plain, pixels), family, correction), pixels)
    after = mse(decoded(file_of_own(better, pixels), family, correction), pixels)
    assert after < 0.97 * before
    assert len(better.payload) - len(plain.payload) <= 8
    expected = [10, -6] if mode == "RGB" else [10, 0]
    np.testing.assert_allclose(better.adaptive_filter[:2], expected, atol=2)
    assert not better.adaptive_filter[2:].any()


def test_a_decoder_with_another_synthesis_leaves_the_numbers_aside(family, correction):
    pixels = crop(200, 130)
    plain, better = coded(pixels, family), tuned(pixels, family, correction)
    assert len(better.adaptive_filter)
    found = decoded(file_of_own(better, pixels), family, correction, FOREIGN)
    np.testing.assert_array_equal(found, decoded(file_of_own(plain, pixels), family, correction))


def test_a_region_of_a_tuned_file_is_that_of_the_whole(family, correction):
    pixels = crop(256, 192)
    data = file_of_own(tuned(pixels, family, correction), pixels)
    whole = decoded(data, family, correction)
    part = decoded(data, family, correction, region=Region(40, 30, 100, 90))
    np.testing.assert_array_equal(part, whole[30:120, 40:140])


def test_tuning_does_not_depend_on_the_number_of_threads(family, correction):
    pixels = crop(256, 192)
    found = []
    try:
        for number in (1, 2, 3):
            set_num_threads(number)
            found.append(tuned(pixels, family, correction))
    finally:
        set_num_threads(None)
    assert len(found[0].adaptive_filter)
    for other in found[1:]:
        np.testing.assert_array_equal(other.adaptive_filter, found[0].adaptive_filter)
        assert other.payload == found[0].payload


@pytest.mark.parametrize(("width", "height"), [(1, 1), (300, 1)])
def test_pictures_that_it_does_not_pay_for_are_not_tuned(width, height, family, correction):
    pixels = crop(width, height)
    plain, same = coded(pixels, family), tuned(pixels, family, correction)
    assert len(same.adaptive_filter) == 0
    assert same.payload == plain.payload
    assert decoded(file_of_own(same, pixels), family, correction).shape == pixels.shape


def test_a_synthesis_without_directions_is_not_tuned(network, family):
    pixels = crop(200, 130)
    other = tiny_synthesis(tiny_network(seed=7))
    assert other.directions is None
    plain = coded(pixels, family)
    assert fit_filter(plain, pixels, family, other, QUALITY) is plain


@pytest.mark.parametrize("isa", ["", "none"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_moments_are_those_of_the_whole_picture_at_once(isa, mode, family, correction, monkeypatch):
    pixels = crop(150, 90, mode)
    encoded = coded(pixels, family)
    use_isa(isa, monkeypatch)
    monkeypatch.setattr(filter_module, "_STRIP_PX", 192 * 24)
    found = moments(pixels, encoded.synthesis, correction, QUALITY)
    form = correction.at(QUALITY, NO_FILTER)
    last = form.parts[-1]
    planes, seen = corrected_planes(form, torch.from_numpy(encoded.planes))
    patch = last.patch_px
    x = seen[:, : 90 // patch, : 150 // patch].flatten(1).double()
    x = torch.cat([x, torch.ones_like(x[:1])]) * last.out.gain
    channels = torch.from_numpy(pixels.copy()).float()
    planes = planes[None].double() / 64
    if mode == "L":
        wanted, planes = grey_to_luma(channels)[None, None], planes[:, :1]
    else:
        wanted = rgb_to_planes(channels.permute(2, 0, 1)[None])
    lack = to_patches(wanted.double() - planes[:, :, :90, :150], patch)[0].flatten(1)
    assert found.share == 1
    scale = float(np.abs(found.features).max())
    np.testing.assert_allclose(found.features, (x @ x.t()).numpy(), atol=1e-5 * scale)
    scale = float(np.abs(found.missing).max())
    np.testing.assert_allclose(found.missing, (lack @ x.t()).numpy(), atol=1e-4 * scale)
    assert found.error == pytest.approx(float(lack.square().sum()), rel=1e-4)


def test_gain_of_the_last_layer_is_what_its_integers_give(correction):
    for index in (0, 90, 255):
        part = correction.parts[-1]
        last = part.at(index, None).out
        exact = part.out_weight * last.gain * 64 * 2.0**last.shift
        np.testing.assert_allclose(last.weight, exact, atol=0.51)


def test_of_large_pictures_bands_stand_for_the_whole(family, correction, monkeypatch):
    pixels = crop(192, 288)
    encoded = coded(pixels, family)
    whole = moments(pixels, encoded.synthesis, correction, QUALITY)
    monkeypatch.setattr(filter_module, "_MOST_PX", 192 * 144)
    part = moments(pixels, encoded.synthesis, correction, QUALITY)
    assert 0.3 < part.share < 0.6
    assert part.error / part.share == pytest.approx(whole.error, rel=0.3)
    better = fit_filter(encoded, pixels, family, correction, QUALITY)
    before = mse(decoded(file_of_own(encoded, pixels), family, correction), pixels)
    assert mse(decoded(file_of_own(better, pixels), family, correction), pixels) < before


def test_a_number_that_no_encoder_writes_is_refused(family, correction):
    pixels = crop(64, 64)
    encoded = coded(pixels, family)
    table = np.array([family.tables.shift_table], np.uint8)
    for wrong in (2, -1):
        forged = replace(encoded, steps=[*encoded.steps, (np.array([wrong], np.int16), table)])
        with pytest.raises(CorruptFileError, match=f"ends with {wrong}, expected 0 or 1"):
            decoded(file_of_own(forged, pixels), family, correction)


def test_an_encode_is_not_tuned_by_itself(family):
    encoded = coded(crop(64, 64), family)
    assert encoded.adaptive_filter is NO_FILTER
    assert encoded.batches[-1][0].tolist() == [0]


def test_directions_take_away_what_pictures_lack_most(network, family):
    changed = tiny_network(seed=7)
    pictures = Pictures([crop(128, 128), crop(128, 128, name="chelsea")], [1.0, 1.0])
    changed.synthesis.last.out.bias[:4] -= 0.5
    other = tiny_synthesis(changed)
    other.directions = fit_directions(family, other, pictures).numpy()
    assert other.directions.shape == (NUM_DIRECTIONS, 12, 9)
    pixels = crop(256, 192)
    plain, better = coded(pixels, family), tuned(pixels, family, other)
    before = mse(decoded(file_of_own(plain, pixels), family, other), pixels)
    assert mse(decoded(file_of_own(better, pixels), family, other), pixels) < 0.97 * before
