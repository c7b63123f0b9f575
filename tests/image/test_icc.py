"""Profiles made from colour facts mean what they say; colours come to sRGB by them."""

import io

import numpy as np
import pytest
from PIL import ImageCms

from licodec.image.colours import convert_to_srgb
from licodec.image.icc import (
    DISPLAY_P3,
    PRIMARIES_BY_NUMBER,
    SRGB,
    Primaries,
    fit_profile,
    make_profile,
    profile_space,
)
from tests.image.profiles import cmyk_profile, srgb_profile

# Linear Display P3 to linear sRGB, from CSS Color Module Level 4.
P3_TO_SRGB = np.array(
    [
        [1.2249401762805598, -0.22494017628055996, 0.0],
        [-0.042056954709688163, 1.0420569547096881, 0.0],
        [-0.019637554590334432, -0.078636045550631889, 1.0982736001409663],
    ]
)


def to_light(samples: np.ndarray) -> np.ndarray:
    values = samples / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_samples(light: np.ndarray) -> np.ndarray:
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_wide_gamut_comes_to_srgb_as_css_defines_it() -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    expected = to_samples(to_light(pixels) @ P3_TO_SRGB.T)
    found = convert_to_srgb(pixels, make_profile(DISPLAY_P3))
    # LittleCMS converts 8-bit samples over 16-bit tables.
    assert np.abs(found - expected).max() <= 1.5


@pytest.mark.parametrize("profile", [make_profile(SRGB), srgb_profile()])
def test_srgb_stays_as_it_is(profile: bytes) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(convert_to_srgb(pixels, profile), pixels)


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_grey_follows_its_gamma(gamma: float) -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    expected = to_samples((grey / 255) ** gamma)
    assert np.abs(convert_to_srgb(grey, make_profile(None, gamma)) - expected).max() <= 1.5
    colours = np.repeat(grey.T[:, :, None], 3, 2)
    found = convert_to_srgb(colours, make_profile(SRGB, gamma))
    assert np.abs(found[:, 0].T - expected).max() <= 1.5


@pytest.mark.parametrize("number", PRIMARIES_BY_NUMBER)
def test_white_is_white_under_all_primaries(number: int) -> None:
    profile = make_profile(PRIMARIES_BY_NUMBER[number], 2.2)
    white = np.full((1, 1, 3), 255, np.uint8)
    assert convert_to_srgb(white, profile).min() >= 254
    assert len(profile) < 600
    description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert description.strip() == "RGB, gamma 2.2"


@pytest.mark.parametrize(
    ("profile", "space"),
    [
        (make_profile(SRGB), "RGB"),
        (make_profile(None), "GRAY"),
        (cmyk_profile(), "CMYK"),
        (b"", None),
        (b"x" * 500, None),
        (make_profile(SRGB)[:100], None),
    ],
)
def test_space_of_a_profile_is_read_from_its_head(profile: bytes, space: str | None) -> None:
    assert profile_space(profile) == space


@pytest.mark.parametrize(
    "primaries",
    [
        Primaries((0.3, 0.0), (0.6, 0.3), (0.3, 0.6), (0.1, 0.1)),
        Primaries((0.3, 0.3), (0.1, 0.1), (0.2, 0.2), (0.3, 0.3)),
        Primaries((0.9, 0.05), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    ],
)
def test_impossible_primaries_are_refused(primaries: Primaries) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        make_profile(primaries)


def test_note_on_a_profile_has_no_control_characters() -> None:
    damaged = make_profile(SRGB)[:16] + b"RG\n\0" + make_profile(SRGB)[20:]
    assert fit_profile(damaged, is_grey=False) == (
        None,
        ("ICC profile is for RG?? pixels and dropped, these are RGB",),
    )
