"""The default effort fits the latent of a picture to the synthesis that will decode it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from licodec import native
from licodec.api import Codec
from licodec.codec.adaptive_filter import fit_filter
from licodec.codec.encode import Encoded, encode_pixels
from licodec.codec.fitted import encode_fitted, fitted_latent
from licodec.codec.latent import Latent, analysed_latent
from licodec.codec.model import Family
from licodec.config import DEFAULT_CHOICE
from licodec.native.threads import set_num_threads
from licodec.prior.layout import StepElements, detail_steps
from licodec.search.objective import Objective, decoded_pixels
from licodec.transform.grid import NUM_LEVELS
from licodec.transform.integer import IntegerSynthesis
from tests.photos import crop, psnr_db
from tests.tiny import tiny_family, tiny_network, tiny_synthesis

CPU = "cpu"
QUALITY = 160


@pytest.fixture(scope="module")
def family() -> Family:
    return tiny_family(tiny_network(seed=7))


@pytest.fixture(scope="module")
def correction() -> IntegerSynthesis:
    """Makes pictures too dark and too red."""
    network = tiny_network(seed=7)
    network.synthesis.last.out.bias[:4] -= 0.5
    network.synthesis.last.out.bias[4:8] += 0.3
    return tiny_synthesis(network)


def as_analysed(pixels: np.ndarray, family: Family, correction: IntegerSynthesis) -> Encoded:
    encoded = encode_pixels(pixels, family, QUALITY, CPU, choice=DEFAULT_CHOICE)
    return fit_filter(encoded, pixels, family, correction, QUALITY)


def details(latent: Latent) -> list[np.ndarray]:
    steps = [(n, s.channels) for n in range(1, NUM_LEVELS + 1) for s in detail_steps(n)]
    return [latent.at(StepElements(level, channels)) for level, channels in steps]


@pytest.mark.parametrize(
    ("width", "height", "mode"), [(64, 64, "RGB"), (90, 70, "L"), (33, 150, "RGB"), (5, 3, "L")]
)
def test_what_the_synthesis_does_wrong_is_made_up_for(width, height, mode, family, correction):
    pixels = crop(width, height, mode)
    plain = as_analysed(pixels, family, correction)
    fitted = encode_fitted(pixels, family, correction, QUALITY, CPU)
    before, after = (
        psnr_db(pixels, decoded_pixels(encoded, pixels, correction, QUALITY))
        for encoded in (plain, fitted)
    )
    assert after > before + 0.3


@pytest.mark.parametrize("tune", ["psnr", "visual"])
@pytest.mark.parametrize("profile", ["balanced", "fast"])
def test_photographs_get_cheaper(profile: str, tune: str) -> None:
    codec = Codec(profile, device=CPU, tune=tune)
    family, correction = codec._family, codec._synthesis.correction
    gains = []
    for name, left in (("coffee", 200), ("coffee", 0), ("chelsea", 100)):
        pixels = crop(192, 192, name=name, left=left)
        for index in (60, 130, 200):
            cost = Objective(pixels, family, correction, index, CPU).cost
            plain = encode_pixels(pixels, family, index, CPU, choice=DEFAULT_CHOICE)
            plain = fit_filter(plain, pixels, family, correction, index)
            fitted = encode_fitted(pixels, family, correction, index, CPU)
            gains.append(1 - cost(fitted).rd / cost(plain).rd)
    assert np.mean(gains) > 0.002


@pytest.mark.parametrize(
    ("width", "height", "mode"), [(300, 270, "RGB"), (90, 70, "L"), (7, 9, "L")]
)
def test_for_the_eye_moves_are_small(width, height, mode, family, correction):
    """A share of the way to what was coded, which is a step away at most, and of a step."""
    pixels, visual = crop(width, height, mode), replace(family, tune="visual")
    before = details(analysed_latent(pixels, visual, QUALITY, CPU))
    after = details(fitted_latent(pixels, visual, correction, QUALITY, CPU))
    largest = max(abs(x - y).max() for x, y in zip(before, after, strict=True))
    assert 0.05 < largest < 0.25


def test_given_values_are_coded(family, correction):
    pixels = crop(90, 70)
    values = analysed_latent(pixels, family, QUALITY, CPU)
    fitted = encode_fitted(pixels, family, correction, QUALITY, CPU, values=values)
    assert fitted.payload == as_analysed(pixels, family, correction).payload


def test_strips_do_not_matter(family, correction, monkeypatch):
    pixels = crop(90, 150)
    whole = details(fitted_latent(pixels, family, correction, QUALITY, CPU))
    monkeypatch.setattr("licodec.codec.back_projection._STRIP_PX", 90 * 24)
    for first, second in zip(
        whole, details(fitted_latent(pixels, family, correction, QUALITY, CPU)), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("tune", ["psnr", "visual"])
def test_latent_is_the_same_on_torch_and_on_any_number_of_threads(
    tune, family, correction, monkeypatch
):
    pixels, tuned = crop(300, 190), replace(family, tune=tune)
    found = []
    for library, num_threads in ((native.find(), 1), (native.find(), 3), (None, 1)):
        monkeypatch.setattr("licodec.native.find", lambda library=library: library)
        set_num_threads(num_threads)
        try:
            found.append(details(fitted_latent(pixels, tuned, correction, QUALITY, CPU)))
        finally:
            set_num_threads(None)
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(first, second)
