"""Metadata goes when it is not wanted, and colours stay right without their profile."""

import itertools

import numpy as np
import pytest

from licodec.config import METADATA_KINDS
from licodec.image.colours import convert_to_srgb
from licodec.image.icc import DISPLAY_P3, SRGB, make_profile
from licodec.image.keep import keep_only
from licodec.image.picture import Picture


def full_picture(icc: bytes) -> Picture:
    pixels = np.random.default_rng(8).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Picture(pixels=pixels, icc=icc, exif=b"II*\0", xmp=b"<x/>", notes=("first",))


@pytest.mark.parametrize(
    "kinds", [kinds for n in range(4) for kinds in itertools.combinations(METADATA_KINDS, n)]
)
def test_exactly_what_is_named_stays(kinds: tuple[str, ...]) -> None:
    kept = keep_only(full_picture(make_profile(DISPLAY_P3)), kinds)
    found = {kind for kind in METADATA_KINDS if getattr(kept, kind) is not None}
    assert found == set(kinds)


def test_without_profile_colours_are_converted_and_it_is_told() -> None:
    picture = full_picture(make_profile(DISPLAY_P3))
    kept = keep_only(picture, ())
    assert picture.icc is not None
    np.testing.assert_array_equal(kept.pixels, convert_to_srgb(picture.pixels, picture.icc))
    assert kept.notes == ("first", "colours converted to sRGB: its ICC profile is not kept")


def test_profile_of_srgb_goes_without_a_word() -> None:
    picture = full_picture(make_profile(SRGB))
    kept = keep_only(picture, ("exif",))
    np.testing.assert_array_equal(kept.pixels, picture.pixels)
    assert kept.notes == ("first",)


def test_unusable_profile_goes_and_it_is_told() -> None:
    broken = make_profile(DISPLAY_P3)[:128] + bytes(300)
    picture = full_picture(broken)
    kept = keep_only(picture, ())
    np.testing.assert_array_equal(kept.pixels, picture.pixels)
    assert kept.icc is None
    assert "unusable" in kept.notes[1]


@pytest.mark.parametrize("kinds", [("iptc",), ("icc", "gps"), "icc"])
def test_unknown_kinds_are_refused(kinds: tuple[str, ...] | str) -> None:
    with pytest.raises(ValueError, match="expected any of icc, exif, xmp"):
        keep_only(full_picture(make_profile(SRGB)), kinds)
