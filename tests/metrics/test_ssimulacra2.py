"""Scores against the package, which takes its own way: numpy and scipy in float64."""

import io

import numpy as np
import pytest
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from licodec.api import Codec
from licodec.evaluate.peers import find_peer
from licodec.metrics.ssimulacra2 import ssimulacra2
from tests.metrics.distortions import DISTORTIONS, PICTURES, spoilt_pair
from tests.photos import crop

TOLERANCE = 0.001  # points


def package_score(reference: np.ndarray, decoded: np.ndarray) -> float:
    files = [io.BytesIO(), io.BytesIO()]
    for pixels, file in zip((reference, decoded), files, strict=True):
        Image.fromarray(pixels).save(file, "PPM")
    return float(compute_ssimulacra2(*files))


@pytest.mark.parametrize("distortion", DISTORTIONS)
@pytest.mark.parametrize("picture", PICTURES)
def test_scores_of_spoilt_pictures_are_those_of_the_package(picture: str, distortion: str) -> None:
    pair = spoilt_pair(picture, distortion)
    assert ssimulacra2(*pair) == pytest.approx(package_score(*pair), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "quality"),
    [("jpeg", 10), ("jpeg", 50), ("jpeg", 95), ("avif", 20), ("avif", 60), ("avif", 90)],
)
@pytest.mark.parametrize("picture", ["coffee", "chelsea"])
def test_scores_of_decoded_pictures_are_those_of_the_package(
    picture: str, name: str, quality: int
) -> None:
    reference, peer = crop(320, 263, name=picture), find_peer(name)
    decoded = np.asarray(peer.decode(peer.encode(Image.fromarray(reference), quality)))
    expected = package_score(reference, decoded)
    assert ssimulacra2(reference, decoded) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("quality", [20, 70])
def test_scores_of_licodecs_pictures_are_those_of_the_package(codec: Codec, quality: int) -> None:
    reference = crop(193, 211)
    data = codec.encode(Image.fromarray(reference), quality=quality)
    decoded = np.asarray(codec.decode(data))
    expected = package_score(reference, decoded)
    assert ssimulacra2(reference, decoded) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("picture", PICTURES)
def test_equal_pictures_score_100(picture: str) -> None:
    pixels = PICTURES[picture]()
    assert ssimulacra2(pixels, pixels.copy()) == 100


def test_scores_fall_as_the_error_grows() -> None:
    reference = crop(96, 96)
    noise = np.random.default_rng(3).integers(-1, 2, reference.shape)
    scores = [
        ssimulacra2(reference, np.clip(reference + strength * noise, 0, 255).astype(np.uint8))
        for strength in (0, 1, 3, 8, 20, 60)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0


def test_black_against_white_stays_finite() -> None:
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    assert -1e4 < ssimulacra2(black, white) < 70
    assert -1e4 < ssimulacra2(white, black) < 70


@pytest.mark.parametrize("shape", [(7, 64), (64, 7), (1, 1)])
def test_pictures_with_a_side_below_8_px_have_no_score(shape: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert ssimulacra2(pixels, pixels) is None


def test_pixels_need_not_lie_in_one_piece() -> None:
    reference, decoded = spoilt_pair("coffee", "noisy")
    mirrored = ssimulacra2(reference[:, ::-1], decoded[:, ::-1])
    assert mirrored == ssimulacra2(reference[:, ::-1].copy(), decoded[:, ::-1].copy())


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((9, 10, 3), np.uint8),
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8|the reference is"):
        ssimulacra2(np.zeros((9, 9, 3), np.uint8), other)
