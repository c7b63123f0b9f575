"""The last layer of a synthesis is fitted to a picture by the encoder, and so moved by decoders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from licodec.codec import tuning as tuning_module
from licodec.codec.decode import decode_pixels
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.model import Family, Synthesis
from licodec.codec.region import Region
from licodec.codec.torch_synthesis import quality_tensors
from licodec.codec.tuning import moments, tune
from licodec.container.read import read_container
from licodec.entropy.tuning import NO_TUNING, NUM_DIRECTIONS
from licodec.errors import CorruptFileError
from licodec.train.data import Pictures
from licodec.train.directions import fit_directions
from licodec.transform.colour import grey_to_luma, rgb_to_planes
from licodec.transform.correction import Correction
from licodec.transform.patches import to_patches
from tests.codec.files import file_of
from tests.photos import crop
from tests.tiny import tiny_family, tiny_network

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
def correction(network) -> Correction:
    """Too dark and too red, which the first two directions can make up for."""
    found: Correction = network.synthesis
    luma, red = slice(0, 4), slice(4, 8)
    found.directions = torch.zeros(NUM_DIRECTIONS, 12, 9)
    found.directions[0, luma, -1] = found.directions[1, red, -1] = 0.05
    found.last.out.bias[luma] -= 0.5
    found.last.out.bias[red] += 0.3
    return found


def coded(pixels: np.ndarray, family: Family) -> Encoded:
    return encode_pixels(pixels, family, QUALITY, CPU, choice="tcq8")


def tuned(pixels: np.ndarray, family: Family, correction: Correction) -> Encoded:
    return tune(coded(pixels, family), pixels, family, correction, QUALITY, CPU)


def file_of_own(encoded: Encoded, pixels: np.ndarray) -> bytes:
    return file_of(encoded, pixels, QUALITY, synthesis=OWN)


def decoded(
    data: bytes, family: Family, correction: Correction, fingerprint: bytes = OWN, **told: Region
) -> np.ndarray:
    container = read_container(data)
    return decode_pixels(
        container, family, Synthesis(fingerprint, lambda: correction), CPU, {}, **told
    )


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.square(a.astype(float) - b).mean())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(256, 192), (151, 101)])
def test_a_tuned_file_decodes_with_less_error(width, height, mode, family, correction):
    pixels = crop(width, height, mode)
    plain, better = coded(pixels, family), tuned(pixels, family, correction)
    assert better.tuning.shape == (NUM_DIRECTIONS,)
    before = mse(decoded(file_of_own(plain, pixels), family, correction), pixels)
    after = mse(decoded(file_of_own(better, pixels), family, correction), pixels)
    assert after < 0.97 * before
    assert len(better.payload) - len(plain.payload) <= 8
    expected = [10, -6] if mode == "RGB" else [10, 0]
    np.testing.assert_allclose(better.tuning[:2], expected, atol=2)
    assert not better.tuning[2:].any()


def test_a_decoder_with_another_synthesis_leaves_the_numbers_aside(family, correction):
    pixels = crop(200, 130)
    plain, better = coded(pixels, family), tuned(pixels, family, correction)
    assert len(better.tuning)
    found = decoded(file_of_own(better, pixels), family, correction, FOREIGN)
    np.testing.assert_array_equal(found, decoded(file_of_own(plain, pixels), family, correction))


def test_a_region_of_a_tuned_file_is_that_of_the_whole(family, correction):
    pixels = crop(256, 192)
    data = file_of_own(tuned(pixels, family, correction), pixels)
    whole = decoded(data, family, correction)
    part = decoded(data, family, correction, region=Region(40, 30, 100, 90))
    assert np.abs(part.astype(int) - whole[30:120, 40:140]).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (300, 1)])
def test_pictures_that_it_does_not_pay_for_are_not_tuned(width, height, family, correction):
    pixels = crop(width, height)
    plain, same = coded(pixels, family), tuned(pixels, family, correction)
    assert len(same.tuning) == 0
    assert same.payload == plain.payload
    assert decoded(file_of_own(same, pixels), family, correction).shape == pixels.shape


def test_a_synthesis_without_directions_is_not_tuned(network, family):
    pixels = crop(200, 130)
    other = tiny_network(seed=7).synthesis
    assert other.directions is None
    plain = coded(pixels, family)
    assert tune(plain, pixels, family, other, QUALITY, CPU) is plain


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_moments_are_those_of_the_whole_picture_at_once(mode, family, correction):
    pixels = crop(150, 90, mode)
    encoded = coded(pixels, family)
    found = moments(pixels, encoded.synthesis, correction, family, QUALITY, CPU)
    weights, step_px = quality_tensors(family.config, QUALITY)
    taken = []
    handle = correction.last.out.register_forward_pre_hook(lambda _, x: taken.append(x[0]))
    with torch.inference_mode():
        corrected = correction(
            torch.from_numpy(encoded.planes)[None].float() / 64, weights, step_px
        )
    handle.remove()
    patch = correction.last.patch_px
    gain = step_px * torch.exp(weights @ correction.last.log_gain)
    x = taken[0][0, :, : 90 // patch, : 150 // patch].flatten(1)
    x = torch.cat([x, torch.ones_like(x[:1])]) * gain
    channels = torch.from_numpy(pixels.copy()).float()
    if mode == "L":
        wanted, corrected = grey_to_luma(channels)[None, None], corrected[:, :1]
    else:
        wanted = rgb_to_planes(channels.permute(2, 0, 1)[None])
    lack = to_patches(wanted - corrected[:, :, :90, :150], patch)[0].flatten(1)
    assert found.share == 1
    np.testing.assert_allclose(
        found.features, (x @ x.t()).numpy(), rtol=0.02, atol=0.02 * x.numel()
    )
    assert found.error == pytest.approx(float(lack.square().sum()), rel=0.01)
    assert found.missing.shape == (len(lack), len(x))


def test_of_large_pictures_bands_stand_for_the_whole(family, correction, monkeypatch):
    pixels = crop(192, 288)
    encoded = coded(pixels, family)
    whole = moments(pixels, encoded.synthesis, correction, family, QUALITY, CPU)
    monkeypatch.setattr(tuning_module, "_MOST_PX", 192 * 144)
    part = moments(pixels, encoded.synthesis, correction, family, QUALITY, CPU)
    assert 0.3 < part.share < 0.6
    assert part.error / part.share == pytest.approx(whole.error, rel=0.3)
    better = tune(encoded, pixels, family, correction, QUALITY, CPU)
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
    assert encoded.tuning is NO_TUNING
    assert encoded.batches[-1][0].tolist() == [0]


def test_directions_take_away_what_pictures_lack_most(network, family):
    other = tiny_network(seed=7).synthesis
    pictures = Pictures([crop(128, 128), crop(128, 128, name="chelsea")], [1.0, 1.0])
    other.last.out.bias[:4] -= 0.5
    other.directions = fit_directions(family, other, pictures)
    assert other.directions.shape == (NUM_DIRECTIONS, 12, 9)
    assert other.directions.isfinite().all()
    pixels = crop(256, 192)
    plain, better = coded(pixels, family), tuned(pixels, family, other)
    before = mse(decoded(file_of_own(plain, pixels), family, other), pixels)
    assert mse(decoded(file_of_own(better, pixels), family, other), pixels) < 0.97 * before
